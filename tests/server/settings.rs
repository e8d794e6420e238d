//! Settings on a server: read at the start, shown, changed, rewritten, and refused with a reason.

use crate::support::answer::Answer;
use crate::support::release::Release;
use crate::support::server::{Server, module};

const CHANGES: [(&str, &str, &str); 13] = [
    ("new-accounts", "prepaid", "closed"),
    ("requests-per-minute", "unlimited", "-1"),
    ("tokens-per-minute", "5", "five"),
    ("concurrency", "0", "1.5"),
    ("tiers", "free 1 0; paid unlimited 10", "free 1 1"),
    ("quotas", "", "h100 many"),
    ("anchor-day", "31", "32"),
    ("thresholds", "1 100", "100 1"),
    ("hold-ttl-ms", "1", "0"),
    ("lease-ttl-ms", "0", "31536000001"),
    ("hold-memory-ms", "0", "-1"),
    ("spend-memory-ms", "31536000000", "x"),
    ("billing-memory-ms", "1", ""),
];

/// Every bad value, and one for the setting that cannot be changed later.
fn bad_values() -> impl Iterator<Item = (&'static str, &'static str)> {
    CHANGES.into_iter().map(|(name, _, bad)| (name, bad)).chain([("test-clock", "maybe")])
}

/// Holds if a line of the log says what a setting must be.
fn names(log: &str, name: &str) -> bool {
    let setting = format!("fw.{name} : ");
    log.lines().any(|line| line.contains(&setting) && line.contains("must "))
}

fn set(server: &mut Server, name: &str, value: &str) -> Answer {
    let words = ["CONFIG", "SET", &format!("fw.{name}"), value];
    server.run(&words.map(|word| word.as_bytes().to_vec()))
}

fn shown(server: &mut Server, name: &str) -> Answer {
    let answer = server.must(&format!("CONFIG GET fw.{name}"));
    answer.value(&format!("fw.{name}")).cloned().expect("the setting is shown")
}

#[test]
fn every_setting_takes_a_good_value_and_refuses_a_bad_one_with_a_reason() {
    let mut server = Server::start(&[]);
    for (name, good, bad) in CHANGES {
        assert_eq!(set(&mut server, name, good).line(), "OK", "{name}");
        let Answer::Error(why) = set(&mut server, name, bad) else { panic!("{name} took {bad}") };
        assert!(why.contains("must"), "{name}: {why}");
        assert_eq!(shown(&mut server, name), Answer::Text(good.into()), "{name}");
    }
    assert!(matches!(set(&mut server, "test-clock", "no"), Answer::Error(_)));
}

#[test]
fn a_change_applies_to_the_next_command_and_survives_a_rewrite() {
    let mut server = Server::start(&[]);
    assert_eq!(set(&mut server, "requests-per-minute", "5").line(), "OK");
    assert_eq!(server.says("FW.ADMIT a COST 6"), "TOO_LARGE requests 5 5 0 -1");
    for (name, good, _) in CHANGES {
        assert_eq!(set(&mut server, name, good).line(), "OK", "{name}");
    }
    server.must("CONFIG REWRITE");
    server.restart();
    for (name, good, _) in CHANGES {
        assert_eq!(shown(&mut server, name), Answer::Text(good.into()), "{name}");
    }
}

#[test]
fn a_bad_value_at_the_start_is_named_in_the_log_and_nothing_is_half_loaded() {
    for (name, bad) in bad_values() {
        let mut server = Server::launch(&[&format!("fw.{name} \"{bad}\"")]);
        assert!(!server.is_up(), "the server came up with fw.{name} \"{bad}\"");
        let log = server.log();
        assert!(names(&log, name), "{log}");
        assert!(log.contains("fw-limits does not load"), "{log}");
    }
}

#[test]
fn a_setting_that_does_not_exist_keeps_the_server_from_starting() {
    let mut server = Server::launch(&["fw.anchorday 3"]);
    assert!(!server.is_up(), "the server came up with a setting that does not exist");
}

