//! `fwctl top`: samples are bounded, come to all keys, and keep what is busy.

use serde_json::Value as Json;

use crate::program::{Running, at, run, url};
use crate::support::scenario::START;
use crate::support::server::Server;

const ACCOUNTS: usize = 600;

fn filled() -> Server {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    server.must(&format!("FW.CLOCK SET {START}"));
    for at in 0..ACCOUNTS {
        server.must(&format!("FW.SET acct:idle-{at} payment-method yes"));
        server.must(&format!("SET other:{at} x"));
    }
    server
}

fn names(rows: &Json) -> Vec<&str> {
    rows.as_array().unwrap().iter().map(|row| row["account"].as_str().unwrap()).collect()
}

#[test]
fn all_of_a_small_server_is_read_and_the_busiest_come_first() {
    let mut server = filled();
    server.must("FW.ADMIT acct:busy COST 500");
    server.must("FW.ADMIT acct:full COST 600");
    server.must("FW.ADMIT acct:slow COST 2 HOLD h 1");
    server.must("FW.SUSPEND acct:blocked fraud");
    let look = run(&server, "top --once -o json").json();
    let all = ACCOUNTS as u64;
    assert_eq!(look["keys"], 2 * all + 4);
    assert_eq!(look["walked"], look["keys"]);
    assert_eq!(look["accounts"], all + 4);
    assert_eq!(names(&look["busiest"]), ["full", "busy", "slow"]);
    assert_eq!(names(&look["denied"]), ["full", "blocked"]);
    assert_eq!(look["would_be_denied"]["RATE_LIMITED"], 1);
    assert_eq!(look["would_be_denied"]["SUSPENDED"], 1);
    assert_eq!(look["counts"]["admitted"], 3);
    assert_eq!(look["busiest"][2]["concurrency"]["used"], "1");
    assert_eq!(names(&run(&server, "top --once -n 1 -o json").json()["busiest"]), ["full"]);
}

#[test]
fn a_look_walks_a_bounded_share_and_says_so() {
    let server = filled();
    let look = run(&server, "top --once --sample 120 -o json").json();
    let read = look["accounts"].as_u64().unwrap();
    assert_eq!(look["walked"], 120);
    // SCAN takes whole buckets of its table.
    assert!((1..=120 + 60).contains(&read), "{look}");
    let text = run(&server, "top --once --sample 120").out;
    assert!(text.contains("\nsample: 120 of 1,200 keys walked (10%), "), "{text}");
}

#[test]
fn looks_go_on_where_the_last_one_stopped_and_keep_who_is_busy() {
    let mut server = filled();
    server.must("FW.ADMIT acct:busy COST 500");
    let mut command = at(&url(&server));
    let running =
        Running::start(command.args(["top", "--sample", "400", "--interval", "1", "-o", "json"]));
    let mut is_seen = false;
    for _ in 0..5 {
        let look: Json = serde_json::from_str(&running.line()).unwrap();
        let now = names(&look["busiest"]) == ["busy"];
        assert!(now || !is_seen, "it was seen, and is lost: {look}");
        is_seen = now;
    }
    assert!(is_seen, "five looks of a third each have not met it");
}

#[test]
fn later_looks_tell_the_servers_rates() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    let running = Running::start(at(&url(&server)).args(["top", "--interval", "1"]));
    let next = || loop {
        let line = running.line();
        if let Some(counts) = line.strip_prefix("server: ") {
            return counts.to_owned();
        }
    };
    assert_eq!(next(), "0 admitted (since the server started)");
    server.must("FW.ADMIT acct:42 COST 601");
    loop {
        let counts = next();
        assert!(counts.ends_with(" (a second)"), "{counts}");
        if counts.contains("TOO_LARGE") {
            return assert!(counts.starts_with("0.0 admitted, "), "{counts}");
        }
    }
}

#[test]
fn a_terminal_is_drawn_over_with_and_without_colours() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    server.must("FW.ADMIT acct:42");
    for (variable, is_coloured) in [("UNUSED", true), ("NO_COLOR", false)] {
        let mut script = std::process::Command::new("script");
        let line = format!("{} top --interval 1", env!("CARGO_BIN_EXE_fwctl"));
        script.args(["-qefc", &line, "/dev/null"]).env("TERM", "xterm").env("FW_URL", url(&server));
        let running = Running::start(script.env_remove("NO_COLOR").env(variable, "1"));
        let mut looks = 0;
        let mut text = String::new();
        while looks < 2 {
            let line = running.line();
            looks += u32::from(line.contains("\u{1b}[H"));
            text.push_str(&line);
            assert!(text.len() < 10_000, "it is not drawn over: {text:?}");
        }
        assert!(text.contains("\u{1b}[K") && text.contains("\u{1b}[J"), "{text:?}");
        assert_eq!(text.contains("\u{1b}[1mBusiest"), is_coloured, "{text:?}");
    }
}
