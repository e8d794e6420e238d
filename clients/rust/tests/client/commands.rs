//! Every command, and every reply, from both clients in both protocols.

use fw_limits_client::commands::{
    admit, explain, extend, get, help, holds, invoice, leases, limit, log, peek, quota, quotas,
    refund, release, renew, reserve, resume, set, spend, suspend, sync, tiers, topup, void,
};
use fw_limits_client::{
    Account, Admission, Ask, AsyncLimits, Bound, Change, Charge, Credit, Error, Fields, Figure,
    HeldLease, Invoice, Limit, Limits, LogEntry, Money, MoneyReply, OpenHold, Outcome, Quotas,
    Renewal, Reservation, Terms, Tier, Verdict, Window,
};
use redis::Value;

use crate::support::{KEY, NOON, PROTOCOLS, connected, money, plays, started};

fn window(limit: u64, remaining: u64, reset_ms: u64) -> Window {
    Window { limit: Some(limit), remaining: Some(remaining), reset_ms }
}

fn free() -> Window {
    Window { limit: None, remaining: None, reset_ms: 0 }
}

fn dollars(count: u64) -> Money {
    Money::from_dollars(count).unwrap()
}

fn once() -> Ask {
    Ask::default()
}

plays! {
    fn an_admission_and_a_denial_are_values(limits, server) {
        let admission = limits.run(admit(KEY, &once())).unwrap();
        let expected = Admission {
            verdict: Verdict::Ok,
            policy: "requests".into(),
            requests: window(600, 599, 60_000),
            retry_after_ms: Some(0),
            tokens: None,
        };
        assert_eq!(admission, expected);
        assert!(limits.run(admit(KEY, &once().cost(599))).unwrap().admitted());
        let denied = limits.run(admit(KEY, &once())).unwrap();
        assert_eq!((&denied.verdict, denied.http_status()), (&Verdict::RateLimited, 429));
        assert_eq!((denied.retry_after_ms, denied.retry_after()), (Some(60_000), Some(60)));
        assert!(!denied.admitted());
        server.must("FW.CLOCK ADVANCE 59001");
        let later = limits.run(peek(KEY, &once())).unwrap();
        assert_eq!((later.retry_after_ms, later.retry_after()), (Some(999), Some(1)));
        server.must("FW.CLOCK ADVANCE 999");
        assert!(limits.run(peek(KEY, &once())).unwrap().admitted());
        let large = limits.run(admit(KEY, &once().cost(601))).unwrap();
        assert_eq!((&large.verdict, large.retry_after()), (&Verdict::TooLarge, None));
        assert_eq!(large.verdict.to_string(), "TOO_LARGE");
    }
}

plays! {
    fn tokens_scopes_and_holds(limits, _server) {
        limits.run(limit(KEY, "tokens@llama-70b", Change::default().max(5000))).unwrap();
        let terms = Terms::of(money("0.02")).id("req-1").ttl_ms(30_000);
        let ask = once().cost(2).scope("llama-70b").tokens(1500).hold(terms);
        let first = limits.run(admit(KEY, &ask)).unwrap();
        assert_eq!(first.tokens, Some(window(5000, 3500, 60_000)));
        assert_eq!(first.requests.remaining, Some(598));
        let again = limits.run(admit(KEY, &ask)).unwrap();
        assert!(again.admitted() && again.verdict == Verdict::Duplicate);
        let hold = OpenHold {
            id: "req-1".into(),
            amount: money("0.02"),
            charged: Money::ZERO,
            held: money("0.02"),
            tokens: 1500,
            scope: Some("llama-70b".into()),
            admitted_ms: NOON,
            lapses_ms: NOON + 30_000,
        };
        assert_eq!(limits.run(holds(KEY, None)).unwrap(), Some(vec![hold]));
        let part = limits.run(spend(KEY, money("0.004"), &Charge::partial("req-1", 400))).unwrap();
        let expected = MoneyReply {
            outcome: Outcome::Ok,
            spent: money("0.004"),
            limit: Some(dollars(50)),
            held: money("0.016"),
            credits: Money::ZERO,
            tier: "tier-1".into(),
            standing: "active".into(),
        };
        assert_eq!(part, expected);
        assert_eq!(limits.run(extend(KEY, "req-1", 1000)).unwrap().held, money("0.016"));
        let charge = Charge::hold("req-1", 950);
        let last = limits.run(spend(KEY, money("0.0095"), &charge)).unwrap();
        assert_eq!((last.spent, last.held), (money("0.0095"), Money::ZERO));
        let repeated = limits.run(spend(KEY, money("0.0095"), &charge)).unwrap();
        assert_eq!(repeated.outcome, Outcome::Duplicate);
        assert_eq!(limits.run(holds(KEY, 1)).unwrap(), Some(vec![]));
        let used = limits.run(quota(KEY, "tokens@llama-70b")).unwrap().unwrap().used;
        assert_eq!(used, Figure::Count(950));
    }
}

