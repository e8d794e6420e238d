//! What tests/fuzzed/account.rs does, with the fuzzer's bytes.
#![no_main]
// The modules are shared with tests, which use all of them.
#![allow(dead_code)]

#[path = "../../tests/fuzzed/mod.rs"]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzed::account::run(bytes));
