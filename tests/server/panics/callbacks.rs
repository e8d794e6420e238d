//! A panic in what the server calls besides commands: the server goes on, and the account is whole.

use super::{arm, fill, panics, set_clock, start};
use crate::support::answer::Answer;
use crate::support::server::Server;

/// Runs a line that meets a panic at a place, and tells what came of it.
fn meets(server: &mut Server, place: &str, line: &str) -> String {
    let before = panics(server);
    arm(server, place);
    let says = server.says(line);
    let heard = panics(server);
    assert_eq!(heard, before + 1, "{place}: {line}: {says}");
    says
}

#[test]
fn the_server_survives_each_callback_that_panics() {
    let mut server = start(&["appendonly no", "save \"\""]);
    fill(&mut server);
    let was = server.picture("a");
    meets(&mut server, "account", "MEMORY USAGE a");
    meets(&mut server, "account", "DEBUG DIGEST-VALUE a");
    meets(&mut server, "account", "COPY a c");
    assert_eq!(server.says("EXISTS c"), "0");
    meets(&mut server, "info", "INFO fw");
    meets(&mut server, "show", "CONFIG GET fw.concurrency");
    assert!(meets(&mut server, "set", "CONFIG SET fw.concurrency 7").starts_with("(error)"));
    assert_eq!(server.says("CONFIG GET fw.concurrency"), "fw.concurrency unlimited");
    assert_eq!(meets(&mut server, "config", "CONFIG SET maxmemory-policy volatile-lru"), "OK");
    let Answer::Text(payload) = server.must("DUMP a") else { panic!("a payload") };
    arm(&mut server, "load");
    let restore = [b"RESTORE".to_vec(), b"r".to_vec(), b"0".to_vec(), payload];
    assert!(matches!(server.run(&restore), Answer::Error(_)));
    assert_eq!(server.says("EXISTS r"), "0");
    assert_eq!(server.run(&restore).line(), "OK");
    assert_eq!(meets(&mut server, "free", "DEL r"), "1");
    assert_eq!(server.run(&restore).line(), "OK");
    assert_eq!(meets(&mut server, "account", "UNLINK r"), "1");
    assert_eq!(server.picture("a"), was);
    assert_eq!(server.info("fw", "fw_divergences"), "0");
}

#[test]
fn the_cron_goes_on_after_a_panic() {
    let mut server = start(&["appendonly no", "hz 500"]);
    for round in 1..=2 {
        arm(&mut server, "cron");
        while panics(&server) < round {
            server.must("PING");
        }
    }
}

#[test]
fn a_file_that_cannot_be_written_is_not_taken_for_whole() {
    let mut server = start(&["save \"\"", "aof-use-rdb-preamble no"]);
    fill(&mut server);
    let was = server.picture("a");
    for (line, busy, status) in [
        ("BGSAVE", "rdb_bgsave_in_progress", "rdb_last_bgsave_status"),
        ("BGREWRITEAOF", "aof_rewrite_in_progress", "aof_last_bgrewrite_status"),
    ] {
        for (place, result) in [("account", "err"), ("nowhere", "ok")] {
            arm(&mut server, place);
            server.must(line);
            server.wait_for("persistence", busy, "0");
            assert_eq!(server.info("persistence", status), result, "{line}");
            arm(&mut server, "nowhere");
        }
    }
    server.restart();
    set_clock(&mut server);
    assert_eq!(server.picture("a"), was);
}
