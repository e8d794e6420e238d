//! Commands: few ids, so that they meet on them, and amounts that an id had before.

use super::mood::Mood;
use super::settings::{COSTS, HOLD_TTLS, LEASE_TTLS, QUOTAS, TIERS, TOKENS, count, figure};
use crate::model::figures::{MOST, UNLIMITED};
use crate::random::Random;
use crate::script::{Ask, Command, HoldAsk, Invoice, Settle, To, Token};

const LEASES: u32 = 4;
const INVOICES: u32 = 4;
const SCOPES: [&str; 4] = ["llama", "llama", "Llama-3/8b", "mixtral"];
const LIMITS: [&str; 9] = [
    "requests",
    "spend",
    "spend",
    "tokens",
    "concurrency",
    "requests@llama",
    "tokens@llama",
    "requests@Llama-3/8b",
    "tokens@Llama-3/8b",
];

pub fn command(random: &mut Random, mood: &Mood) -> Command {
    match random.weighted(&mood.groups) {
        0 => admission(random, mood),
        1 => money(random, mood),
        2 => operator(random, mood),
        3 => quotas(random, mood),
        _ => view(random, mood),
    }
}

/// Commands after which limits are near, and much else is not in the way.
pub fn opening(random: &mut Random, mood: &Mood) -> Vec<Command> {
    let is_prepaid = random.once_in(3);
    let payment_method = Some(!is_prepaid);
    let mut commands = vec![Command::Set { payment_method, tier: None, anchor: None }];
    let largest = mood.asides.iter().copied().max().unwrap_or(1);
    let times = |random: &mut Random| (random.pick(&[1, 2, 3, 20]) * largest).clamp(1, MOST);
    if is_prepaid || random.once_in(3) {
        let promo = random.once_in(3);
        commands.push(Command::TopUp { amount: times(random), id: 1, promo });
    }
    let mut limit = |name: &str, figure| {
        let (name, max) = (name.to_owned(), Some(Some(figure)));
        commands.push(Command::Limit { name, value: None, max });
    };
    if random.once_in(2) {
        limit("spend", times(random));
    }
    for name in LIMITS.into_iter().filter(|name| name.contains('@')) {
        if random.once_in(2) {
            limit(name, random.pick(&[1, 2, 3, 5, 8]));
        }
    }
    commands
}

fn below(random: &mut Random, ids: u32) -> u32 {
    u32::try_from(random.below(ids as usize)).unwrap()
}

fn admission(random: &mut Random, mood: &Mood) -> Command {
    let id = below(random, mood.holds);
    match random.weighted(&mood.admission) {
        0 => Command::Admit(ask(random, mood)),
        1 => Command::Peek(ask(random, mood)),
        2 => Command::Settle(settle(random, mood, id)),
        3 => Command::Void { id },
        _ => Command::Extend { id, ttl: random.pick(&HOLD_TTLS) },
    }
}

fn ask(random: &mut Random, mood: &Mood) -> Ask {
    let [scope, tokens, hold] = mood.extras.map(|times| random.once_in(times));
    let id = below(random, mood.holds);
    // One that is too large for a window sets nothing aside.
    let costs = if hold { &COSTS[..5] } else { &COSTS };
    Ask {
        cost: units(random, mood, costs),
        scope: scope.then(|| random.pick(&SCOPES).to_owned()),
        tokens: tokens.then(|| units(random, mood, &TOKENS)),
        hold: hold.then(|| HoldAsk {
            id,
            amount: amount(random, &mood.asides, id),
            ttl: random.maybe(2, &HOLD_TTLS),
        }),
    }
}

fn units(random: &mut Random, mood: &Mood, from: &[i128]) -> i128 {
    if mood.is_huge && random.once_in(3) {
        random.pick(&[MOST, MOST - 1, MOST / 2])
    } else {
        random.pick(from)
    }
}

/// An id often comes with the amount it had before.
fn amount(random: &mut Random, from: &[i128], id: u32) -> i128 {
    if random.once_in(3) { random.pick(from) } else { usual(from, id) }
}

fn usual(from: &[i128], id: u32) -> i128 {
    from[id as usize % from.len()]
}

/// What a hold cost, often all that it set aside or a round part of it.
fn settle(random: &mut Random, mood: &Mood, id: u32) -> Settle {
    let usual = usual(&mood.asides, id);
    let partial = random.once_in(3);
    let amount = match random.below(8) {
        0 => random.pick(&mood.asides),
        1 => (usual + 1).min(MOST),
        2 | 3 => usual / 2,
        4 if partial => usual / 4,
        5 if partial => 0,
        _ => usual,
    };
    let tokens = random.once_in(2).then(|| units(random, mood, &TOKENS));
    Settle { id, amount, tokens, partial }
}

