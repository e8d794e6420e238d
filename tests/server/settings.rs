//! Settings on a server: read at the start, shown, changed, rewritten, and refused with a reason.

use crate::support::answer::Answer;
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
    let mut server = Server::launch(&["fw.anchor-day 99"]);
    assert!(!server.is_up(), "the server came up on a bad value");
    let log = server.log();
    assert!(log.contains("anchor-day") && log.contains("1 to 31"), "{log}");
    assert!(log.contains("fw-limits does not load"), "{log}");
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
