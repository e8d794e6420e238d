//! Damaged bytes under a good seal: what a reader must withstand, since anybody may RESTORE.
//!
//! Every byte of a rich account and of each effect is changed, cut and sealed again. What still
//! reads must be an account that keeps its invariants, or an effect that is refused or leaves one.

#![allow(clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::Arc;

use fw_limits::codec::wire::{Kind, seal};
use fw_limits::codec::{account, effect};
use fw_limits::engine::account::Account;
use fw_limits::engine::account::Record;
use fw_limits::engine::act::Act;
use fw_limits::engine::apply;
use fw_limits::engine::decide::admit::{Admit, Ask};
use fw_limits::engine::decide::hold::{Extend, Part, Settle, Void};
use fw_limits::engine::decide::invoice::{Event, Invoice};
use fw_limits::engine::decide::limit::{SetLimit, To};
use fw_limits::engine::decide::quota::{Release, Reserve};
use fw_limits::engine::decide::set::{Pin, Set};
use fw_limits::engine::decide::spend::{Refund, Spend, TopUp};
use fw_limits::engine::decide::suspend::{Resume, Suspend};
use fw_limits::engine::decide::{Request, Rules, judge};
use fw_limits::engine::effect::{Change, Effect, Forget, NewFigures, Onto};
use fw_limits::engine::fits;
use fw_limits::engine::id::{Id, Name, Scope};
use fw_limits::engine::index::Hashing;
use fw_limits::engine::ledger::Ledger;
use fw_limits::engine::limit::{Limit, LimitName, Meter, Units};
use fw_limits::engine::log::{Cause, Event as Told, Row};
use fw_limits::engine::money::Money;
use fw_limits::engine::policy::{NewAccounts, Policy};
use fw_limits::engine::standing::Reason;
use fw_limits::engine::time::Millis;

/// The kind and the version before a body, and the hash after it.
const HEAD: usize = 2;
const SEAL: usize = 8;

struct History {
    hashing: Hashing,
    policy: Policy,
    clock: i64,
    account: Option<Box<Account>>,
    /// Each effect, with the account it belongs to.
    effects: Vec<(Option<Box<Account>>, Effect)>,
}

impl History {
    fn ask(&mut self, request: &impl Request) {
        let clock = Millis(self.clock);
        let rules = Rules { policy: &self.policy, clock, hashing: &self.hashing };
        let decision = judge(request, self.account.as_deref(), &rules);
        let Some(effect) = decision.expect("an answer").effect else { panic!("nothing changed") };
        self.effects.push((self.account.clone(), effect.clone()));
        match &mut self.account {
            Some(account) => drop(apply::apply(account, &effect, &self.hashing)),
            None => self.account = apply::create(&effect, &self.hashing),
        }
        self.clock += 1_500;
    }
}

fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).expect("a name")
}

fn id(text: &str) -> Id {
    Id::new(text.as_bytes()).expect("an id")
}

