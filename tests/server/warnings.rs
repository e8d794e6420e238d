//! What INFO and the log say of the clock and of unsafe settings of the server.

use crate::support::release::Release;
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
    assert_eq!(server.log().matches("maxmemory-policy evicts").count(), 2, "{}", server.log());
    // What is unsafe already is not told again with each setting.
    server.must("CONFIG SET maxmemory-policy allkeys-lfu appendonly no");
    server.must("CONFIG SET no-appendfsync-on-rewrite yes");
    assert_eq!(warnings(&mut server), "1110");
    let log = server.log();
    assert_eq!(log.matches("maxmemory-policy evicts").count(), 2, "{log}");
    for text in ["appendonly is off", "no-appendfsync-on-rewrite syncs"] {
        assert_eq!(log.matches(text).count(), 2, "{text}: {log}");
    }
}

#[test]
fn io_threads_are_unsafe_where_the_aof_should_have_been_written_first() {
    let mut server = Server::start(&["io-threads 2", "appendfsync everysec"]);
    let promised = !matches!(Release::of(&mut server), Release::Redis(8.., _));
    let text = "with io-threads above 1 replies leave before the AOF is written";
    for (line, holds, told) in [
        ("CONFIG SET appendfsync everysec", false, 0),
        ("CONFIG SET appendfsync always", true, 1),
        ("CONFIG SET appendonly no", false, 1),
        ("CONFIG SET appendonly yes", true, 2),
        ("CONFIG SET appendfsync no", false, 2),
    ] {
        server.must(line);
        let field = server.info("fw", "fw_warning_io_threads");
        assert_eq!(field, u8::from(holds && !promised).to_string(), "{line}");
        let count = server.log().matches(text).count();
        assert_eq!(count, if promised { 0 } else { told }, "{line}: {}", server.log());
    }
}

#[test]
fn io_threads_are_told_of_at_the_start() {
    let mut server = Server::start(&["io-threads 2", "appendfsync always"]);
    let unsafe_here = matches!(Release::of(&mut server), Release::Redis(8.., _));
    assert_eq!(warnings(&mut server), if unsafe_here { "0001" } else { "0000" });
    let count = server.log().matches("with io-threads above 1 replies leave").count();
    assert_eq!(count, usize::from(unsafe_here), "{}", server.log());
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
