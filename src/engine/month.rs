//! Spending periods: calendar months in UTC, from an anchor day.
//!
//! The Gregorian calendar (lengths of months, leap years) is the date library's; what is ours is
//! the anchor: a period begins at 00:00:00.000Z of that day, clamped to the month's end.
//! Invariant: a period's start lies before its end, and two neighbours meet in one instant.

use jiff::civil::Date;

use super::time::Millis;

const DAY_MS: i64 = 86_400_000;
const EPOCH: Date = Date::constant(1970, 1, 1);

/// The day of the month, 1 to 31, at which a period begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor(u8);

impl Anchor {
    /// The first of the month.
    pub const FIRST: Self = Self(1);

    /// Takes a day of the month; `None` unless it is 1 to 31.
    #[must_use]
    pub const fn new(day: u8) -> Option<Self> {
        if day >= 1 && day <= 31 { Some(Self(day)) } else { None }
    }

    /// The day, 1 to 31.
    #[must_use]
    pub const fn day(self) -> u8 {
        self.0
    }

    /// The first beginning of a period strictly after `time`.
    #[must_use]
    pub fn next_after(self, time: Millis) -> Millis {
        let date = civil(time);
        let this_month = self.begins(date.year(), date.month());
        if this_month > time { this_month } else { self.begins_in_next(date) }
    }

    /// The last beginning of a period at or before `time`; the epoch if that lies before it, since
    /// no time of an account is negative.
    #[must_use]
    pub fn last_at(self, time: Millis) -> Millis {
        let date = civil(time);
        let this_month = self.begins(date.year(), date.month());
        if this_month <= time {
            this_month
        } else {
            self.begins_in_previous(date).max(Millis::ZERO)
        }
    }

    fn begins_in_next(self, date: Date) -> Millis {
        match date.month() {
            12 => self.begins(date.year().saturating_add(1), 1),
            month => self.begins(date.year(), month.saturating_add(1)),
        }
    }

    fn begins_in_previous(self, date: Date) -> Millis {
        match date.month() {
            1 => self.begins(date.year().saturating_sub(1), 12),
            month => self.begins(date.year(), month.saturating_sub(1)),
        }
    }

    fn begins(self, year: i16, month: i8) -> Millis {
        // `Millis::LAST` keeps years far inside the calendar's range; a month always has a day 1.
        let Ok(first) = Date::new(year, month, 1) else {
            return Millis::NEVER;
        };
        let days = i64::from(days_since_epoch(first));
        let into = i64::from(self.0).min(i64::from(first.days_in_month())).saturating_sub(1);
        Millis(days.saturating_add(into).saturating_mul(DAY_MS))
    }
}

/// One spending period, in whole days since the epoch: `start` included, `end` not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    start: u32,
    end: u32,
}

impl Period {
    /// A period between two midnights; `None` unless they are some, in their order.
    #[must_use]
    pub fn new(start: Millis, end: Millis) -> Option<Self> {
        let is_midnight = |time: Millis| time >= Millis::ZERO && time == midnight(day_of(time));
        let well_formed = is_midnight(start) && is_midnight(end) && start < end;
        well_formed.then(|| Self::between(start, end))
    }

    /// The period that holds `now`.
    #[must_use]
    pub fn containing(anchor: Anchor, now: Millis) -> Self {
        Self::between(anchor.last_at(now), anchor.next_after(now))
    }

    fn between(start: Millis, end: Millis) -> Self {
        Self { start: day_of(start), end: day_of(end) }
    }

    /// Its first millisecond.
    #[must_use]
    pub fn start(self) -> Millis {
        midnight(self.start)
    }

    /// The first millisecond after it.
    #[must_use]
    #[inline(always)]
    pub fn end(self) -> Millis {
        midnight(self.end)
    }

    /// Holds if the period is over at `now`.
    #[must_use]
    #[inline(always)]
    pub fn is_over(self, now: Millis) -> bool {
        now >= self.end()
    }

    /// The period as a new anchor day leaves it: it ends at the next such day. After a clock that
    /// went back it may not have begun yet; then it begins today.
    #[must_use]
    pub fn anchored(self, anchor: Anchor, now: Millis) -> Self {
        Self::between(self.start().min(now), anchor.next_after(now))
    }

    /// The period after this one and, if that is over at `now` too, the one that holds `now`;
    /// with it, whether periods were skipped between.
    #[must_use]
    pub fn follow(self, anchor: Anchor, now: Millis) -> (Self, Skipped) {
        let next = Self::between(self.end(), anchor.next_after(self.end()));
        if next.is_over(now) {
            (Self::containing(anchor, now), Skipped::Yes)
        } else {
            (next, Skipped::No)
        }
    }