plays! {
    fn a_hold_that_lapsed_and_one_that_is_voided(limits, server) {
        limits.run(admit(KEY, &once().hold(Terms::of(dollars(1)).id("req-1")))).unwrap();
        server.must("FW.CLOCK ADVANCE 60000");
        let late = limits.run(spend(KEY, dollars(1), &Charge::hold("req-1", None))).unwrap();
        assert_eq!(late.outcome, Outcome::Late);
        limits.run(admit(KEY, &once().hold(Terms::of(dollars(1)).id("req-2")))).unwrap();
        assert_eq!(limits.run(void(KEY, "req-2")).unwrap().spent, dollars(1));
    }
}

plays! {
    fn money_and_standing(limits, _server) {
        let charge = Charge::id("gpu-1");
        let spent = limits.run(spend(KEY, dollars(50), &charge)).unwrap();
        assert!(!spent.active());
        assert_eq!(spent.reasons(), ["spend_limit"]);
        let again = limits.run(spend(KEY, dollars(50), &charge)).unwrap();
        assert_eq!(again.outcome, Outcome::Duplicate);
        let blocked = limits.run(suspend(KEY, "asked by the risk team")).unwrap();
        assert_eq!(blocked.reasons(), ["blocked", "spend_limit"]);
        let denied = limits.run(admit(KEY, &once())).unwrap();
        assert_eq!(denied.reasons(), ["blocked", "spend_limit"]);
        assert_eq!(denied.http_status(), 412);
        limits.run(resume(KEY)).unwrap();
        let topped = limits.run(topup(KEY, money("100.50"), &Credit::bought("buy-1"))).unwrap();
        assert_eq!((topped.limit, topped.credits), (Some(dollars(500)), money("50.5")));
        assert_eq!(topped.tier, "tier-2");
        let given = limits.run(topup(KEY, dollars(5), &Credit::promo("gift-1"))).unwrap();
        assert_eq!(given.credits, money("55.5"));
        let noted = limits.run(refund(KEY, money("0.5"), "note-1")).unwrap();
        assert_eq!(noted.spent, money("49.5"));
        let failed = limits.run(invoice(KEY, "in_1", Invoice::Failed)).unwrap();
        assert_eq!(failed.reasons(), ["payment_failed"]);
        let paid = Invoice::PaidAmount(money("1.25"));
        assert!(limits.run(invoice(KEY, "in_1", paid)).unwrap().active());
        assert!(limits.run(invoice(KEY, "in_2", Invoice::Voided)).unwrap().active());
        assert!(limits.run(invoice(KEY, "in_3", Invoice::Paid)).unwrap().active());
        let fields = Fields {
            payment_method: Some(false),
            tier: Some("unlimited".to_owned()),
            anchor_day: Some(15),
        };
        assert_eq!(limits.run(set(KEY, &fields)).unwrap().limit, None);
        let auto = Fields {
            payment_method: Some(true),
            tier: Some("auto".to_owned()),
            anchor_day: None,
        };
        assert_eq!(limits.run(set(KEY, &auto)).unwrap().limit, Some(dollars(500)));
        let each = limits.run(spend(KEY, dollars(1), &Charge::EachTime)).unwrap();
        assert_eq!(each.spent, money("50.5"));
    }
}

