//! A held request, from its admission to its settlement.

use std::panic::{AssertUnwindSafe, catch_unwind};

use fw_limits_client::{Ask, Error, Hold, Limits, Money, Opened, Outcome, Terms, Verdict};
use redis::{Connection, ConnectionLike};

use crate::support::proxy::Proxy;
use crate::support::server::Server;
use crate::support::{KEY, PROTOCOLS, address, is, money, started, state};

/// How long the server remembers a hold that lapsed.
const MEMORY: u64 = 600_000;

fn one() -> Terms {
    Terms::of(Money::from_dollars(1).unwrap())
}

fn opened<C: ConnectionLike>(limits: &mut Limits<C>, terms: Terms) -> Hold<'_, C> {
    match limits.hold(KEY, terms, &Ask::default()).unwrap() {
        Opened::Admitted(hold) => hold,
        Opened::Denied(admission) => panic!("{admission:?}"),
    }
}

/// Runs a test in both protocols, each on an empty server.
fn both(test: impl Fn(&mut Limits<Connection>, &mut Server)) {
    for query in PROTOCOLS {
        let mut server = started();
        test(&mut Limits::new(server.connect_with(query)), &mut server);
    }
}

#[test]
fn what_was_used_is_spent() {
    both(|limits, server| {
        let terms = Terms::of(money("0.02")).ttl_ms(30_000);
        let ask = Ask::default().tokens(1500).scope("m");
        let Opened::Admitted(mut hold) = limits.hold(KEY, terms, &ask).unwrap() else {
            panic!("it is admitted")
        };
        assert_eq!(hold.id().len(), 36, "a UUID");
        assert_eq!(hold.admission().verdict, Verdict::Ok);
        is(state(server), "0", "0.02", 1);
        hold.used(money("0.001"), 100);
        hold.used(money("0.0095"), 950);
        assert_eq!(hold.finish().unwrap().outcome, Outcome::Ok);
        drop(hold);
        is(state(server), "0.0095", "0", 0);
    });
}

#[test]
fn an_error_that_returns_early_voids() {
    both(|limits, server| {
        let mut serve = || -> Result<(), Error> {
            let mut hold = opened(limits, one());
            hold.used(money("0.5"), None);
            hold.limits().void(KEY, "never-seen")?;
            hold.finish().map(drop)
        };
        assert!(matches!(serve(), Err(Error::NoHold(_))));
        is(state(server), "0", "0", 0);
    });
}

#[test]
fn a_panic_voids_and_what_a_partial_charged_stays() {
    both(|limits, server| {
        let serve = AssertUnwindSafe(|| {
            let mut hold = opened(limits, one());
            let part = hold.partial(money("0.25"), 10).unwrap().unwrap();
            assert_eq!(part.held, money("0.75"));
            panic!("the model broke")
        });
        assert!(catch_unwind(serve).is_err());
        is(state(server), "0.25", "0", 0);
    });
}

#[test]
fn the_last_partial_is_the_total_if_nobody_says_more() {
    both(|limits, server| {
        let mut hold = opened(limits, one());
        hold.partial(money("0.25"), None).unwrap();
        let smaller = hold.partial(money("0.125"), None).unwrap_err();
        assert!(matches!(smaller, Error::Conflict(_)));
        hold.partial(money("0.5"), None).unwrap();
        hold.finish().unwrap();
        is(state(server), "0.5", "0", 0);
    });
}

#[test]
fn a_cost_that_nobody_said_is_an_error_and_no_charge() {
    both(|limits, server| {
        let unknown = opened(limits, one()).finish().unwrap_err();
        assert!(matches!(unknown, Error::CostUnknown(_)));
        is(state(server), "0", "0", 0);
    });
}

#[test]
fn a_denial_is_a_value_and_holds_nothing() {
    both(|limits, server| {
        server.must(&format!("FW.SUSPEND {KEY} fraud"));
        let Opened::Denied(denied) = limits.hold(KEY, one(), &Ask::default()).unwrap() else {
            panic!("it is denied")
        };
        assert_eq!(denied.reasons(), ["blocked"]);
        is(state(server), "0", "0", 0);
    });
}

#[test]
fn what_was_settled_by_hand_is_not_voided() {
    both(|limits, server| {
        let mut hold = opened(limits, one());
        assert_eq!(hold.spend(money("0.5"), None).unwrap().outcome, Outcome::Ok);
        assert_eq!(hold.spend(money("0.5"), None).unwrap().outcome, Outcome::Duplicate);
        drop(hold);
        opened(limits, one()).void().unwrap().unwrap();
        is(state(server), "0.5", "0", 0);
        assert_eq!(server.info("fw", "fw_conflicts"), "0", "no void follows a spend");
    });
}

