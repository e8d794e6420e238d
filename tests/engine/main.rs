//! The engine without a server: random histories of commands against a second, naive
//! implementation of the contract.
//!
//! `FW_SEED=n` starts with the history of seed n, `FW_MODEL_COMMANDS=n` runs at least n commands.
//! The seeds used are printed; a history that fails is printed as the shortest script that does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod answer;
#[path = "../support/corpus.rs"]
mod corpus;
mod explained;
mod full;
mod fuzzed;
mod generate;
mod history;
mod model;
mod random;
mod script;
mod shorten;
mod subject;
mod tell;
mod watch;

const COMMANDS: u64 = 300_000;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a whole number"))
}

#[test]
fn random_histories_go_as_the_contract_says() {
    let first = setting("FW_SEED", 1);
    let most = setting("FW_MODEL_COMMANDS", COMMANDS);
    println!("FW_SEED={first} FW_MODEL_COMMANDS={most}");
    let (mut seed, mut commands) = (first, 0);
    while commands < most {
        commands += history::check(seed, &generate::script(seed));
        seed += 1;
    }
    println!("{commands} commands, the last history is FW_SEED={}", seed - 1);
}

#[test]
fn histories_of_full_accounts_go_as_the_contract_says() {
    let first = setting("FW_SEED", 1);
    println!("FW_SEED={first}");
    for seed in first..first + full::KINDS {
        history::check(seed, &full::script(seed));
    }
}

#[test]
fn every_input_of_the_fuzz_target_histories_goes_as_the_contract_says() {
    assert!(corpus::each("histories", fuzzed::run) > 0);
}

#[test]
fn a_history_that_fails_is_shortened_to_the_steps_it_needs() {
    let script = generate::script(1);
    let [first, last] = [script.steps[3].to_string(), script.steps[20].to_string()];
    let place = |script: &generate::Script, text: &str| {
        script.steps.iter().position(|step| step.to_string() == text)
    };
    let fails = |script: &generate::Script| match (place(script, &first), place(script, &last)) {
        (Some(first), Some(last)) => first < last,
        _ => false,
    };
    assert_eq!(history::shrink(&script, fails).steps.len(), 2);
}
