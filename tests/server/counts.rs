//! INFO fw: what the module did, in numbers.

use crate::support::scenario::START;
use crate::support::server::Server;

fn server() -> Server {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    server.must(&format!("FW.CLOCK SET {START}"));
    server
}

/// Runs each line, which must begin its answer as said, and counts by one what is named.
fn each_counts(server: &mut Server, lines: &[(&str, &str, &str)]) {
    for (line, says, counter) in lines {
        let before = count(server, counter);
        let said = server.says(line);
        assert!(said.starts_with(says), "{line}: {said}");
        assert_eq!(count(server, counter), before + 1, "{line} counts in {counter}");
    }
}

fn count(server: &mut Server, counter: &str) -> u64 {
    server.info("fw", counter).parse().expect("a count")
}

#[test]
fn every_verdict_on_a_hold_is_counted_under_its_name() {
    let mut server = server();
    server.must("FW.LIMIT a concurrency MAX 2");
    server.must("FW.SPEND a 10");
    each_counts(
        &mut server,
        &[
            ("FW.ADMIT a COST 0 HOLD h 30", "OK ", "fw_admitted"),
            ("FW.ADMIT a COST 0 HOLD h 30", "DUPLICATE ", "fw_duplicates"),
            ("FW.ADMIT a COST 0 HOLD h 31", "(error) CONFLICT", "fw_conflicts"),
            ("FW.ADMIT a COST 0 HOLD g 41", "OVER_BUDGET spend ", "fw_denied_over_budget"),
            ("FW.ADMIT a COST 0 HOLD g 11", "IN_FLIGHT spend ", "fw_denied_in_flight"),
            ("FW.ADMIT a COST 0 HOLD g 51", "TOO_LARGE spend ", "fw_denied_too_large"),
            ("FW.ADMIT a COST 0 HOLD g 10", "OK ", "fw_admitted"),
            (
                "FW.ADMIT a COST 0 HOLD k 0",
                "CONCURRENCY_LIMITED concurrency ",
                "fw_denied_concurrency_limited",
            ),
            ("FW.SPEND a 5 HOLD g", "OK ", "fw_spends"),
            ("FW.SPEND a 5 HOLD g", "DUPLICATE ", "fw_duplicates"),
            ("FW.VOID a g", "(error) CONFLICT", "fw_conflicts"),
        ],
    );
    assert_eq!(count(&mut server, "fw_admitted"), 2, "a duplicate is not admitted again");
    assert_eq!(count(&mut server, "fw_late_spends"), 0);
    assert_eq!(count(&mut server, "fw_lapsed_holds"), 0);
    assert_eq!(count(&mut server, "fw_divergences"), 0);
}

#[test]
fn a_hold_that_lapsed_is_counted_once_and_so_is_its_late_spend() {
    let mut server = server();
    for (hold, ttl) in [("h", 1000), ("g", 1000), ("k", 2000)] {
        server.must(&format!("FW.ADMIT a COST 0 HOLD {hold} 1 TTL {ttl}"));
    }
    server.must("FW.CLOCK ADVANCE 1000");
    server.must("FW.GET a");
    server.must("FW.ADMIT a");
    assert_eq!(count(&mut server, "fw_lapsed_holds"), 2);
    each_counts(&mut server, &[("FW.SPEND a 1 HOLD h", "LATE ", "fw_late_spends")]);
    assert!(server.says("FW.SPEND a 1 HOLD h").starts_with("DUPLICATE "));
    assert!(server.says("FW.VOID a g").starts_with("OK "));
    assert_eq!(count(&mut server, "fw_late_spends"), 1);
    assert_eq!(count(&mut server, "fw_lapsed_holds"), 2);
    server.must("FW.CLOCK ADVANCE 1000");
    // The spend itself finds that this one has lapsed.
    each_counts(&mut server, &[("FW.SPEND a 1 HOLD k", "LATE ", "fw_late_spends")]);
    assert_eq!(count(&mut server, "fw_lapsed_holds"), 3);
}

#[test]
fn a_lease_that_lapsed_is_counted_once() {
    let mut server = server();
    for (lease, ttl) in [("l", 1000), ("m", 2000)] {
        server.must(&format!("FW.QUOTA a RESERVE {lease} h100 1 TTL {ttl}"));
    }
    server.must("FW.CLOCK ADVANCE 1000");
    server.must("FW.QUOTAS a");
    assert_eq!(count(&mut server, "fw_lapsed_leases"), 0, "nothing was stored");
    server.must("FW.ADMIT a");
    server.must("FW.ADMIT a");
    assert_eq!(count(&mut server, "fw_lapsed_leases"), 1);
    server.must("FW.CLOCK ADVANCE 1000");
    server.must("FW.ADMIT a");
    assert_eq!(count(&mut server, "fw_lapsed_leases"), 2);
}
