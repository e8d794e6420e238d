//! Histories of full accounts: they come to the bounds of what an account holds, and go on there.

use std::ops::Range;

use crate::generate::{Script, steps};
use crate::model::figures::{Mode, UNLIMITED};
use crate::random::Random;
use crate::script::{
    Ask, Command, FIRST_FILLED, Filling, HoldAsk, Invoice, Move, Setting, Settle, Step,
};

/// How many kinds of full accounts there are.
pub const KINDS: u64 = 10;
/// Times at the bound before anything else happens, and after that among other steps.
const NEAR: usize = 12;
const OTHERS: usize = 40;
const DAY_MS: i64 = 86_400_000;

/// An account filled to just below a bound, and what comes to the bound then.
struct Full {
    filling: Vec<Step>,
    near: fn(&mut Random) -> Vec<Step>,
}

pub fn script(seed: u64) -> Script {
    let mut random = Random::new(seed);
    let full = full(seed % KINDS);
    let open = Step::Policy(Setting::NewAccounts(Mode::Open));
    let create = Step::Command(Command::Spend { amount: 1, id: Some(0) });
    let mut script = Script { start: 1_771_000_000_000, steps: vec![open, create], rows_every: 1 };
    script.steps.extend(full.filling);
    script.steps.extend((0..NEAR).flat_map(|_| (full.near)(&mut random)));
    for step in steps(&mut random, OTHERS) {
        script.steps.push(step);
        script.steps.extend((full.near)(&mut random));
    }
    script
}

fn full(kind: u64) -> Full {
    match kind {
        0 => Full { filling: vec![Step::Fill(Filling::Spends, 99_998)], near: near_spends },
        1 => Full { filling: vec![Step::Fill(Filling::Billings, 9_998)], near: near_billings },
        2 => Full {
            filling: vec![platform(0..1), Step::Fill(Filling::Leases("quota-0"), 998)],
            near: near_leases,
        },
        3 => Full { filling: (0..62).map(limit_scope).collect(), near: near_scopes },
        4 => Full { filling: many_quota_limits(), near: near_quota_limits },
        5 => Full { filling: lease_of_many_quotas(), near: near_quotas },
        6 => Full { filling: vec![Step::Fill(Filling::Holds(DAY_MS), 9_998)], near: near_holds },
        7 => Full { filling: vec![Step::Fill(Filling::Settled, 99_998)], near: near_settled },
        8 => Full { filling: many_lapsed_holds(), near: near_lapsed },
        _ => Full { filling: vec![Step::Fill(Filling::Invoices, 998)], near: near_invoices },
    }
}

fn few(random: &mut Random) -> u32 {
    random.pick(&[0, 1, 2, 3, 4])
}

fn near_spends(random: &mut Random) -> Vec<Step> {
    let old_or_new = random.pick(&[FIRST_FILLED, 2 * FIRST_FILLED]);
    let (amount, id) = (i128::from(few(random)) / 3, Some(old_or_new + few(random)));
    vec![Step::Command(Command::Spend { amount, id })]
}

/// Top-ups, refunds and invoices share one bound.
fn near_billings(random: &mut Random) -> Vec<Step> {
    let old_or_new = random.pick(&[FIRST_FILLED, 2 * FIRST_FILLED]);
    let (id, promo) = (old_or_new + few(random), !random.once_in(4));
    vec![Step::Command(match random.below(4) {
        0 => Command::Refund { amount: 1, id },
        1 => Command::Invoice { id, event: random.pick(&[Invoice::Paid(1), Invoice::Voided]) },
        _ => Command::TopUp { amount: 1, id, promo },
    })]
}

fn near_invoices(random: &mut Random) -> Vec<Step> {
    let old_or_new = random.pick(&[FIRST_FILLED, 2 * FIRST_FILLED, 2 * FIRST_FILLED]);
    let failed = Invoice::Failed;
    let event = random.pick(&[failed, failed, failed, Invoice::Paid(1), Invoice::Voided]);
    vec![Step::Command(Command::Invoice { id: old_or_new + few(random), event })]
}

fn admit(id: u32, ttl: i64) -> Step {
    let hold = Some(HoldAsk { id, amount: 0, ttl: Some(ttl) });
    Step::Command(Command::Admit(Ask { hold, ..Ask::of_nothing() }))
}