plays! {
    fn the_view_of_an_account(limits, _server) {
        assert_eq!(limits.run(get(KEY)).unwrap(), None);
        limits.run(topup(KEY, money("0.1"), &Credit::bought("buy-1"))).unwrap();
        assert_eq!(limits.run(get(KEY)).unwrap(), Some(fresh()));
        limits.run(suspend(KEY, "fraud")).unwrap();
        let fields = Fields { tier: Some("unlimited".to_owned()), ..Fields::default() };
        limits.run(set(KEY, &fields)).unwrap();
        let account = limits.run(get(KEY)).unwrap().unwrap();
        assert_eq!(account.blocked_reason, Some("fraud".into()));
        assert!(!account.active());
        assert_eq!(account.reasons(), ["blocked"]);
        assert_eq!((account.limit, account.remaining), (None, None));
    }
}

fn fresh() -> Account {
    Account {
        tier: "tier-1".into(),
        tier_source: "auto".into(),
        standing: "active".into(),
        blocked_reason: None,
        payment_method: true,
        spent: Money::ZERO,
        held: Money::ZERO,
        limit: Some(dollars(50)),
        limit_source: "tier".into(),
        remaining: Some(dollars(50)),
        credits: money("0.1"),
        promo: Money::ZERO,
        owed: Money::ZERO,
        history: money("0.1"),
        next_tier: Some("tier-2".into()),
        next_tier_gap: Some(money("99.9")),
        period_start_ms: NOON,
        period_end_ms: 1_769_904_000_000,
        previous_spent: Money::ZERO,
        open_holds: 0,
        leases: 0,
        failed_invoices: 0,
        anchor_day: 1,
        created_ms: NOON,
    }
}

fn counts(name: &str, limit: Option<u64>, max: Option<u64>, source: &str) -> Limit {
    Limit {
        name: name.into(),
        limit: limit.map(Figure::Count),
        max: max.map(Figure::Count),
        used: Figure::Count(0),
        remaining: limit.map(Figure::Count),
        source: source.into(),
    }
}

plays! {
    fn limits_of_counts_and_of_money(limits, _server) {
        let row = counts("requests", Some(100), Some(600), "customer");
        let chosen = Change::default().value(100);
        assert_eq!(limits.run(limit(KEY, "requests", chosen)).unwrap(), row);
        assert_eq!(limits.run(quota(KEY, "requests")).unwrap(), Some(row));
        let back = Change::default().value(Bound::Default);
        let back = limits.run(limit(KEY, "requests", back)).unwrap();
        assert_eq!(back.limit, Some(Figure::Count(600)));
        let money = Change::default().value(dollars(80)).max(money("1000.5"));
        let row = limits.run(limit(KEY, "spend", money)).unwrap();
        assert_eq!(row.max, Some(Figure::Money("1000.5".parse().unwrap())));
        assert_eq!(row.remaining, Some(Figure::Money(dollars(80))));
        let largest = u64::MAX / 2;
        let most = Change::default().max(largest);
        let row = limits.run(limit(KEY, "requests", most)).unwrap();
        assert_eq!(row.limit, Some(Figure::Count(largest)));
        let admission = limits.run(admit(KEY, &once().cost(0))).unwrap();
        assert_eq!(admission.requests.remaining, Some(largest));
        let unbounded = Change::default().max(Bound::Unlimited);
        limits.run(limit(KEY, "requests", unbounded)).unwrap();
        let rows = limits.run(quotas(KEY)).unwrap().unwrap();
        assert_eq!(rows[1], counts("tokens", None, None, "platform"));
        assert_eq!(rows[3].name, "spend");
        let admission = limits.run(admit(KEY, &once().tokens(5))).unwrap();
        assert_eq!((admission.requests.clone(), admission.tokens.clone()), (free(), Some(free())));
        assert!(admission.headers().is_empty());
    }
}

