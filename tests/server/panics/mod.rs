//! Panics inside the module: an error before a change, the end of the server once one began.
//!
//! In a debug build `FW.PANIC place` arms a place in the code, and whoever comes by next panics. What
//! ships has neither; `tests/tidy.rs` holds that.

mod after;
mod before;
mod callbacks;

use crate::support::scenario::START;
use crate::support::server::Server;

/// What a command answers that failed before it changed anything.
const FAILED: &str = "ERR the module failed inside, and nothing changed; please report it";

/// A server on the test clock.
fn start(lines: &[&str]) -> Server {
    let own = [
        "appendfsync always",
        // What a server sends to its replicas by itself would look like a change.
        "repl-ping-replica-period 3600",
        // A server that ends by a signal looks through its memory, and at times faults at that.
        "crash-memcheck-enabled no",
    ];
    let mut server = Server::start(&[&own, lines].concat());
    set_clock(&mut server);
    server
}

/// Every server looks at its accounts at the same moment.
fn set_clock(server: &mut Server) {
    server.must(&format!("FW.CLOCK SET {START}"));
}

/// Arms a place.
fn arm(server: &mut Server, place: &str) {
    assert_eq!(server.says(&format!("FW.PANIC {place}")), "OK", "is it a debug build?");
}

/// How many panics the server's log tells of.
fn panics(server: &Server) -> usize {
    server.log().matches("a fault in the module, please report it: panicked at").count()
}

/// Two accounts with some of everything.
fn fill(server: &mut Server) {
    for key in ["a", "b"] {
        server.must(&format!("FW.TOPUP {key} 150 ID t"));
        server.must(&format!("FW.ADMIT {key} TOKENS 5 HOLD open 2"));
        server.must(&format!("FW.QUOTA {key} RESERVE l h100 2"));
        server.must(&format!("FW.SPEND {key} 3 ID s"));
    }
}

/// One change of each kind to the account `a`.
const CHANGES: [&str; 6] = [
    "FW.ADMIT a COST 2 TOKENS 7 HOLD new 1",
    "FW.SPEND a 1.5 HOLD open TOKENS 9",
    "FW.SPEND a 1 ID new",
    "FW.TOPUP a 10 ID new",
    "FW.QUOTA a RESERVE new a100 1 h100 1",
    "FW.LIMIT a requests VALUE 5",
];
