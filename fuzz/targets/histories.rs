//! What tests/engine/fuzzed.rs does, with the fuzzer's bytes.
#![no_main]
// The modules are shared with tests, which use all of them.
#![allow(dead_code)]

#[path = "../../tests/engine/answer.rs"]
mod answer;
#[path = "../../tests/engine/explained.rs"]
mod explained;
#[path = "../../tests/engine/fuzzed.rs"]
mod fuzzed;
#[path = "../../tests/engine/generate/mod.rs"]
mod generate;
#[path = "../../tests/engine/history.rs"]
mod history;
#[path = "../../tests/engine/model/mod.rs"]
mod model;
#[path = "../../tests/engine/random.rs"]
mod random;
#[path = "../../tests/engine/script.rs"]
mod script;
#[path = "../../tests/engine/shorten.rs"]
mod shorten;
#[path = "../../tests/engine/subject.rs"]
mod subject;
#[path = "../../tests/engine/tell.rs"]
mod tell;
#[path = "../../tests/engine/watch/mod.rs"]
mod watch;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzed::run(bytes));
