//! Random histories: which steps, and with which figures.
//!
//! Figures come from small pools in which limits, thresholds and amounts meet exactly. Every
//! history has a mood of its own that makes some steps frequent and leaves others out, so that
//! rare things come together in some of them.

use crate::model::calendar;
use crate::model::figures::{MOST, Mode, TierRow, UNLIMITED};
use crate::random::Random;
use crate::script::{Command, Event, Move, Setting, Step, To, Token};

const SECOND: i64 = 1_000;
const DAY: i64 = 86_400 * SECOND;
const YEAR: i64 = 365 * DAY;
/// The end of the engine's time, with the year 2999.
pub const LAST: i64 = 32_503_680_000_000;
const DOLLAR: i128 = 1_000_000_000;

/// Leases have few ids, so that commands meet on them.
const LEASES: u32 = 4;
const QUOTAS: [&str; 4] = ["a100", "deployed-models", "h100", "tpu"];
const TIERS: [&str; 5] = ["tier-1", "tier-2", "tier-3", "gold", "platinum"];
const LIMITS: [&str; 7] = [
    "requests",
    "requests",
    "spend",
    "tokens",
    "concurrency",
    "requests@llama",
    "tokens@Llama-3/8b",
];
const BRIEF: [i64; 11] = [1, 17, 300, 999, SECOND, 1_001, 5_000, 30_000, 59_999, 60_000, 60_001];
const LONG: [i64; 5] = [3_600_000, DAY, 40 * DAY, YEAR, 30 * YEAR];
const BACK: [i64; 10] =
    [1, 900, 59_999, 60_000, 60_001, 61_000, 3_600_000, 20 * DAY, 40 * DAY, 3 * YEAR];
const TTLS: [i64; 8] = [0, 0, 1, SECOND, 60_000, 600_000, 40 * DAY, YEAR];
const MEMORIES: [i64; 6] = [0, 1, SECOND, 60_000, DAY, 40 * DAY];
const COSTS: [i128; 9] = [0, 1, 1, 1, 1, 2, 3, 5, 10];
const REQUESTS: [i128; 9] = [0, 1, 2, 3, 5, 5, 10, 600, UNLIMITED];
const COUNTS: [i128; 8] = [0, 0, 1, 2, 3, 4, 8, 9];

/// What a history is made of.
struct Mood {
    steps: Vec<usize>,
    commands: Vec<usize>,
    moves: Vec<usize>,
    events: Vec<usize>,
    settings: Vec<usize>,
    /// What the clock goes ahead by.
    ahead: Vec<i64>,
    amounts: Vec<i128>,
    ids: u32,
    /// Whether the largest figures there are occur.
    is_huge: bool,
}

/// A history's first instant and its steps.
#[derive(Clone, Debug)]
pub struct Script {
    pub start: i64,
    pub steps: Vec<Step>,
}

pub fn script(seed: u64) -> Script {
    let mut random = Random::new(seed);
    let start = start(&mut random);
    // Most histories should have an account.
    let mode = random.pick(&[Mode::Open, Mode::Open, Mode::Prepaid, Mode::Reject]);
    let mut all = vec![Step::Policy(Setting::NewAccounts(mode))];
    if !random.once_in(3) {
        all.push(Step::Policy(Setting::Requests(random.pick(&REQUESTS[1..8]))));
    }
    let count = 5 + random.below(200);
    all.extend(steps(&mut random, count));
    Script { start, steps: all }
}

/// So many steps in one mood.
pub fn steps(random: &mut Random, count: usize) -> Vec<Step> {
    let mood = mood(random);
    (0..count).map(|_| step(random, &mood)).collect()
}

/// An instant near a month's end, as often as not.
fn start(random: &mut Random) -> i64 {
    let year = |year: i64| (year - 1970) * 31_556_952 * SECOND;
    let around = [0, 20 * DAY, year(2026), year(2027), year(2028), year(2100), LAST - 40 * DAY];
    let month_end = calendar::next_after(1, random.pick(&around));
    let near = [0, -1, -5 * SECOND, -DAY, -3 * DAY, -17 * DAY, 17 * DAY];
    (month_end + random.pick(&near)).clamp(0, LAST)
}

