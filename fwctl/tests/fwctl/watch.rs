//! `fwctl watch`: what is heard, and what is said when nothing can be.

use serde_json::Value as Json;

use crate::program::{Running, at, ended, run, url};
use crate::support::scenario::START;
use crate::support::server::Server;

const QUIET: [&str; 2] = ["appendonly no", "save \"\""];

fn watching(command: &mut std::process::Command) -> Running {
    let running = Running::start(command);
    running.says("fwctl: watching ");
    running
}

/// A line without its time.
fn told(line: &str) -> &str {
    line.split_once("  ").expect("a time comes first").1
}

#[test]
fn every_event_is_a_line_with_the_account_as_it_is_now() {
    let mut server = Server::start(&QUIET);
    server.must(&format!("FW.CLOCK SET {START}"));
    let running = watching(at(&url(&server)).arg("watch"));
    server.must("FW.SPEND acct:42 25 ID a");
    for event in ["created  ", "threshold"] {
        assert_eq!(told(&running.line()), format!("{event}  42  active; $25 of $50 spent; tier-1"));
    }
    server.must("SET other:1 x");
    server.must("FW.ADMIT other:2");
    server.must("FW.SUSPEND \"acct:a b\\x1b\" fraud");
    assert!(told(&running.line()).starts_with("created    a b\\u{1b}  "));
    assert_eq!(
        told(&running.line()),
        "suspended  a b\\u{1b}  suspended: blocked; $0 of $50 spent; tier-1"
    );
    server.must("FW.RESUME \"acct:a b\\x1b\"");
    assert!(told(&running.line()).starts_with("resumed    a b\\u{1b}  active"));
    server.must("FW.TOPUP acct:42 100 ID t");
    assert_eq!(told(&running.line()), "tier       42  active; $25 of $500 spent; tier-2");
}

#[test]
fn json_is_one_object_a_line_of_the_accounts_that_match() {
    let mut server = Server::start(&QUIET);
    let running = watching(at(&url(&server)).args(["watch", "4*", "-o", "json"]));
    server.must("FW.SUSPEND acct:7 fraud");
    server.must("FW.SUSPEND acct:42 fraud");
    let lines = [running.line(), running.line()];
    let [created, suspended]: [Json; 2] = lines.map(|line| serde_json::from_str(&line).unwrap());
    assert_eq!(created["event"], "created");
    assert_eq!(suspended["event"], "suspended");
    assert_eq!((&suspended["account"], &suspended["key"]), (&"42".into(), &"acct:42".into()));
    assert_eq!((&suspended["standing"], &suspended["spent"]), (&"blocked".into(), &"0".into()));
    assert!(suspended["time_ms"].as_i64().unwrap() > START);
}

#[test]
fn another_database_has_events_of_its_own() {
    let mut server = Server::start(&QUIET);
    let running = watching(at(&format!("{}/3", url(&server))).arg("watch"));
    server.must("FW.ADMIT acct:zero");
    server.must("SELECT 3");
    server.must("FW.ADMIT acct:three");
    assert!(told(&running.line()).starts_with("created    three  active"));
}

#[test]
fn a_server_that_comes_back_is_heard_again() {
    let mut server = Server::start(&QUIET);
    let running = watching(at(&url(&server)).arg("watch"));
    server.kill();
    let away = running.says("is away");
    assert!(away.contains("lost until it is back"), "{away}");
    server.restart();
    running.says("which is back");
    server.must("FW.SUSPEND acct:42 fraud");
    assert!(told(&running.line()).starts_with("created    42  suspended: blocked"));
}

#[test]
fn a_server_that_sends_no_events_is_told_so() {
    for (set, advice) in [
        ("\"\"", "CONFIG SET notify-keyspace-events Kd,"),
        ("Ed", "CONFIG SET notify-keyspace-events dEK,"),
        ("Kx", "CONFIG SET notify-keyspace-events xKd,"),
    ] {
        let server =
            Server::start(&[&QUIET[..], &[&format!("notify-keyspace-events {set}")]].concat());
        let ran = run(&server, "watch");
        assert_eq!((ran.code, ran.out.as_str()), (6, ""), "{ran:?}");
        assert!(ran.err.contains(advice), "{ran:?}");
    }
}

#[test]
fn a_user_needs_the_channels_and_may_lack_config() {
    let mut server = Server::start(&QUIET);
    server.must(
        "ACL SETUSER near on >near ~acct:* &__keyspace@0__:acct:* +info +psubscribe +ping +fw.get",
    );
    server.must("ACL SETUSER deaf on >deaf ~acct:* resetchannels +info +psubscribe +ping +fw.get");
    server.must("ACL SETUSER mute on >mute ~acct:* allchannels +info +ping +fw.get");
    let as_user = |user: &str| at(&format!("redis://{user}:{user}@127.0.0.1:{}", server.port));
    for user in ["deaf", "mute"] {
        let ran = ended(as_user(user).arg("watch"));
        assert_eq!(ran.code, 6, "{user}: {ran:?}");
        assert!(ran.err.contains("NOPERM"), "{user}: {ran:?}");
    }
    let running = Running::start(as_user("near").arg("watch"));
    running.says("does not tell its notify-keyspace-events");
    server.must("FW.ADMIT acct:42");
    assert!(told(&running.line()).starts_with("created    42  active"));
}