#[test]
fn values_at_the_edge_of_their_range_are_taken_and_the_next_ones_are_not() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    let rows = |count: usize, row: fn(usize) -> String, between: &str| -> String {
        (0..count).map(row).collect::<Vec<_>>().join(between)
    };
    let tier = |at: usize| format!("t{at} 1 {at}");
    let quota = |at: usize| format!("q{at} 1");
    let per_cent = |at: usize| (at + 93).to_string();
    let longest = "a".repeat(64);
    let table = [
        ("requests-per-minute", "9223372036854775807".into(), "9223372036854775808".into()),
        ("requests-per-minute", "0".into(), "10000000000000000000000".into()),
        ("tokens-per-minute", "UNLIMITED".into(), "-1".into()),
        ("concurrency", "0".into(), "0x10".into()),
        ("new-accounts", "OPEN".into(), "open ".into()),
        ("tiers", rows(64, tier, "; "), rows(65, tier, "; ")),
        ("tiers", "free 0 0;paid unlimited 0.000000001".into(), "free 0 1".into()),
        ("tiers", format!("{longest} 1 0"), format!("{longest}a 1 0")),
        ("tiers", "a 9223372036.854775807 0".into(), "a 9223372036.854775808 0".into()),
        ("tiers", "a 1 0; b 1 1".into(), "a 1 0; a 1 1".into()),
        ("tiers", "a 1 0; b 1 1; c 1 2".into(), "a 1 0; b 1 2; c 1 2".into()),
        ("tiers", "A".to_lowercase() + " 1 0", "A 1 0".into()),
        ("tiers", "autos 1 0".into(), "auto 1 0".into()),
        ("tiers", "limited 1 0".into(), "unlimited 1 0".into()),
        ("tiers", "nones 1 0".into(), "none 1 0".into()),
        ("quotas", rows(64, quota, "; "), rows(65, quota, "; ")),
        ("quotas", "a 9223372036854775807".into(), "a 9223372036854775808".into()),
        ("quotas", " ".into(), "a 1;".into()),
        ("quotas", "token 1".into(), "tokens 1".into()),
        ("quotas", "ttls 1".into(), "ttl 1".into()),
        ("anchor-day", "31".into(), "0".into()),
        ("thresholds", rows(8, per_cent, " "), rows(9, |at| (at + 1).to_string(), " ")),
        ("thresholds", "100".into(), "101".into()),
        ("hold-ttl-ms", "86400000".into(), "86400001".into()),
        ("lease-ttl-ms", "31536000000".into(), "31536000001".into()),
        ("hold-memory-ms", "31536000000".into(), "31536000001".into()),
        ("spend-memory-ms", "31536000000".into(), "31536000001".into()),
        ("billing-memory-ms", "31536000000".into(), "31536000001".into()),
        ("billing-memory-ms", "0".into(), "1s".into()),
    ];
    for (name, good, bad) in table {
        let (good, bad): (String, String) = (good, bad);
        assert_eq!(set(&mut server, name, &good).line(), "OK", "{name} {good}");
        let before = shown(&mut server, name);
        let Answer::Error(why) = set(&mut server, name, &bad) else { panic!("{name} took {bad}") };
        assert!(why.contains(&format!("fw.{name}")), "{name} {bad}: {why}");
        assert_eq!(shown(&mut server, name), before, "{name} {bad}");
    }
}

#[test]
fn settings_that_are_set_together_change_together_or_not_at_all() {
    let mut server = Server::start(&[]);
    let both = "CONFIG SET fw.anchor-day 3 fw.hold-ttl-ms";
    assert!(matches!(server.ask(&format!("{both} 0")), Answer::Error(_)));
    assert_eq!(shown(&mut server, "anchor-day"), Answer::Text("1".into()));
    assert_eq!(server.says(&format!("{both} 5")), "OK");
    assert_eq!(shown(&mut server, "anchor-day"), Answer::Text("3".into()));
    assert_eq!(shown(&mut server, "hold-ttl-ms"), Answer::Text("5".into()));
}

#[test]
fn a_bad_value_in_loadex_is_named_and_the_server_takes_the_module_later() {
    let mut server = Server::start_without_module(&["enable-module-command yes"]);
    let load = |settings: &str| format!("MODULE LOADEX \"{}\"{settings}", module().display());
    for (name, bad) in bad_values() {
        let logged = server.log().len();
        let settings = format!(" CONFIG fw.anchor-day 9 CONFIG fw.{name} \"{bad}\"");
        let answer = server.ask(&load(&settings));
        assert!(matches!(answer, Answer::Error(_)), "fw.{name} \"{bad}\": {answer:?}");
        let log = server.log().split_off(logged);
        assert!(names(&log, name), "{log}");
        assert!(log.contains("fw-limits does not load"), "{log}");
        assert!(matches!(server.ask("FW.TIERS"), Answer::Error(_)));
        assert_eq!(server.says("CONFIG GET fw.*"), "[]");
    }
    let good = CHANGES.iter().map(|(name, good, _)| format!(" CONFIG fw.{name} \"{good}\""));
    let good: String = good.chain([" CONFIG fw.test-clock yes".to_owned()]).collect();
    assert_eq!(server.says(&load(&good)), "OK");
    let takes = |server: &mut Server| {
        for (name, good, _) in CHANGES {
            assert_eq!(shown(server, name), Answer::Text(good.into()), "{name}");
        }
        assert_eq!(server.says("FW.CLOCK SET 5"), "5");
        let own = matches!(server.ask("ACL CAT fw"), Answer::List(rows) if rows.len() > 20);
        assert_eq!(own, Release::of(server).has_own_categories());
    };
    takes(&mut server);
    server.must("CONFIG REWRITE");
    server.restart();
    takes(&mut server);
}

