//! Hostile input on a real server: words, payloads, keys and a server without memory.
//!
//! `FW_HOSTILE_ROUNDS=n` multiplies how many random things are tried, `FW_HOSTILE_MB=n` says how
//! large the largest argument is; `make torture-hostile` sets both. `FW_SEED=n` repeats a run.

mod keys;
mod memory;
mod payloads;
mod socket;
mod words;

#[path = "../../fuzzed/edit.rs"]
mod edit;
#[path = "../../fuzzed/input.rs"]
mod input;
#[path = "../../fuzzed/traffic.rs"]
mod traffic;

use crate::support::history::Random;
use crate::support::server::Server;

/// A figure from the environment.
fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().expect("a whole number"))
}

/// So many, times what the environment says.
fn rounds(short: usize) -> usize {
    short * setting("FW_HOSTILE_ROUNDS", 1)
}

/// A server that saves nothing.
fn server() -> Server {
    Server::start(&["appendonly no", "save \"\""])
}

fn bytes(random: &mut Random, count: usize) -> Vec<u8> {
    (0..count).map(|_| u8::try_from(random.below(256)).unwrap()).collect()
}

/// The account in a dump.
pub fn account_of(payload: &[u8]) -> Vec<u8> {
    payloads::Dump::of(payload).account
}

/// The good lines that have an account, which is called k.
fn forms_of_accounts() -> impl Iterator<Item = &'static str> {
    traffic::FORMS.iter().copied().filter(|form| form.contains(" k"))
}