#[test]
fn a_long_stream_keeps_its_hold() {
    both(|limits, server| {
        let mut hold = opened(limits, one().ttl_ms(1000));
        for _ in 0..3 {
            server.must("FW.CLOCK ADVANCE 999");
            assert!(hold.extend(1000).unwrap().is_some());
        }
        server.must("FW.CLOCK ADVANCE 999");
        assert!(hold.partial(money("0.5"), None).unwrap().is_some());
        server.must("FW.CLOCK ADVANCE 999");
        assert_eq!(state(server).2, 1);
        server.must("FW.CLOCK ADVANCE 1");
        assert!(hold.extend(1000).unwrap().is_none());
        assert_eq!(hold.spend(money("0.75"), None).unwrap().outcome, Outcome::Late);
        is(state(server), "0.75", "0", 0);
    });
}

#[test]
fn a_hold_that_is_not_known_is_charged_by_an_id() {
    both(|limits, server| {
        let forget = format!("FW.CLOCK ADVANCE {}", 1000 + MEMORY);
        let mut hold = opened(limits, one().ttl_ms(1000));
        hold.partial(money("0.25"), None).unwrap();
        server.must(&forget);
        assert!(hold.partial(money("0.5"), None).unwrap().is_none());
        assert_eq!(hold.spend(money("0.75"), None).unwrap().spent, money("0.75"));
        assert_eq!(hold.spend(money("0.75"), None).unwrap().outcome, Outcome::Duplicate);
        drop(hold);
        let mut hold = opened(limits, one().ttl_ms(1000));
        server.must(&forget);
        assert!(hold.void().unwrap().is_none());
        is(state(server), "0.75", "0", 0);
    });
}

#[test]
fn an_id_of_the_callers_own() {
    both(|limits, server| {
        let hold = opened(limits, one().id("req-1"));
        assert_eq!(hold.id(), "req-1");
        assert!(server.says(&format!("FW.HOLDS {KEY}")).contains("req-1"));
        drop(hold);
        for id in [String::new(), "x".repeat(124)] {
            let refused = limits.hold(KEY, one().id(&id), &Ask::default()).unwrap_err();
            assert!(matches!(refused, Error::Invalid(_)));
        }
        drop(opened(limits, one().id("x".repeat(123))));
    });
}

/// Every answer is lost once; what was asked is asked again with the same id.
#[test]
fn lost_answers_charge_once() {
    let mut server = started();
    let proxy = Proxy::start(server.port);
    // A Client connects anew for each command.
    let mut limits = Limits::new(address(proxy.port, ""));
    let terms = one().id("req-1");
    proxy.lose(1);
    let lost = limits.hold(KEY, terms.clone(), &Ask::default()).unwrap_err();
    assert!(lost.is_unavailable(), "{lost}");
    let mut hold = opened(&mut limits, terms);
    assert_eq!(hold.admission().verdict, Verdict::Duplicate);
    proxy.lose(1);
    assert!(hold.partial(money("0.25"), None).unwrap_err().is_unavailable());
    let part = hold.partial(money("0.25"), None).unwrap().unwrap();
    assert_eq!(part.outcome, Outcome::Duplicate);
    proxy.lose(1);
    assert!(hold.spend(money("0.5"), None).unwrap_err().is_unavailable());
    assert_eq!(hold.spend(money("0.5"), None).unwrap().outcome, Outcome::Duplicate);
    is(state(&mut server), "0.5", "0", 0);
    assert!(server.says(&format!("FW.QUOTAS {KEY} requests")).contains("used 1"));
}

#[test]
fn redis_away_at_the_settlement() {
    // On the clock of the day, which a restart does not move.
    let mut server = Server::start(&[]);
    let mut limits = Limits::new(server.connect());
    let mut hold = opened(&mut limits, one());
    hold.used(money("0.5"), 10);
    server.kill();
    assert!(hold.finish().unwrap_err().is_unavailable());
    let settlement = hold.settlement().unwrap();
    drop(hold);
    server.restart();
    let mut again = Limits::new(server.connect());
    assert_eq!(again.settle(&settlement).unwrap().outcome, Outcome::Ok);
    assert_eq!(again.settle(&settlement).unwrap().outcome, Outcome::Duplicate);
    is(state(&mut server), "0.5", "0", 0);
    // A server that has lost all of it.
    server.must("FLUSHALL");
    assert_eq!(again.settle(&settlement).unwrap().outcome, Outcome::Ok);
    assert_eq!(again.settle(&settlement).unwrap().outcome, Outcome::Duplicate);
    is(state(&mut server), "0.5", "0", 0);
}

#[test]
fn a_hold_that_cannot_be_voided_lapses() {
    let mut server = started();
    let mut limits = Limits::new(server.connect());
    let hold = opened(&mut limits, one().ttl_ms(1000));
    server.kill();
    drop(hold);
    server.restart();
    is(state(&mut server), "0", "0", 0);
}
