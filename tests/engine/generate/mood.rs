//! The mood of a history: how often each thing comes, and the pools it takes figures from.

use super::{DAY, SECOND, YEAR};
use crate::model::figures::MOST;
use crate::random::Random;

pub const DOLLAR: i128 = 1_000_000_000;

const BRIEF: [i64; 11] = [1, 17, 300, 999, SECOND, 1_001, 5_000, 30_000, 59_999, 60_000, 60_001];
const LONG: [i64; 5] = [3_600_000, DAY, 40 * DAY, YEAR, 30 * YEAR];
/// Dollars that fit a small limit several times, and all that are near limits and thresholds.
const SMALL: [i128; 6] = [1, 5, 10, 20, 25, 50];
const ANY: [i128; 11] = [1, 10, 25, 49, 50, 51, 100, 450, 500, 1_000, 5_000];

/// What a history is made of.
pub struct Mood {
    pub steps: Vec<usize>,
    /// Of each group of commands.
    pub groups: Vec<usize>,
    pub admission: Vec<usize>,
    pub money: Vec<usize>,
    pub operator: Vec<usize>,
    pub quotas: Vec<usize>,
    pub views: Vec<usize>,
    pub moves: Vec<usize>,
    pub events: Vec<usize>,
    pub settings: Vec<usize>,
    /// What the clock goes ahead by.
    pub ahead: Vec<i64>,
    pub amounts: Vec<i128>,
    /// What holds set aside.
    pub asides: Vec<i128>,
    pub ids: u32,
    pub holds: u32,
    /// How rarely an admission has a scope, tokens and a hold.
    pub extras: [usize; 3],
    /// Whether it is about admission and little else.
    pub is_focused: bool,
    /// Whether the largest figures there are occur.
    pub is_huge: bool,
}

impl Mood {
    pub fn new(random: &mut Random) -> Self {
        let mut swarm = |often: &[usize]| -> Vec<usize> {
            let mut weights: Vec<usize> =
                often.iter().map(|weight| weight * random.pick(&[0, 1, 1, 2, 4])).collect();
            weights[0] += 1;
            weights
        };
        let steps = swarm(&[60, 25, 6, 1]);
        let mut groups = swarm(&[60, 30, 20, 30, 6]);
        let mut admission = swarm(&[30, 5, 20, 6, 5]);
        let money = swarm(&[14, 14, 5]);
        let mut operator = swarm(&[10, 12, 6, 1, 2]);
        let mut quotas = swarm(&[20, 10, 4, 2]);
        let views = swarm(&[1, 3, 2, 2, 1]);
        let moves = swarm(&[12, 3, 1, 12]);
        let events = swarm(&[5, 3, 3, 4, 2, 1]);
        let settings = swarm(&[2, 3, 4, 3, 2, 2, 3, 3, 3, 3, 2, 4, 3]);
        // Nothing is settled or renewed that was not taken before, and what is suspended for ever
        // is of little interest.
        admission[0] = admission[0].max(admission[2]);
        quotas[0] = quotas[0].max(2 * quotas[1]);
        operator[4] = operator[4].max(2 * operator[3]);
        let is_focused = random.once_in(2);
        if is_focused {
            groups = vec![60, random.pick(&[0, 2, 6]), random.pick(&[0, 1, 4]), 0, 1];
            admission[0] = admission[0].max(admission[1..].iter().sum());
        }
        let is_huge = random.once_in(8);
        let brief = random.pick(&[6, BRIEF.len(), BRIEF.len()]);
        let long = if is_focused { 0 } else { random.pick(&[0, 0, 1, 3, LONG.len()]) };
        Self {
            steps,
            groups,
            admission,
            money,
            operator,
            quotas,
            views,
            moves,
            events,
            settings,
            ahead: [&BRIEF[..brief], &LONG[..long]].concat(),
            amounts: amounts(random, is_huge),
            asides: asides(random, is_huge),
            ids: random.pick(&[2, 4, 8, 40]),
            holds: random.pick(&[2, 3, 4, 6, 6, 40]),
            extras: [(); 3].map(|()| random.pick(&[1, 2, 2, 5])),
            is_focused,
            is_huge,
        }
    }
}

/// Several of them fit the first tier's limit together, exactly or by a hair not.
fn asides(random: &mut Random, is_huge: bool) -> Vec<i128> {
    let dollars = random.pick(&[&SMALL[..3], &SMALL[..], &SMALL[2..], &ANY[..]]);
    let mut asides: Vec<i128> = dollars.iter().map(|dollars| dollars * DOLLAR).collect();
    asides.extend([0, 1, random.pick(&[25 * DOLLAR + 1, 50 * DOLLAR - 1, 50 * DOLLAR + 1])]);
    if is_huge {
        asides.extend([MOST, MOST / 2, MOST - 50 * DOLLAR]);
    }
    // An id mostly comes with the amount at its place.
    for at in (1..asides.len()).rev() {
        asides.swap(at, random.below(at + 1));
    }
    asides
}

fn amounts(random: &mut Random, is_huge: bool) -> Vec<i128> {
    let dollars = random.pick(&[&SMALL[..], &ANY[..]]);
    let mut amounts: Vec<i128> = dollars.iter().map(|dollars| dollars * DOLLAR).collect();
    amounts.extend([0, 1, 50 * DOLLAR - 1, 100 * DOLLAR - 1, 50 * DOLLAR + 1]);
    if is_huge {
        amounts.extend([MOST, MOST - 1, MOST / 2, MOST / 2 + 1, MOST - 50 * DOLLAR]);
    }
    amounts
}
