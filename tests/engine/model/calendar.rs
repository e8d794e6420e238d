//! Months, counted day by day from 1969: no date library, no formula but that of leap years.

use std::sync::OnceLock;

const DAY_MS: i64 = 86_400_000;
/// The last year in which a period can begin: the engine's clock ends with the year 2999.
const LAST_YEAR: i64 = 3_002;

/// The first beginning of a period strictly after `time`.
pub fn next_after(anchor: u8, time: i64) -> i64 {
    *beginnings(anchor).iter().find(|begins| **begins > time).unwrap()
}

/// The last beginning of a period at or before `time`. Time begins with 1970.
pub fn last_at(anchor: u8, time: i64) -> i64 {
    let before = beginnings(anchor).iter().take_while(|begins| **begins <= time);
    (*before.last().unwrap()).max(0)
}

/// All beginnings of periods, from December 1969 on.
fn beginnings(anchor: u8) -> &'static [i64] {
    static ALL: OnceLock<Vec<Vec<i64>>> = OnceLock::new();
    &ALL.get_or_init(|| (0..=31).map(count).collect())[usize::from(anchor)]
}

fn count(anchor: u8) -> Vec<i64> {
    let mut found = Vec::new();
    // The first of December 1969 is 31 days before the first of January 1970.
    let (mut year, mut month, mut first_day) = (1969, 12, -31);
    while year <= LAST_YEAR {
        let into = i64::from(anchor).min(length(year, month)) - 1;
        found.push((first_day + into) * DAY_MS);
        first_day += length(year, month);
        month += 1;
        if month > 12 {
            (year, month) = (year + 1, 1);
        }
    }
    found
}

fn length(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
