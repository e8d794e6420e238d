//! Replies that the server wrote beforehand say what they would say if they were written anew.

use crate::support::server::Server;

/// Below, at and above what is kept.
const LIMITS: [i64; 5] = [1, 2, 600, 10_000, 10_001];

fn admitted(limit: i64, remaining: i64) -> String {
    format!("OK requests {limit} {remaining} 60000 0")
}

type Six = (String, String, i64, i64, i64, i64);

fn set_limit(server: &mut Server, limit: i64) {
    server.must(&format!("CONFIG SET fw.requests-per-minute {limit}"));
}

#[test]
fn every_admission_under_the_default_limit_tells_what_remains() {
    let mut server = Server::start(&[]);
    server.must("FW.CLOCK SET 1773144000000");
    for remaining in (0..600).rev() {
        assert_eq!(server.says("FW.ADMIT a"), admitted(600, remaining));
    }
    assert_eq!(server.says("FW.ADMIT a"), "RATE_LIMITED requests 600 0 60000 60000");
}

#[test]
fn what_is_kept_follows_the_platforms_limit() {
    let mut server = Server::start(&[]);
    // Up and down, so that what was kept before is given back.
    for limit in LIMITS.into_iter().chain(LIMITS.into_iter().rev()) {
        set_limit(&mut server, limit);
        for cost in [1, limit / 2, limit - 1, limit].into_iter().filter(|cost| *cost > 0) {
            server.must("DEL a");
            let line = format!("FW.ADMIT a COST {cost}");
            assert_eq!(server.says(&line), admitted(limit, limit - cost), "{limit}");
        }
    }
    server.must("CONFIG SET fw.requests-per-minute unlimited");
    assert_eq!(server.says("FW.ADMIT b"), "OK requests -1 -1 0 0");
}

#[test]
fn an_account_with_a_limit_of_its_own_is_told_that_one() {
    let mut server = Server::start(&[]);
    for limit in LIMITS {
        server.must("DEL a");
        server.must(&format!("FW.LIMIT a requests MAX {limit}"));
        assert_eq!(server.says("FW.ADMIT a"), admitted(limit, limit - 1));
    }
    // What is left under one limit is not what is left under another.
    server.must("FW.ADMIT b COST 100");
    set_limit(&mut server, 1_000);
    assert_eq!(server.says("FW.ADMIT b"), admitted(1_000, 899));
}

#[test]
fn transactions_scripts_and_resp3_are_told_the_same() {
    let mut server = Server::start(&[]);
    let told = |remaining| -> Six { ("OK".into(), "requests".into(), 600, remaining, 60_000, 0) };
    let mut newer = server.connect_with("?protocol=resp3");
    let alone: Six = redis::cmd("FW.ADMIT").arg("a").query(&mut newer).expect("a reply of six");
    assert_eq!(alone, told(599));
    let mut both = redis::pipe();
    both.atomic().cmd("FW.ADMIT").arg("a").cmd("FW.HELP").arg("FW.ADMIT");
    let (admitted_too, help): (Six, Vec<String>) = both.query(&mut newer).expect("both replies");
    assert_eq!(admitted_too, told(598));
    assert!(help[0].contains("FW.ADMIT key"), "{help:?}");
    let script = b"return redis.call('FW.ADMIT', KEYS[1])".to_vec();
    let words = [b"EVAL".to_vec(), script, b"1".to_vec(), b"a".to_vec()];
    assert_eq!(server.run(&words).line(), admitted(600, 597));
}