fn settle(random: &mut Random, id: u32) -> Step {
    let (amount, partial) = (i128::from(few(random)) / 3, random.once_in(4));
    Step::Command(Command::Settle(Settle { id, amount, tokens: None, partial }))
}

/// Holds that are open, new, or neither.
fn near_holds(random: &mut Random) -> Vec<Step> {
    let id = random.pick(&[FIRST_FILLED, 2 * FIRST_FILLED, 2 * FIRST_FILLED]) + few(random);
    let ttl = random.pick(&[1, 60_000, DAY_MS, DAY_MS]);
    vec![match random.below(8) {
        0 => settle(random, id),
        1 => Step::Command(Command::Void { id }),
        2 => Step::Command(Command::Extend { id, ttl }),
        _ => admit(id, ttl),
    }]
}

fn near_settled(random: &mut Random) -> Vec<Step> {
    let id = random.pick(&[FIRST_FILLED, 2 * FIRST_FILLED]) + few(random);
    let end = match random.below(3) {
        0 => Step::Command(Command::Void { id }),
        _ => settle(random, id),
    };
    vec![admit(id, DAY_MS), end]
}

/// 100,000 that lapsed one after the other and all at once, and as many open ones as there can be.
fn many_lapsed_holds() -> Vec<Step> {
    let mut steps = vec![Step::Policy(Setting::HoldMemory(40 * DAY_MS))];
    let mut lapse = |count| {
        steps.push(Step::Fill(Filling::Holds(1), count));
        steps.push(Step::Clock(Move::Ahead(1)));
    };
    (0..10).for_each(|_| lapse(1));
    (0..9).for_each(|_| lapse(10_000));
    lapse(9_990);
    steps.push(Step::Fill(Filling::Holds(DAY_MS), 9_997));
    steps
}

fn near_lapsed(random: &mut Random) -> Vec<Step> {
    let id = FIRST_FILLED + 3 * few(random);
    match random.below(4) {
        0 => vec![settle(random, id)],
        1 => vec![Step::Command(Command::Void { id })],
        _ => near_holds(random),
    }
}

fn reserve(id: u32, quotas: Range<u32>, count: i128) -> Step {
    let wanted = quotas.map(|at| (quota(at), count)).collect();
    Step::Command(Command::Reserve { id, wanted, ttl: Some(0) })
}

fn limit(name: String) -> Step {
    Step::Command(Command::Limit { name, value: None, max: Some(Some(UNLIMITED)) })
}

fn to_default(step: Step) -> Step {
    match step {
        Step::Command(Command::Limit { name, .. }) => {
            Step::Command(Command::Limit { name, value: None, max: Some(None) })
        }
        other => other,
    }
}

fn quota(at: u32) -> String {
    format!("quota-{at}")
}

fn platform(quotas: Range<u32>) -> Step {
    Step::Policy(Setting::Quotas(quotas.map(|at| (quota(at), 2_000)).collect()))
}

fn near_leases(random: &mut Random) -> Vec<Step> {
    let id = FIRST_FILLED + 996 + few(random);
    vec![platform(0..1), reserve(id, 0..1, i128::from(few(random)))]
}

fn limit_scope(at: u32) -> Step {
    limit(format!("{}@scope-{at}", if at.is_multiple_of(2) { "requests" } else { "tokens" }))
}

fn near_scopes(random: &mut Random) -> Vec<Step> {
    let step = limit_scope(60 + few(random));
    vec![if random.once_in(3) { to_default(step) } else { step }]
}

/// Limits of quotas that have left the platform count as well.
fn many_quota_limits() -> Vec<Step> {
    let limits = |quotas: Range<u32>| quotas.map(|at| limit(quota(at)));
    let first = std::iter::once(platform(0..40)).chain(limits(0..40));
    first.chain([platform(40..80)]).chain(limits(40..62)).collect()
}

fn near_quota_limits(random: &mut Random) -> Vec<Step> {
    let step = limit(quota(60 + few(random)));
    vec![platform(40..80), if random.once_in(3) { to_default(step) } else { step }]
}

fn lease_of_many_quotas() -> Vec<Step> {
    vec![platform(0..64), reserve(1, 0..64, 1), platform(64..128), reserve(1, 64..126, 1)]
}

fn near_quotas(random: &mut Random) -> Vec<Step> {
    let at = 124 + few(random);
    vec![platform(120..180), reserve(1, at..at + 1 + few(random), random.pick(&[0, 1, 1]))]
}