fn money(random: &mut Random, mood: &Mood) -> Command {
    let id = below(random, mood.ids);
    let amount = amount(random, &mood.amounts, id);
    match random.weighted(&mood.money) {
        0 => Command::Spend { amount, id: (!random.once_in(3)).then_some(id) },
        1 => {
            let promo = id.is_multiple_of(3) != random.once_in(6);
            Command::TopUp { amount: amount.max(1), id, promo }
        }
        _ => Command::Refund { amount: amount.max(1), id },
    }
}

fn operator(random: &mut Random, mood: &Mood) -> Command {
    match random.weighted(&mood.operator) {
        0 => set(random),
        1 => limit(random, mood),
        2 => invoice(random, mood),
        3 => {
            let long = "x".repeat(256);
            let reason = random.pick(&["fraud", "fraud", "a word,\na comma", &long]);
            Command::Suspend { reason: reason.to_owned() }
        }
        _ => Command::Resume,
    }
}

fn invoice(random: &mut Random, mood: &Mood) -> Command {
    let id = below(random, INVOICES);
    let event = match random.below(6) {
        0 | 1 => Invoice::Failed,
        2 => Invoice::Voided,
        3 => Invoice::Paid(0),
        _ => Invoice::Paid(amount(random, &mood.amounts, id)),
    };
    Command::Invoice { id, event }
}

fn set(random: &mut Random) -> Command {
    let tiers = [&TIERS[..], &["auto", "auto", "unlimited"]].concat();
    let mut payment_method = random.maybe(2, &[true, true, false]);
    let tier = random.maybe(4, &tiers).map(str::to_owned);
    let anchor = random.maybe(4, &[1, 2, 15, 28, 29, 30, 31]);
    if tier.is_none() && anchor.is_none() {
        payment_method = payment_method.or(Some(true));
    }
    Command::Set { payment_method, tier, anchor }
}

fn limit(random: &mut Random, mood: &Mood) -> Command {
    let name = any_limit(random);
    let to = |random: &mut Random| -> To {
        match random.below(6) {
            0 => None,
            1 => Some(UNLIMITED),
            2 if mood.is_huge => Some(UNLIMITED),
            _ => Some(figure(random, mood, &name)),
        }
    };
    let value = (!random.once_in(3)).then(|| to(random));
    let max = (value.is_none() || random.once_in(2)).then(|| to(random));
    Command::Limit { name, value, max }
}

fn any_limit(random: &mut Random) -> String {
    let all: Vec<&str> = LIMITS.into_iter().chain(QUOTAS).collect();
    random.pick(&all).to_owned()
}

fn quotas(random: &mut Random, mood: &Mood) -> Command {
    let id = below(random, mood.ids.min(LEASES));
    match random.weighted(&mood.quotas) {
        0 => Command::Reserve { id, wanted: wanted(random, mood), ttl: lease_ttl(random) },
        1 => Command::Renew { id, token: token(random), ttl: lease_ttl(random) },
        2 => {
            let token = (!random.once_in(3)).then(|| token(random));
            Command::Release { id, token }
        }
        _ => {
            let upto = Token::Last(random.pick(&[-2, -1, 0, 0, 5]));
            let running = (0..random.below(4)).map(|_| below(random, LEASES)).collect();
            Command::Sync { upto, running }
        }
    }
}

fn wanted(random: &mut Random, mood: &Mood) -> Vec<(String, i128)> {
    let mut names = QUOTAS.to_vec();
    let mut wanted = Vec::new();
    for _ in 0..=random.below(3) {
        let name = names.remove(random.below(names.len()));
        wanted.push((name.to_owned(), count(random, mood)));
    }
    wanted
}

fn lease_ttl(random: &mut Random) -> Option<i64> {
    random.maybe(3, &LEASE_TTLS)
}

fn token(random: &mut Random) -> Token {
    let own = Token::Own(0);
    random.pick(&[own, own, own, Token::Own(-1), Token::Own(1), Token::Last(0), Token::Exact(1)])
}

fn view(random: &mut Random, mood: &Mood) -> Command {
    match random.weighted(&mood.views) {
        0 => Command::Get,
        1 => Command::Quotas { name: Some(any_limit(random)) },
        2 => Command::Leases { count: random.below(4) },
        3 => Command::Holds { count: random.below(4) },
        _ => Command::Log { count: random.below(4) },
    }
}
