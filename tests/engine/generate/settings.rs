//! Settings of the platform, and the figures of limits.

use super::mood::{DOLLAR, Mood};
use super::{DAY, SECOND, YEAR};
use crate::model::figures::{MOST, Mode, TierRow, UNLIMITED};
use crate::random::Random;
use crate::script::Setting;

pub const QUOTAS: [&str; 4] = ["a100", "deployed-models", "h100", "tpu"];
pub const TIERS: [&str; 5] = ["tier-1", "tier-2", "tier-3", "gold", "platinum"];
pub const LEASE_TTLS: [i64; 8] = [0, 0, 1, SECOND, 60_000, 600_000, 40 * DAY, YEAR];
pub const HOLD_TTLS: [i64; 9] = [1, 300, SECOND, 5_000, 60_000, 60_000, 60_001, 3_600_000, DAY];
pub const COSTS: [i128; 9] = [0, 1, 1, 1, 1, 2, 3, 5, 10];
pub const TOKENS: [i128; 10] = [0, 1, 1, 2, 2, 3, 5, 8, 10, 100];

const MEMORIES: [i64; 6] = [0, 1, SECOND, 60_000, DAY, 40 * DAY];
const REQUESTS: [i128; 9] = [0, 1, 2, 3, 5, 5, 10, 600, UNLIMITED];
const TOKEN_LIMITS: [i128; 9] = [0, 1, 3, 5, 8, 10, 100, 100, UNLIMITED];
const CONCURRENCY: [i128; 6] = [0, 1, 2, 2, 3, UNLIMITED];
const COUNTS: [i128; 8] = [0, 0, 1, 2, 3, 4, 8, 9];

/// Settings with which limits are near from the beginning.
pub fn of_a_history(random: &mut Random) -> Vec<Setting> {
    let mut settings = Vec::new();
    if !random.once_in(3) {
        settings.push(Setting::Requests(random.pick(&REQUESTS[1..8])));
    }
    if random.once_in(2) {
        settings.push(Setting::Tokens(random.pick(&TOKEN_LIMITS[1..8])));
    }
    if random.once_in(3) {
        settings.push(Setting::Concurrency(random.pick(&CONCURRENCY[1..5])));
    }
    if random.once_in(2) {
        settings.push(Setting::HoldMemory(random.pick(&MEMORIES)));
    }
    settings
}

pub fn setting(random: &mut Random, mood: &Mood) -> Setting {
    match random.weighted(&mood.settings) {
        0 => Setting::NewAccounts(random.pick(&[Mode::Open, Mode::Prepaid, Mode::Reject])),
        1 => Setting::Requests(figure(random, mood, "requests")),
        2 => Setting::Tiers(tiers(random, mood)),
        3 => Setting::Quotas(quotas(random, mood)),
        4 => Setting::Anchor(random.pick(&[1, 1, 15, 28, 29, 30, 31])),
        5 => Setting::LeaseTtl(random.pick(&LEASE_TTLS)),
        6 => Setting::SpendMemory(random.pick(&MEMORIES)),
        7 => Setting::BillingMemory(random.pick(&MEMORIES)),
        8 => Setting::Tokens(figure(random, mood, "tokens")),
        9 => Setting::Concurrency(figure(random, mood, "concurrency")),
        10 => Setting::HoldTtl(random.pick(&HOLD_TTLS)),
        11 => Setting::HoldMemory(random.pick(&MEMORIES)),
        _ => {
            let all = [1, 10, 50, 80, 90, 99, 100];
            Setting::Thresholds(all.into_iter().filter(|_| random.once_in(2)).collect())
        }
    }
}

/// A figure for a limit of this name.
pub fn figure(random: &mut Random, mood: &Mood, name: &str) -> i128 {
    let meter = name.split('@').next().unwrap_or(name);
    match meter {
        "spend" => random.pick(&mood.amounts),
        "requests" | "tokens" if mood.is_huge && random.once_in(3) => MOST,
        "requests" => random.pick(&REQUESTS),
        "tokens" => random.pick(&TOKEN_LIMITS),
        "concurrency" => random.pick(&CONCURRENCY),
        _ => count(random, mood),
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

pub fn count(random: &mut Random, mood: &Mood) -> i128 {
    if mood.is_huge && random.once_in(3) {
        random.pick(&[MOST, MOST - 1, MOST / 2 + 1])
    } else {
        random.pick(&COUNTS)
    }
}