#[test]
fn a_name_that_is_no_setting_in_loadex_does_on_each_server_what_operations_md_says() {
    let mut server = Server::start_without_module(&["enable-module-command yes"]);
    let load = format!("MODULE LOADEX \"{}\" CONFIG fw.anchor-day 9", module().display());
    match Release::of(&mut server) {
        // The server itself ends, in its own code: there is nothing to see here.
        Release::Valkey(..) => {}
        // It cannot unload a data type, and so keeps what it says it does not load.
        Release::Redis(7, 0) => {
            assert!(matches!(server.ask(&format!("{load} CONFIG fw.nosuch 1")), Answer::Error(_)));
            assert_eq!(shown(&mut server, "anchor-day"), Answer::Text("9".into()));
        }
        Release::Redis(..) => {
            assert!(matches!(server.ask(&format!("{load} CONFIG fw.nosuch 1")), Answer::Error(_)));
            assert!(matches!(server.ask("FW.TIERS"), Answer::Error(_)));
            assert_eq!(server.says(&load), "OK");
            assert_eq!(shown(&mut server, "anchor-day"), Answer::Text("9".into()));
            // What it had the server write before is not used again.
            server.must("CONFIG SET fw.tiers \"tier-1 60 0\" fw.new-accounts open");
            assert_eq!(server.says("FW.SPEND a 1"), "OK 1 60 0 0 tier-1 active");
            let Answer::List(rows) = server.must("ACL CAT fw") else {
                panic!("commands are a list")
            };
            assert!(rows.len() > 20, "the category that stayed is used again");
        }
    }
}

#[test]
fn a_limit_of_a_quota_that_left_can_still_be_dropped() {
    let mut server = Server::start(&[]);
    server.must("FW.LIMIT a h100 MAX 20");
    assert_eq!(set(&mut server, "quotas", "a100 8").line(), "OK");
    assert_eq!(server.says("FW.LIMIT a h100 MAX 5"), "(error) ERR");
    assert_eq!(
        server.says("FW.LIMIT a h100 MAX DEFAULT"),
        "name h100 limit 0 max 0 used 0 remaining 0 source platform"
    );
    assert_eq!(server.says("FW.LIMIT a h100 MAX DEFAULT"), "(error) ERR");
    assert_eq!(set(&mut server, "quotas", "h100 8").line(), "OK");
    let row = "name h100 limit 8 max 8 used 0 remaining 8 source platform";
    assert_eq!(server.says("FW.QUOTAS a h100"), row);
}

#[test]
fn arguments_of_module_load_are_refused_and_not_passed_over() {
    let mut server = Server::start_without_module(&["enable-module-command yes"]);
    let load = format!("MODULE LOAD \"{}\" fw.test-clock yes", module().display());
    assert!(matches!(server.ask(&load), Answer::Error(_)));
    assert!(server.log().contains("it takes no arguments"), "{}", server.log());
}

#[test]
fn the_module_is_loaded_with_settings_while_a_server_runs() {
    let mut server = Server::start_without_module(&["enable-module-command yes"]);
    let load = format!("MODULE LOADEX \"{}\" CONFIG fw.requests-per-minute", module().display());
    assert!(matches!(server.ask(&format!("{load} many")), Answer::Error(_)));
    assert!(matches!(server.ask("FW.TIERS"), Answer::Error(_)));
    assert_eq!(server.says(&format!("{load} 7 CONFIG fw.new-accounts open")), "OK");
    assert_eq!(server.says("FW.ADMIT a COST 8"), "TOO_LARGE requests 7 7 0 -1");
}
