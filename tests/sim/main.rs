//! The simulator: a primary, two replicas, their files and their clients in one thread, on the
//! engine and the codec, without a server.
//!
//! `FW_SEED=n` starts with the run of seed n, `FW_SIM_OPERATIONS=n` does at least n operations. A
//! run that fails prints its seed and the shortest script that does. docs/reliability.md says what
//! is simulated and what is not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

// The generator of histories, the calendar and the engine's answers in plain words are shared with
// the model test.
#[path = "../engine/answer.rs"]
mod answer;
#[allow(dead_code)]
#[path = "../engine/explained.rs"]
mod explained;
#[allow(dead_code)]
#[path = "../engine/generate/mod.rs"]
mod generate;
#[allow(dead_code)]
#[path = "../engine/model/mod.rs"]
mod model;
#[path = "../engine/random.rs"]
mod random;
#[allow(dead_code)]
#[path = "../engine/script.rs"]
mod script;
#[path = "../engine/shorten.rs"]
mod shorten;
#[allow(dead_code)]
#[path = "../engine/subject.rs"]
mod subject;
#[path = "../engine/tell.rs"]
mod tell;

mod draw;
mod known;
mod node;
mod past;
mod plan;
mod promise;
mod quiet;
mod run;
mod tally;
mod world;

use std::time::Instant;

use tally::Tally;

const OPERATIONS: u64 = 500_000;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a whole number"))
}

#[test]
fn runs_with_faults_keep_what_the_contract_promises() {
    let first = setting("FW_SEED", 1);
    let most = setting("FW_SIM_OPERATIONS", OPERATIONS);
    println!("FW_SEED={first} FW_SIM_OPERATIONS={most}");
    let (mut seed, mut tally, began) = (first, Tally::default(), Instant::now());
    while tally.operations() < most {
        tally.add(&run::check(seed, &draw::plan(seed)));
        seed += 1;
    }
    let (seconds, runs) = (began.elapsed().as_secs_f64(), seed - first);
    println!("{} operations in {runs} runs and {seconds:.0} s: {tally:#?}", tally.operations());
}