    /// This period as an account keeps it whose clock went back to `now`: it ends at the latest
    /// with the second period end after `now`, so that it is not stuck in the future for longer.
    #[must_use]
    pub fn no_later_than_second_end_after(self, anchor: Anchor, now: Millis) -> Self {
        let first = anchor.next_after(now);
        let second = anchor.next_after(first);
        let ends = self.end() <= second;
        if ends { self } else { Self::between(self.start().min(first), second) }
    }
}

/// Whether an account was away for at least one whole period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// The period before is the one that ended.
    No,
    /// At least one period lies between.
    Yes,
}

/// The day that holds `time`.
fn day_of(time: Millis) -> u32 {
    u32::try_from(time.0.div_euclid(DAY_MS)).unwrap_or(u32::MAX)
}

#[inline(always)]
fn midnight(day: u32) -> Millis {
    Millis(i64::from(day).saturating_mul(DAY_MS))
}

fn civil(time: Millis) -> Date {
    let days = i32::try_from(time.0.div_euclid(DAY_MS)).unwrap_or(0);
    EPOCH.checked_add(jiff::Span::new().days(days)).unwrap_or(EPOCH)
}

fn days_since_epoch(date: Date) -> i32 {
    EPOCH.until(date).map_or(0, |span| span.get_days())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Midnight of a day, by the date library alone.
    fn at(year: i16, month: i8, day: i8) -> Millis {
        let stamp = Date::new(year, month, day)
            .ok()
            .and_then(|d| jiff::tz::TimeZone::UTC.to_timestamp(d.into()).ok());
        Millis(stamp.map_or(-1, |stamp| stamp.as_millisecond()))
    }

    fn anchor(day: u8) -> Anchor {
        Anchor::new(day).unwrap_or(Anchor::FIRST)
    }

    #[test]
    fn the_calendar_month_holds_its_first_and_last_millisecond() {
        let january = Period::between(at(2026, 1, 1), at(2026, 2, 1));
        assert_eq!(Period::containing(Anchor::FIRST, at(2026, 1, 1)), january);
        assert_eq!(Period::containing(Anchor::FIRST, Millis(at(2026, 2, 1).0 - 1)), january);
        assert_ne!(Period::containing(Anchor::FIRST, at(2026, 2, 1)), january);
    }

    #[test]
    fn an_anchor_past_the_months_end_is_clamped_to_it() {
        let anchor = anchor(31);
        assert_eq!(anchor.next_after(at(2026, 1, 31)), at(2026, 2, 28));
        assert_eq!(anchor.next_after(at(2028, 1, 31)), at(2028, 2, 29));
        assert_eq!(anchor.next_after(at(2026, 2, 28)), at(2026, 3, 31));
        assert_eq!(anchor.next_after(at(2026, 12, 31)), at(2027, 1, 31));
        assert_eq!(anchor.last_at(at(2027, 1, 30)), at(2026, 12, 31));
    }

    #[test]
    fn every_beginning_is_midnight_of_the_right_day_for_a_thousand_years() {
        for year in 1970..3000 {
            for month in 1..=12 {
                assert_eq!(Anchor::FIRST.last_at(at(year, month, 15)), at(year, month, 1));
            }
        }
    }

    #[test]
    fn a_month_follows_the_last_and_says_when_one_was_skipped() {
        let january = Period::containing(Anchor::FIRST, at(2026, 1, 10));
        let february = Period::between(at(2026, 2, 1), at(2026, 3, 1));
        assert_eq!(january.follow(Anchor::FIRST, at(2026, 2, 1)), (february, Skipped::No));
        let march = Period::between(at(2026, 3, 1), at(2026, 4, 1));
        assert_eq!(january.follow(Anchor::FIRST, at(2026, 3, 1)), (march, Skipped::Yes));
    }

    #[test]
    fn a_clock_that_went_back_keeps_the_period_within_two_ends() {
        let march = Period::containing(Anchor::FIRST, at(2026, 3, 20));
        let kept = march.no_later_than_second_end_after(Anchor::FIRST, at(2026, 1, 15));
        assert_eq!(kept, Period::between(at(2026, 2, 1), at(2026, 3, 1)));
        // A step back over a month's end leaves the new month as it is: it is never reopened.
        let stays = march.no_later_than_second_end_after(Anchor::FIRST, at(2026, 2, 28));
        assert_eq!(stays, march);
    }

    #[test]
    fn no_period_begins_before_the_epoch() {
        let first = Period::between(Millis::ZERO, at(1970, 1, 15));
        assert_eq!(Period::containing(anchor(15), Millis(1)), first);
    }

    #[test]
    fn the_last_instant_has_a_next_month() {
        assert_eq!(Anchor::FIRST.next_after(Millis::LAST), at(3000, 2, 1));
    }
}