/// A history with something of everything.
fn rich() -> History {
    let policy = Policy { new_accounts: NewAccounts::Open, ..Policy::default() };
    let hashing = Hashing::with_seeds([1, 2, 3, 4]);
    let clock = 1_773_144_000_000;
    let mut history = History { hashing, policy, clock, account: None, effects: Vec::new() };
    let dollars = Money::dollars;
    let scope = Scope::new(b"models/x").expect("a scope");
    history.ask(&Admit { cost: Units::of(3), scope: None, tokens: None, hold: None });
    history.ask(&Admit { cost: Units::of(1), scope: None, tokens: None, hold: None });
    history.ask(&Spend { amount: dollars(7), id: Some(id("a spend")) });
    history.ask(&TopUp { act: Act::TopUp(dollars(200)), id: id("a top-up") });
    history.ask(&TopUp { act: Act::Promo(dollars(5)), id: id("a gift") });
    history.ask(&Set { tier: Some(Pin::To(name("tier-3"))), ..Set::default() });
    let max = Some(To::Figure(Limit::At(Units::of(9))));
    for limit in [LimitName::Quota(name("h100")), LimitName::Scoped(Meter::Tokens, scope.clone())] {
        history.ask(&SetLimit {
            name: limit,
            value: Some(To::Figure(Limit::At(Units::of(9)))),
            max,
        });
    }
    for lease in ["a lease", "another", "a third"] {
        let wanted = vec![(name("h100"), Units::of(2)), (name("a100"), Units::of(1))];
        history.ask(&Reserve { id: id(lease), wanted, ttl: Some(Millis(900_000)) });
    }
    let scoped = LimitName::Scoped(Meter::Requests, scope.clone());
    history.ask(&SetLimit { name: scoped, value: None, max });
    let any = Some(To::Figure(Limit::At(Units::of(500))));
    history.ask(&SetLimit { name: LimitName::Tokens, value: None, max: any });
    for (hold, ttl) in [("a hold", 60_000), ("another", 86_400_000), ("brief", 1), ("third", 9_000)]
    {
        let ask = Ask { id: id(hold), amount: dollars(3), ttl: Some(Millis(ttl)) };
        let (scope, tokens) = (Some(scope.clone()), Some(Units::of(2)));
        history.ask(&Admit { cost: Units::of(1), scope, tokens, hold: Some(ask) });
    }
    let settle = |hold, amount, tokens, part| Settle {
        id: id(hold),
        amount: dollars(amount),
        tokens: Some(Units::of(tokens)),
        part,
    };
    history.ask(&settle("a hold", 1, 3, Part::SoFar));
    history.ask(&settle("another", 2, 1, Part::All));
    history.ask(&Extend { id: id("a hold"), ttl: Millis(70_000) });
    history.ask(&Void { id: id("third") });
    history.ask(&Refund { amount: dollars(1), id: id("a refund") });
    for event in [Event::Paid(dollars(1)), Event::Failed] {
        history.ask(&Invoice { id: id(&format!("{event:?}")), event });
    }
    history.ask(&Suspend { reason: Reason::new(b"fraud").expect("a reason") });
    history.ask(&Release { id: id("another"), token: None });
    history.ask(&Spend { amount: dollars(4_990), id: None });
    history.ask(&Resume);
    history.ask(&Invoice { id: id("Failed"), event: Event::Voided });
    history
}

fn row(time: i64, event: Told) -> Row {
    Row { time: Millis(time), event, cause: Cause::of(&[b"a cause"]) }
}

#[test]
fn a_log_that_no_account_can_have_is_refused() {
    let history = rich();
    let account = history.account.expect("an account");
    let latest = account.latest.0;
    let logs: [(Vec<Row>, bool); 6] = [
        (vec![row(latest - 1, Told::Suspended), row(latest, Told::Resumed)], true),
        ((0..64).map(|_| row(latest, Told::Limit)).collect(), true),
        ((0..65).map(|_| row(latest, Told::Limit)).collect(), false),
        (vec![row(latest + 1, Told::Tier)], false),
        (vec![row(latest, Told::Tier), row(latest - 1, Told::Tier)], false),
        (vec![row(latest, Told::Threshold)], false),
    ];
    for (log, is_sound) in logs {
        let mut changed = account.clone();
        changed.parts.with_extras(|extras| extras.log = log.into());
        let mut blob = Vec::new();
        account::encode(&changed, &mut blob);
        let read = account::decode(&blob, &history.hashing);
        assert_eq!(read.is_ok(), is_sound, "{:?}", changed.log());
    }
}

#[test]
fn an_effect_that_tells_of_another_time_does_not_fit() {
    let history = rich();
    let account = history.account.expect("an account");
    let (before, effect) = history.effects.last().expect("an effect");
    let before = before.as_ref().expect("an account");
    let logged = before.log().last().expect("a row").time.0;
    assert!(logged < account.latest.0);
    for (time, belongs) in [(logged, true), (logged - 1, false), (account.latest.0 + 1, false)] {
        let mut changed = effect.clone();
        let NewFigures::All(after) = &mut changed.figures else { panic!("not all figures") };
        Arc::make_mut(after).news = vec![row(time, Told::Tier)];
        assert_eq!(fits::fits(Some(before), &changed).is_ok(), belongs, "{time}");
    }
}

