//! What the server wrote beforehand of replies says what it would say if it were written anew.

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

const TIERS: &str = "small 5 0; a.tier-whose-name-is-long 70.25 10; top unlimited 100";

#[test]
fn the_money_reply_tells_each_tier_and_what_is_held_and_prepaid() {
    let mut server = Server::start(&[&format!("fw.tiers \"{TIERS}\"")]);
    let mut says = |lines: &[(&str, &str)]| {
        for (line, told) in lines {
            assert_eq!(server.says(line), *told, "{line}");
        }
    };
    says(&[
        ("FW.SPEND a 1", "OK 1 5 0 0 small active"),
        ("FW.ADMIT a HOLD h 2", &admitted(600, 599)),
        ("FW.SPEND a 0.000000001", "OK 1.000000001 5 2 0 small active"),
        ("FW.TOPUP a 1.5 ID t", "OK 1.000000001 5 2 0.499999999 small active"),
        ("FW.SPEND a 0.5 HOLD h", "OK 1.500000001 5 0 0 small active"),
        ("FW.SPEND a 0.5 HOLD h", "DUPLICATE 1.500000001 5 0 0 small active"),
        ("FW.TOPUP a 0.25 ID p PROMO", "OK 1.500000001 5 0 0.25 small active"),
        ("FW.SPEND a 3.75", "OK 5.250000001 5 0 0 small spend_limit"),
        (
            "FW.TOPUP a 10 ID u",
            "OK 5.250000001 70.25 0 6.499999999 a.tier-whose-name-is-long active",
        ),
        ("FW.SPEND a 6.5", "OK 11.750000001 70.25 0 0 a.tier-whose-name-is-long active"),
        ("FW.TOPUP a 90 ID v", "OK 11.750000001 unlimited 0 89.999999999 top active"),
        ("FW.SPEND a 90", "OK 101.750000001 unlimited 0 0 top active"),
        ("FW.SUSPEND a why", "OK 101.750000001 unlimited 0 0 top blocked"),
        ("FW.RESUME a", "OK 101.750000001 unlimited 0 0 top active"),
        ("FW.SET a tier small", "OK 101.750000001 5 0 0 small spend_limit"),
        ("FW.SET a tier unlimited", "OK 101.750000001 unlimited 0 0 unlimited active"),
        (
            "FW.SET a payment-method no tier auto",
            "OK 101.750000001 unlimited 0 0 top no_payment_method",
        ),
        ("FW.SET b payment-method no", "OK 0 5 0 0 none no_payment_method"),
    ]);
}

#[test]
fn a_limit_of_the_accounts_own_is_told_with_its_tier() {
    let mut server = Server::start(&[]);
    server.must("FW.SPEND a 1");
    server.must("FW.ADMIT b HOLD h 1");
    // The limit of another tier, and limits of none.
    for limit in ["500", "60", "unlimited"] {
        server.must(&format!("FW.LIMIT a spend MAX {limit}"));
        server.must(&format!("FW.LIMIT b spend MAX {limit}"));
        assert_eq!(server.says("FW.SPEND a 0"), format!("OK 1 {limit} 0 0 tier-1 active"));
        assert_eq!(server.says("FW.SPEND b 0"), format!("OK 0 {limit} 1 0 tier-1 active"));
    }
}

#[test]
fn settings_may_change_within_a_transaction() {
    let mut server = Server::start(&[]);
    for line in [
        "MULTI",
        "FW.SPEND a 1",
        "FW.ADMIT a",
        "CONFIG SET fw.tiers \"tier-1 60 0\" fw.requests-per-minute 20000",
        "FW.SPEND a 1",
        "FW.ADMIT a",
    ] {
        server.must(line);
    }
    let told = server.says("EXEC");
    let first = format!("[OK 1 50 0 0 tier-1 active] [{}]", admitted(600, 599));
    let then = format!("[OK 2 60 0 0 tier-1 active] [{}]", admitted(20_000, 19_998));
    assert_eq!(told, format!("{first} OK {then}"));
}

#[test]
fn what_is_kept_of_tiers_follows_their_table() {
    let mut server = Server::start(&[]);
    server.must("FW.ADMIT a HOLD h 1");
    for (tiers, of_old, of_new) in [
        ("tier-1 60 0", "60 1 0 tier-1", "60 0 0 tier-1"),
        ("tier-0 9 0; tier-1 7 1", "7 1 0 tier-1", "9 0 0 tier-0"),
        (TIERS, "5 1 0 small", "5 0 0 small"),
    ] {
        server.must(&format!("CONFIG SET fw.tiers \"{tiers}\""));
        server.must("DEL b");
        assert_eq!(server.says("FW.SPEND a 0"), format!("OK 0 {of_old} active"));
        assert_eq!(server.says("FW.SPEND b 0"), format!("OK 0 {of_new} active"));
    }
}

#[test]
fn transactions_scripts_and_resp3_are_told_the_same_of_money() {
    type Seven = (String, String, String, String, String, String, String);
    let mut server = Server::start(&[]);
    let told = |spent: &str| -> Seven {
        let [ok, limit, zero, tier, active] =
            ["OK", "50", "0", "tier-1", "active"].map(String::from);
        (ok, spent.into(), limit, zero.clone(), zero, tier, active)
    };
    let mut newer = server.connect_with("?protocol=resp3");
    let alone: Seven = redis::cmd("FW.SPEND").arg("a").arg("1").query(&mut newer).expect("seven");
    assert_eq!(alone, told("1"));
    let mut both = redis::pipe();
    both.atomic().cmd("FW.SPEND").arg("a").arg("1").cmd("FW.SPEND").arg("a").arg("1");
    let both: (Seven, Seven) = both.query(&mut newer).expect("both replies");
    assert_eq!(both, (told("2"), told("3")));
    let script = b"return redis.call('FW.SPEND', KEYS[1], '1')".to_vec();
    let words = [b"EVAL".to_vec(), script, b"1".to_vec(), b"a".to_vec()];
    assert_eq!(server.run(&words).line(), "OK 4 50 0 0 tier-1 active");
}
