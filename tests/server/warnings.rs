//! What INFO and the log say of the clock and of unsafe settings of the server.

use crate::support::scenario::START;
use crate::support::server::Server;

const ALL: [&str; 4] = ["eviction", "aof_off", "no_fsync_on_rewrite", "io_threads"];

fn warnings(server: &mut Server) -> String {
    ALL.map(|name| server.info("fw", &format!("fw_warning_{name}"))).concat()
}

#[test]
fn the_shipped_configuration_has_nothing_to_warn_of() {
    let mut server = Server::start(&[]);
    assert_eq!(warnings(&mut server), "0000");
    assert!(!server.log().contains("maxmemory-policy evicts"), "{}", server.log());
}

#[test]
fn unsafe_settings_are_logged_at_the_start_and_shown_as_they_are_now() {
    let lines = ["maxmemory-policy allkeys-lru", "appendonly no", "no-appendfsync-on-rewrite yes"];
    let mut server = Server::start(&lines);
    assert_eq!(warnings(&mut server), "1110");
    let log = server.log();
    for text in ["maxmemory-policy evicts", "appendonly is off", "no-appendfsync-on-rewrite syncs"]
    {
        assert_eq!(log.matches(text).count(), 1, "{text}: {log}");
    }
    server.must("CONFIG SET maxmemory-policy volatile-lru");
    assert_eq!(warnings(&mut server), "0110");
    server.must("CONFIG SET appendonly yes no-appendfsync-on-rewrite no");
    assert_eq!(warnings(&mut server), "0000");
    server.must("CONFIG SET maxmemory-policy allkeys-random");
    assert_eq!(warnings(&mut server), "1000");
}

#[test]
fn a_clock_that_jumps_more_than_a_minute_is_counted_and_logged() {
    let mut server = Server::start(&["appendonly no"]);
    server.must(&format!("FW.CLOCK SET {START}"));
    let steps =
        |server: &mut Server| -> u64 { server.info("fw", "fw_clock_steps").parse().unwrap() };
    let before = steps(&mut server);
    for (line, more) in [
        ("FW.CLOCK ADVANCE 60000", 0),
        ("FW.CLOCK ADVANCE 60001", 1),
        ("FW.ADMIT a", 1),
        ("FW.CLOCK ADVANCE 3600000", 2),
        ("FW.ADMIT a", 2),
    ] {
        server.must(line);
        assert_eq!(steps(&mut server), before + more, "{line}");
    }
    let now = START + 60_000 + 60_001 + 3_600_000;
    server.must(&format!("FW.CLOCK SET {}", now - 60_000));
    assert_eq!(steps(&mut server), before + 2);
    server.must(&format!("FW.CLOCK SET {}", now - 120_001));
    assert_eq!(steps(&mut server), before + 3);
    let log = server.log();
    assert!(log.contains("the clock jumped forward by 3600000 ms"), "{log}");
    assert!(log.contains("the clock jumped back by 60001 ms"), "{log}");
}

#[test]
fn a_clock_that_runs_as_it_should_is_not_counted() {
    let mut server = Server::start_bare(&["appendonly no", "hz 100"]);
    for _ in 0..200 {
        server.must("FW.ADMIT a");
    }
    assert_eq!(server.info("fw", "fw_clock_steps"), "0");
}
