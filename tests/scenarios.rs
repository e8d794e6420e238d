//! Plays every scenario of tests/scenarios against the rules alone, without a server.
//!
//! The same scenarios run over a socket in the target `server`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/answer.rs"]
mod answer;
#[path = "support/history.rs"]
mod history;
#[path = "support/memory.rs"]
mod memory;
#[path = "support/scenario.rs"]
mod scenario;

#[test]
fn every_scenario_goes_as_written_without_a_server() {
    let count = scenario::play_all(&mut memory::Memory::default());
    assert!(count > 0, "there are scenarios");
}

#[test]
fn a_random_history_reads_back_and_replicates_without_a_server() {
    use scenario::Target;
    let mut random = history::Random::new();
    let mut memory = memory::Memory::default();
    for number in 0..20_000 {
        let command = random.command();
        println!("{number} {command}");
        memory.run(&scenario::words(&command));
    }
}
