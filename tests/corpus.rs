//! Puts every input that fuzzing kept through the fuzz targets once more, without a fuzzer.
//!
//! `make fuzz` looks for more of them; those of the target `histories` run with tests/engine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/corpus.rs"]
mod corpus;
#[path = "fuzzed/mod.rs"]
mod fuzzed;

#[test]
fn every_input_of_the_target_arguments_passes() {
    assert!(corpus::each("arguments", fuzzed::arguments::run) > 0);
}

#[test]
fn every_input_of_the_target_account_passes() {
    assert!(corpus::each("account", fuzzed::account::run) > 0);
}

#[test]
fn every_input_of_the_target_effect_passes() {
    assert!(corpus::each("effect", fuzzed::effect::run) > 0);
}