plays! {
    fn leases_of_quotas(limits, _server) {
        let two = Quotas::of("h100", 8).and("a100", 1).ttl_ms(60_000);
        let first = limits.run(reserve(KEY, "train-1", &two)).unwrap();
        let expected = Reservation {
            verdict: Verdict::Ok,
            token: 1,
            ttl_ms: Some(60_000),
            policy: "".into(),
            limit: Some(8),
            used: 8,
        };
        assert_eq!(first, expected);
        assert!(first.reserved());
        let denied = limits.run(reserve(KEY, "train-2", &Quotas::of("h100", 1))).unwrap();
        assert_eq!((&denied.verdict, denied.token), (&Verdict::QuotaExceeded, 0));
        assert_eq!(denied.policy, "h100");
        assert_eq!((denied.http_status(), denied.reserved()), (429, false));
        let for_ever = Renewal::from(1).ttl_ms(0);
        assert_eq!(limits.run(renew(KEY, "train-1", for_ever)).unwrap().ttl_ms, None);
        let held = HeldLease {
            id: "train-1".into(),
            token: 1,
            quotas: [("a100".into(), 1), ("h100".into(), 8)].into(),
            ttl_ms: None,
            lapses_ms: None,
        };
        assert_eq!(limits.run(leases(KEY, None)).unwrap(), Some(vec![held]));
        limits.run(suspend(KEY, "fraud")).unwrap();
        assert_eq!(limits.run(renew(KEY, "train-1", 1)).unwrap().reasons(), ["blocked"]);
        assert!(limits.run(release(KEY, "train-1", 1)).unwrap());
        assert!(!limits.run(release(KEY, "train-1", None)).unwrap());
        limits.run(resume(KEY)).unwrap();
        limits.run(reserve(KEY, "lost-1", &Quotas::of("a100", 1))).unwrap();
        limits.run(reserve(KEY, "runs-1", &Quotas::of("a100", 1))).unwrap();
        assert_eq!(limits.run(sync(KEY, 3, ["runs-1"])).unwrap(), 1);
        assert_eq!(limits.run(leases(KEY, None)).unwrap().unwrap()[0].id, "runs-1");
    }
}

plays! {
    fn views_for_people(limits, _server) {
        assert_eq!(limits.run(log(KEY, None)).unwrap(), None);
        limits.run(suspend(KEY, "fraud")).unwrap();
        let entry =
            LogEntry { time_ms: NOON, event: "suspended".into(), cause: "blocked: fraud".into() };
        assert_eq!(limits.run(log(KEY, 1)).unwrap(), Some(vec![entry]));
        let explained = limits.run(explain(KEY, &once().cost(2))).unwrap();
        assert_eq!(explained.verdict, Verdict::Suspended);
        assert_eq!(explained.policy, "blocked");
        assert!(explained.checks.iter().any(|check| check.starts_with(b"DENY standing")));
        let first = Tier { name: "tier-1".into(), limit: Some(dollars(50)), history: Money::ZERO };
        assert_eq!(limits.run(tiers()).unwrap()[0], first);
        assert_eq!(limits.run(help("VOID")).unwrap()[0], "FW.VOID key id");
        assert!(limits.run(help(None)).unwrap().len() > 10);
    }
}

plays! {
    fn an_unknown_account(limits, server) {
        server.must("CONFIG SET fw.new-accounts reject");
        let unknown = limits.run(admit("nobody", &once())).unwrap();
        assert_eq!(unknown.verdict, Verdict::UnknownAccount);
        assert_eq!((unknown.http_status(), unknown.retry_after()), (404, None));
        assert!(unknown.headers().is_empty());
        assert_eq!(limits.run(get("nobody")).unwrap(), None);
        assert_eq!(limits.run(quotas("nobody")).unwrap(), None);
        assert_eq!(limits.run(quota("nobody", "spend")).unwrap(), None);
        assert_eq!(limits.run(holds("nobody", None)).unwrap(), None);
        assert_eq!(limits.run(leases("nobody", None)).unwrap(), None);
        let refused = limits.run(spend("nobody", dollars(1), &Charge::EachTime)).unwrap_err();
        assert!(matches!(refused, Error::NoAccount(_)), "{refused}");
    }
}

plays! {
    fn keys_and_ids_that_are_no_utf8(limits, _server) {
        let (key, id) = (b"\x00\xff\r\n", b"\xfe\x00");
        limits.run(admit(key, &once().hold(Terms::of(dollars(1)).id(id)))).unwrap();
        let found = limits.run(holds(key, None)).unwrap().unwrap();
        assert_eq!((found[0].id.as_slice(), &found[0].scope), (id.as_slice(), &None));
        let spent = limits.run(spend(key, dollars(1), &Charge::hold(&found[0].id, None))).unwrap();
        assert_eq!(spent.held, Money::ZERO);
    }
}