fn mood(random: &mut Random) -> Mood {
    let mut swarm = |often: &[usize]| -> Vec<usize> {
        let mut weights: Vec<usize> =
            often.iter().map(|weight| weight * random.pick(&[0, 1, 1, 2, 4])).collect();
        weights[0] += 1;
        weights
    };
    let steps = swarm(&[60, 25, 6, 1]);
    let mut commands = swarm(&[30, 6, 20, 14, 10, 10, 30, 10, 4, 2, 1, 3, 2]);
    // Without RESERVE there is nothing to renew.
    commands[6] = commands[6].max(2 * commands[7]);
    let moves = swarm(&[12, 3, 1, 8]);
    let events = swarm(&[4, 4, 2, 1]);
    let settings = swarm(&[2, 3, 4, 3, 2, 2, 3, 3]);
    let is_huge = random.once_in(8);
    let dollars = [1, 10, 49, 50, 51, 100, 450, 500, 1_000];
    let mut amounts: Vec<i128> = dollars.iter().map(|dollars| dollars * DOLLAR).collect();
    amounts.extend([0, 1, 50 * DOLLAR - 1, 100 * DOLLAR - 1, 50 * DOLLAR + 1]);
    if is_huge {
        amounts.extend([MOST, MOST - 1, MOST / 2, MOST / 2 + 1, MOST - 50 * DOLLAR]);
    }
    let brief = random.pick(&[6, BRIEF.len(), BRIEF.len()]);
    let long = random.pick(&[0, 0, 1, 3, LONG.len()]);
    let ahead = [&BRIEF[..brief], &LONG[..long]].concat();
    let ids = random.pick(&[2, 4, 8, 40]);
    Mood { steps, commands, moves, events, settings, ahead, amounts, ids, is_huge }
}

fn step(random: &mut Random, mood: &Mood) -> Step {
    match random.weighted(&mood.steps) {
        0 => Step::Command(command(random, mood)),
        1 => Step::Clock(clock(random, mood)),
        2 => Step::Policy(setting(random, mood)),
        _ => Step::Delete,
    }
}

fn clock(random: &mut Random, mood: &Mood) -> Move {
    match random.weighted(&mood.moves) {
        0 => Move::Ahead(random.pick(&mood.ahead)),
        1 => Move::Back(random.pick(&BACK)),
        2 => Move::MonthEnd(random.pick(&[-1, 0, 1, DAY, 13 * DAY])),
        _ => {
            let events =
                [Event::LeaseLapses, Event::SlotFrees, Event::IdForgotten, Event::PeriodEnds];
            Move::Next(events[random.weighted(&mood.events)], random.pick(&[-1, 0, 0, 1]))
        }
    }
}

fn setting(random: &mut Random, mood: &Mood) -> Setting {
    match random.weighted(&mood.settings) {
        0 => Setting::NewAccounts(random.pick(&[Mode::Open, Mode::Prepaid, Mode::Reject])),
        1 if mood.is_huge && random.once_in(3) => Setting::Requests(MOST),
        1 => Setting::Requests(random.pick(&REQUESTS)),
        2 => Setting::Tiers(tiers(random, mood)),
        3 => Setting::Quotas(quotas(random, mood)),
        4 => Setting::Anchor(random.pick(&[1, 1, 15, 28, 29, 30, 31])),
        5 => Setting::LeaseTtl(random.pick(&TTLS)),
        6 => Setting::SpendMemory(random.pick(&MEMORIES)),
        _ => Setting::BillingMemory(random.pick(&MEMORIES)),
    }
}

/// A table of some of the tiers, mostly in their usual order, with thresholds that rise.
fn tiers(random: &mut Random, mood: &Mood) -> Vec<TierRow> {
    let mut names: Vec<&str> = TIERS.into_iter().filter(|_| !random.once_in(3)).collect();
    if names.is_empty() {
        names = vec![random.pick(&TIERS)];
    }
    if random.once_in(4) {
        let (a, b) = (random.below(names.len()), random.below(names.len()));
        names.swap(a, b);
    }
    let mut histories: Vec<i128> = names.iter().map(|_| random.pick(&mood.amounts)).collect();
    histories.sort_unstable();
    histories[0] = 0;
    let mut lowest = 0;
    let rows = names.into_iter().zip(histories).map(|(name, history)| {
        let history = history.max(lowest);
        lowest = history + 1;
        TierRow { name: name.to_owned(), limit: money_limit(random, mood), history }
    });
    rows.filter(|row| row.history <= MOST).collect()
}

