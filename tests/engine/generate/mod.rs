//! Random histories: which steps, and with which figures.
//!
//! Figures come from small pools in which limits, thresholds and amounts meet exactly. Every
//! history has a mood of its own that makes some steps frequent and leaves others out, so that
//! rare things come together in some of them.

mod commands;
mod mood;
mod settings;

use crate::model::calendar;
use crate::model::figures::Mode;
use crate::random::Random;
use crate::script::{Event, Move, Setting, Step};
use mood::Mood;

const SECOND: i64 = 1_000;
const DAY: i64 = 86_400 * SECOND;
const YEAR: i64 = 365 * DAY;
/// The end of the engine's time, with the year 2999.
pub const LAST: i64 = 32_503_680_000_000;

const BACK: [i64; 10] =
    [1, 900, 59_999, 60_000, 60_001, 61_000, 3_600_000, 20 * DAY, 40 * DAY, 3 * YEAR];
const EVENTS: [Event; 6] = [
    Event::HoldLapses,
    Event::HoldForgotten,
    Event::LeaseLapses,
    Event::SlotFrees,
    Event::IdForgotten,
    Event::PeriodEnds,
];

/// Steps between views of rows where millions of histories are run: they cost more than the steps.
const ROWS_EVERY: usize = 8;

/// A history's first instant and its steps.
#[derive(Clone, Debug)]
pub struct Script {
    pub start: i64,
    pub steps: Vec<Step>,
    /// After so many steps the views of rows are compared, and always at the end.
    pub rows_every: usize,
}

pub fn script(seed: u64) -> Script {
    let mut random = Random::new(seed);
    let (mut script, mood) = begin(&mut random);
    let count = 5 + random.below(200);
    script.steps.extend((0..count).map(|_| step(&mut random, &mood)));
    script
}

/// A history of which the seed says the beginning and the mood, and the bytes every step after it.
pub fn chosen(seed: u64, bytes: &[u8], most: usize) -> Script {
    let (mut script, mood) = begin(&mut Random::new(seed));
    script.rows_every = ROWS_EVERY;
    let mut random = Random::chosen(bytes);
    while !random.is_used_up() && script.steps.len() < most {
        script.steps.push(step(&mut random, &mood));
    }
    script
}

fn begin(random: &mut Random) -> (Script, Mood) {
    let start = start(random);
    // Most histories should have an account.
    let mode = random.pick(&[Mode::Open, Mode::Open, Mode::Prepaid, Mode::Reject]);
    let mut steps = vec![Step::Policy(Setting::NewAccounts(mode))];
    steps.extend(settings::of_a_history(random).into_iter().map(Step::Policy));
    let mood = Mood::new(random);
    if mood.is_focused {
        steps.extend(commands::opening(random, &mood).into_iter().map(Step::Command));
    }
    (Script { start, steps, rows_every: 1 }, mood)
}

/// So many steps in one mood.
pub fn steps(random: &mut Random, count: usize) -> Vec<Step> {
    let mood = Mood::new(random);
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

fn step(random: &mut Random, mood: &Mood) -> Step {
    match random.weighted(&mood.steps) {
        0 => Step::Command(commands::command(random, mood)),
        1 => Step::Clock(clock(random, mood)),
        2 => Step::Policy(settings::setting(random, mood)),
        _ => Step::Delete,
    }
}

fn clock(random: &mut Random, mood: &Mood) -> Move {
    match random.weighted(&mood.moves) {
        0 => Move::Ahead(random.pick(&mood.ahead)),
        1 => Move::Back(random.pick(&BACK)),
        2 => Move::MonthEnd(random.pick(&[-1, 0, 1, DAY, 13 * DAY])),
        _ => Move::Next(EVENTS[random.weighted(&mood.events)], random.pick(&[-1, 0, 0, 1])),
    }
}
