//! Crashes, damaged files, replicas, failovers and clusters, on real servers.
//!
//! `cargo test --test torture` runs a short form of each; `make torture` the long one (`FW_TORTURE=long`), with a
//! line of figures for docs/reliability.md. Nothing waits for time to pass: servers are polled, and
//! are killed after so many replies.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

// Each test target uses its own part of what is shared.
#[allow(dead_code)]
#[path = "../support/mod.rs"]
mod support;

#[path = "../support/memory.rs"]
mod memory;
use support::{answer, scenario};

mod client;
mod cluster;
mod crash;
mod damage;
mod failover;
mod full;
mod old_votes;
mod replication;
mod started;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The long form is asked for.
fn is_long() -> bool {
    std::env::var("FW_TORTURE").is_ok_and(|form| form == "long")
}

/// A figure of the short form, or of the long one.
fn form<T>(short: T, long: T) -> T {
    if is_long() { long } else { short }
}

/// Only what hangs takes so long, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(300);

/// Looks until there is something to see.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < end, "it did not happen within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A server under load, killed when dropped: so clients end also when a test fails.
struct Doomed<'a>(&'a mut support::server::Server);

impl Drop for Doomed<'_> {
    fn drop(&mut self) {
        self.0.kill();
    }
}

/// Tells clients to stop, also when a test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// What a server says it is.
fn version(server: &mut support::server::Server) -> String {
    let info = server.must("INFO server");
    let text = info.word();
    let field = |name: &str| {
        let at = text.find(name)? + name.len();
        text[at..].split('\\').next().map(str::to_owned)
    };
    match field("valkey_version:") {
        Some(version) => format!("Valkey {version}"),
        None => format!("Redis {}", field("redis_version:").unwrap_or_default()),
    }
}