#[test]
fn commands_go_into_pipelines() {
    let server = started();
    for query in PROTOCOLS {
        let key = format!("acct:{query}");
        let batch = [admit(&key, &once()), admit(&key, &once().cost(2)), admit("text", &once())];
        let mut connection = server.connect_with(query);
        redis::cmd("SET").arg("text").arg("hello").exec(&mut connection).unwrap();
        let mut pipe = redis::pipe();
        for command in &batch {
            pipe.add_command(command.cmd().clone());
        }
        let replies: Vec<Value> = pipe.ignore_errors().query(&mut connection).unwrap();
        let pairs = batch.iter().zip(replies);
        let answers: Vec<_> = pairs.map(|(command, reply)| command.answer(reply)).collect();
        assert_eq!(answers[0].as_ref().unwrap().requests.remaining, Some(599));
        assert_eq!(answers[1].as_ref().unwrap().requests.remaining, Some(597));
        assert!(matches!(answers[2], Err(Error::WrongType(_))));
    }
}

/// Each method of a client once.
macro_rules! each_method {
    ($limits:ident, ($($wait:tt)*)) => {{
        let terms = Terms::of(dollars(1)).id("h");
        assert!($limits.admit(KEY, &once().hold(terms)) $($wait)* .unwrap().admitted());
        assert!($limits.peek(KEY, &once()) $($wait)* .unwrap().admitted());
        assert_eq!($limits.explain(KEY, &once()) $($wait)* .unwrap().verdict, Verdict::Ok);
        $limits.extend(KEY, "h", 1000) $($wait)* .unwrap();
        assert_eq!($limits.holds(KEY, None) $($wait)* .unwrap().unwrap().len(), 1);
        $limits.void(KEY, "h") $($wait)* .unwrap();
        let charge = Charge::id("s");
        assert_eq!($limits.spend(KEY, dollars(2), &charge) $($wait)* .unwrap().spent, dollars(2));
        $limits.topup(KEY, dollars(3), &Credit::bought("t")) $($wait)* .unwrap();
        $limits.refund(KEY, dollars(1), "r") $($wait)* .unwrap();
        $limits.invoice(KEY, "i", Invoice::Paid) $($wait)* .unwrap();
        let fields = Fields { anchor_day: Some(2), ..Fields::default() };
        $limits.set(KEY, &fields) $($wait)* .unwrap();
        assert!(!$limits.suspend(KEY, "why") $($wait)* .unwrap().active());
        assert!($limits.resume(KEY) $($wait)* .unwrap().active());
        $limits.limit(KEY, "requests", Change::default().value(9)) $($wait)* .unwrap();
        assert!($limits.reserve(KEY, "l", &Quotas::of("a100", 1)) $($wait)* .unwrap().reserved());
        assert!($limits.renew(KEY, "l", 1) $($wait)* .unwrap().reserved());
        assert_eq!($limits.leases(KEY, None) $($wait)* .unwrap().unwrap().len(), 1);
        assert!($limits.release(KEY, "l", 1) $($wait)* .unwrap());
        assert_eq!($limits.sync(KEY, 1, ["l"]) $($wait)* .unwrap(), 0);
        assert_eq!($limits.get(KEY) $($wait)* .unwrap().unwrap().anchor_day, 2);
        assert!($limits.quotas(KEY) $($wait)* .unwrap().unwrap().len() > 4);
        assert_eq!($limits.quota(KEY, "spend") $($wait)* .unwrap().unwrap().name, "spend");
        assert!(!$limits.log(KEY, None) $($wait)* .unwrap().unwrap().is_empty());
        assert_eq!($limits.tiers() $($wait)* .unwrap().len(), 4);
        assert!(!$limits.help(None) $($wait)* .unwrap().is_empty());
    }};
}

#[test]
fn each_method_of_the_client() {
    let server = started();
    let mut connection = server.connect();
    let mut limits = Limits::new(&mut connection);
    each_method!(limits, ());
    redis::cmd("PING").exec(limits.connection()).unwrap();
}

#[tokio::test]
async fn each_method_of_the_asynchronous_client() {
    let server = started();
    let limits: AsyncLimits<_> = connected(server.port, "").await;
    each_method!(limits, (.await));
    redis::cmd("PING").exec_async(&mut limits.connection().clone()).await.unwrap();
}