fn money_limit(random: &mut Random, mood: &Mood) -> i128 {
    match random.below(8) {
        0 => UNLIMITED,
        1 | 2 => 5_000 * DOLLAR,
        _ => random.pick(&mood.amounts),
    }
}

fn quotas(random: &mut Random, mood: &Mood) -> Vec<(String, i128)> {
    let names: Vec<&str> = QUOTAS.into_iter().filter(|_| !random.once_in(4)).collect();
    names.into_iter().map(|name| (name.to_owned(), count(random, mood))).collect()
}

fn count(random: &mut Random, mood: &Mood) -> i128 {
    if mood.is_huge && random.once_in(3) {
        random.pick(&[MOST, MOST - 1, MOST / 2 + 1])
    } else {
        random.pick(&COUNTS)
    }
}

fn command(random: &mut Random, mood: &Mood) -> Command {
    let id = |random: &mut Random| u32::try_from(random.below(mood.ids as usize)).unwrap();
    // An id often comes with the amount it had before.
    let money = |random: &mut Random, id: u32| {
        let usual = mood.amounts[id as usize % mood.amounts.len()];
        if random.once_in(2) { usual } else { random.pick(&mood.amounts) }
    };
    let lease = |random: &mut Random| id(random) % LEASES;
    match random.weighted(&mood.commands) {
        0 => Command::Admit { cost: cost(random, mood) },
        1 => Command::Peek { cost: cost(random, mood) },
        2 => {
            let id = id(random);
            let amount = money(random, id);
            Command::Spend { amount, id: (!random.once_in(3)).then_some(id) }
        }
        3 => {
            let id = id(random);
            let promo = id.is_multiple_of(3) != random.once_in(6);
            Command::TopUp { amount: money(random, id).max(1), id, promo }
        }
        4 => set(random),
        5 => limit(random, mood),
        6 => {
            let (id, wanted) = (lease(random), wanted(random, mood));
            Command::Reserve { id, wanted, ttl: ttl(random) }
        }
        7 => Command::Renew { id: lease(random), token: token(random), ttl: ttl(random) },
        8 => {
            let token = (!random.once_in(3)).then(|| token(random));
            Command::Release { id: lease(random), token }
        }
        9 => {
            let upto = Token::Last(random.pick(&[-2, -1, 0, 0, 5]));
            let running = (0..random.below(4)).map(|_| lease(random)).collect();
            Command::Sync { upto, running }
        }
        10 => Command::Get,
        11 => {
            let all: Vec<&str> = LIMITS.into_iter().chain(QUOTAS).collect();
            Command::Quotas { name: Some(random.pick(&all).to_owned()) }
        }
        _ => Command::Leases { count: random.below(4) },
    }
}

fn cost(random: &mut Random, mood: &Mood) -> i128 {
    if mood.is_huge && random.once_in(3) {
        random.pick(&[MOST, MOST - 1, MOST / 2])
    } else {
        random.pick(&COSTS)
    }
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
    let all: Vec<&str> = LIMITS.into_iter().chain(QUOTAS).collect();
    let name = random.pick(&all).to_owned();
    let figure = |random: &mut Random| -> To {
        match random.below(6) {
            0 => None,
            1 => Some(UNLIMITED),
            2..4 if mood.is_huge => Some(UNLIMITED),
            _ if name == "spend" => Some(random.pick(&mood.amounts)),
            _ if name == "requests" => Some(random.pick(&REQUESTS)),
            _ => Some(count(random, mood)),
        }
    };
    let value = (!random.once_in(3)).then(|| figure(random));
    let max = (value.is_none() || random.once_in(2)).then(|| figure(random));
    Command::Limit { name, value, max }
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

fn ttl(random: &mut Random) -> Option<i64> {
    random.maybe(3, &TTLS)
}

fn token(random: &mut Random) -> Token {
    let own = Token::Own(0);
    random.pick(&[own, own, own, Token::Own(-1), Token::Own(1), Token::Last(0), Token::Exact(1)])
}