#[test]
fn a_ledger_alone_fits_an_account_that_stands() {
    let history = rich();
    let before = history.account.expect("an account");
    let ledger = Ledger { spent: Money::dollars(7), ..before.record.ledger };
    let effect = |onto, ledger| Effect {
        time: before.latest,
        onto,
        figures: NewFigures::Ledger(ledger),
        forget: Forget::default(),
        change: Change::None,
    };
    let fit = |effect: &Effect, account| fits::fits(account, effect).is_ok();
    let plain = effect(Onto::Standing, ledger);
    assert!(fit(&plain, Some(&before)));
    let mut after = before.clone();
    apply::apply(&mut after, &plain, &history.hashing);
    assert_eq!(after.record, Record { ledger, ..before.record.clone() });
    assert!(!fit(&effect(Onto::Rewound, ledger), Some(&before)));
    assert!(!fit(&effect(Onto::Nothing, ledger), None));
    let too_much = Ledger { credits: Money::MAX, promo: Money::LEAST, ..ledger };
    assert!(!fit(&effect(Onto::Standing, too_much), Some(&before)));
}

/// The blob with each byte of its body changed in several ways, cut at each place, and sealed again.
fn damaged(kind: Kind, blob: &[u8]) -> Vec<Vec<u8>> {
    let body = &blob[HEAD..blob.len() - SEAL];
    let sealed = |body: &[u8]| {
        let mut out = Vec::new();
        seal(kind, &mut out, |out| out.extend_from_slice(body));
        out
    };
    let mut all: Vec<Vec<u8>> = (0..body.len()).map(|at| sealed(&body[..at])).collect();
    for at in 0..body.len() {
        for change in [0x01, 0x02, 0x10, 0x40, 0x80, 0xff] {
            let mut changed = body.to_vec();
            changed[at] ^= change;
            all.push(sealed(&changed));
        }
        let mut longer = body.to_vec();
        longer.splice(at..at, [0xff; 9]);
        all.push(sealed(&longer));
    }
    all
}

#[test]
fn an_account_reads_back_as_itself() {
    let history = rich();
    let account = history.account.expect("an account");
    let (mut blob, mut again) = (Vec::new(), Vec::new());
    account::encode(&account, &mut blob);
    let read = account::decode(&blob, &history.hashing).expect("an account");
    account::encode(&read, &mut again);
    assert_eq!((blob, format!("{account:?}")), (again, format!("{read:?}")));
    let events: Vec<&str> = read.log().iter().map(|row| row.event.word()).collect();
    for event in ["suspended", "resumed", "tier", "limit"] {
        assert!(events.contains(&event), "{events:?}");
    }
    assert_eq!(read.record.told.threshold, 90);
}

#[test]
fn damaged_account_bytes_are_refused_or_are_a_sound_account() {
    let history = rich();
    let mut blob = Vec::new();
    account::encode(&history.account.expect("an account"), &mut blob);
    let (mut read, mut refused) = (0, 0);
    for damaged in damaged(Kind::Account, &blob) {
        let Ok(account) = account::decode(&damaged, &history.hashing) else {
            refused += 1;
            continue;
        };
        assert_eq!(account.check(), Ok(()));
        let mut again = Vec::new();
        account::encode(&account, &mut again);
        assert!(account::decode(&again, &history.hashing).is_ok());
        read += 1;
    }
    assert!(read > 100 && refused > 100, "{read} read, {refused} refused");
}

#[test]
fn damaged_effect_bytes_are_refused_or_leave_a_sound_account() {
    let history = rich();
    let (mut applied, mut refused) = (0, 0);
    for (before, effect) in &history.effects {
        let mut blob = Vec::new();
        effect::encode(effect, &mut blob);
        assert_eq!(effect::decode(&blob).as_ref(), Ok(effect));
        for damaged in damaged(Kind::Effect, &blob) {
            let Ok(effect) = effect::decode(&damaged) else {
                refused += 1;
                continue;
            };
            if fits::fits(before.as_deref(), &effect).is_err() {
                refused += 1;
                continue;
            }
            let after = match before.clone() {
                Some(mut account) => {
                    apply::apply(&mut account, &effect, &history.hashing);
                    Some(account)
                }
                None => apply::create(&effect, &history.hashing),
            };
            let sound = after.map(|account| account.check());
            assert_eq!(sound, Some(Ok(())), "{effect:?}");
            applied += 1;
        }
    }
    assert!(applied > 100 && refused > 100, "{applied} applied, {refused} refused");
}
