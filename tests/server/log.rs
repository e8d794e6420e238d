//! FW.LOG: saved, replicated, copied, and kept over restarts; and it shows nothing it should not.

use crate::support::scenario::START;
use crate::support::server::Server;

/// An account with something of everything in its log.
fn fill(server: &mut Server) {
    server.must(&format!("FW.CLOCK SET {START}"));
    for line in [
        "FW.SPEND a 50",
        "FW.TOPUP a 100 ID t",
        "FW.SUSPEND a \"two \\xff words\\r\\n\"",
        "FW.INVOICE a FAILED i",
        "FW.RESUME a",
        "FW.LIMIT a spend VALUE 12.5 MAX 20",
        "FW.LIMIT a tokens@m/x MAX 5",
        "FW.SET a tier tier-4",
    ] {
        server.must(line);
        server.must("FW.CLOCK ADVANCE 1000");
    }
}

#[test]
fn the_log_survives_kills_rewrites_and_restarts() {
    for lines in [["appendfsync always", ""], ["appendonly no", "save 1 1"]] {
        let mut server = Server::start(&lines);
        fill(&mut server);
        let log = server.says("FW.LOG a");
        assert_eq!(log.matches("time_ms").count(), 11, "{log}");
        if lines[0] == "appendonly no" {
            server.must("SAVE");
        }
        server.kill();
        server.restart();
        server.must(&format!("FW.CLOCK SET {START}"));
        assert_eq!(server.says("FW.LOG a"), log);
        if lines[0] != "appendonly no" {
            server.must("BGREWRITEAOF");
            server.wait_for("persistence", "aof_rewrite_in_progress", "0");
            server.kill();
            server.restart();
            server.must(&format!("FW.CLOCK SET {START}"));
            assert_eq!(server.says("FW.LOG a"), log);
        }
    }
}

#[test]
fn a_threshold_that_was_told_is_not_told_again_after_a_restart() {
    let mut server = Server::start(&["appendfsync always"]);
    server.must(&format!("FW.CLOCK SET {START}"));
    server.must("FW.SPEND a 25");
    server.must("FW.REFUND a 25 ID r");
    server.kill();
    server.restart();
    server.must(&format!("FW.CLOCK SET {START}"));
    let mut listener = server.listen();
    server.must("FW.SPEND a 25");
    assert_eq!(listener.heard(&mut server), []);
    server.must("FW.SPEND a 15");
    assert_eq!(listener.heard(&mut server), [("a".to_owned(), "fw.threshold".to_owned())]);
}

#[test]
fn a_copy_and_a_restored_dump_have_the_same_log() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    fill(&mut server);
    let log = server.says("FW.LOG a");
    assert_eq!(server.says("COPY a b"), "1");
    assert_eq!(server.says("FW.LOG b"), log);
    let script = "\"redis.call('RESTORE', KEYS[2], 0, redis.call('DUMP', KEYS[1])) return 1\"";
    assert_eq!(server.says(&format!("EVAL {script} 2 a c")), "1");
    assert_eq!(server.says("FW.LOG c"), log);
    server.must("FW.SET c tier auto");
    assert_ne!(server.says("FW.LOG c"), log);
    assert_eq!(server.says("FW.LOG a"), log);
}

#[test]
fn an_operators_bytes_come_back_as_they_were_and_break_no_line() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    let text = "x\\xff\\r\\n+OK\\x00%n".to_owned() + &"y".repeat(240);
    server.must(&format!("FW.SUSPEND a \"{text}\""));
    let log = server.says("FW.LOG a COUNT 1");
    assert!(log.contains(&format!("cause \"blocked: {text}\"")), "{log}");
    assert_eq!(server.says("PING"), "PONG");
}

#[test]
fn sixty_four_rows_are_the_most() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    for number in 1..=100 {
        server.must(&format!("FW.LIMIT a requests MAX {number}"));
    }
    let log = server.says("FW.LOG a COUNT 1000");
    assert_eq!(log.matches("time_ms").count(), 64);
    assert!(log.contains("\"requests MAX 100\""), "{log}");
    assert!(!log.contains("created"), "{log}");
    server.must("FW.LIMIT b requests MAX 1");
    assert!(server.says("FW.LOG b").contains("created"));
}

#[test]
fn an_account_of_which_there_is_nothing_to_tell_stays_small() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    server.must("FW.ADMIT a");
    let plain: u64 = server.says("MEMORY USAGE a").parse().expect("bytes");
    for _ in 0..50 {
        server.must("FW.ADMIT a");
        server.must("FW.SPEND a 0.01");
    }
    let used: u64 = server.says("MEMORY USAGE a").parse().expect("bytes");
    assert!(used <= plain + 64, "{plain} {used}");
}

#[test]
fn slow_commands_are_in_the_slow_log_as_clients_sent_them() {
    let mut server = Server::start(&["appendonly no", "slowlog-log-slower-than 0"]);
    server.must("FW.SPEND a 12.5 ID s");
    server.must("FW.LOG a");
    let slow = server.says("SLOWLOG GET 3");
    assert!(slow.contains("[FW.SPEND a 12.5 ID s]") && slow.contains("[FW.LOG a]"), "{slow}");
}

#[test]
fn latency_and_command_statistics_know_each_command() {
    let mut server = Server::start(&["appendonly no"]);
    server.must("FW.ADMIT a");
    server.must("FW.ADMIT a COST 601");
    server.says("FW.ADMIT a COST");
    let histogram = server.says("LATENCY HISTOGRAM fw.admit").to_lowercase();
    assert!(histogram.contains("fw.admit") && histogram.contains("calls 3"), "{histogram}");
}
