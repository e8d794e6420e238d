//! Rate windows: how many units an account may use in a span of time.
//!
//! Admissions within one second share a slot; a slot frees 60 s after its last admission. The
//! estimate errs towards denying, by at most one second. A window does not know who asks, what the
//! limit is or what time it is: it is told.
//! Invariants: no interval of 60 s holds more than was allowed, at any `now`; slots are in order
//! and begin at least 1,000 ms apart.

use super::bounds::WINDOW_SLOTS;
use super::limit::Units;
use super::slot::{Row, Slot, Stamp};
use super::time::Millis;

/// The slots of one limit.
///
/// When the newest began lies in the window itself, with the units of all slots together, so that a
/// window in rare use is one small value; the older slots lie in a row that grows to its full size, is
/// kept while in use and given back when empty. The row is not looked at before one of its slots can
/// have freed: what is in use is known without it.
#[derive(Clone, Debug, Default)]
pub struct Window {
    newest: Stamp,
    units: i64,
    older: Option<Row>,
}

impl Window {
    /// The window of what was never counted.
    pub const NONE: Self = Self { newest: Stamp::NONE, units: 0, older: None };

    /// Where its older slots begin in memory, if an admission at `now` looks at them.
    #[must_use]
    #[inline(always)]
    pub fn place(&self, now: Millis) -> Option<*const Slot> {
        let stays = self.newest.takes(now) && self.newest.is_quiet(now);
        self.older.as_ref().filter(|_| !stays).map(Row::place)
    }

    /// Units in use at `now`.
    #[must_use]
    #[inline(always)]
    pub fn used(&self, now: Millis) -> Units {
        let used = match &self.older {
            // The newest frees last.
            _ if !self.newest.is_alive(now) => 0,
            Some(older) if !self.newest.is_quiet(now) => {
                self.units.saturating_sub(older.freed(now).0)
            }
            _ => self.units,
        };
        Units::new(used).unwrap_or(Units::ZERO)
    }

    /// The time until the window is whole again: until its newest slot with units frees.
    #[must_use]
    #[inline(always)]
    pub fn reset(&self, now: Millis) -> Millis {
        let newest = self.slots().rev().find(|slot| slot.units > 0);
        newest.map_or(Millis::ZERO, |slot| slot.frees().since(now).max(Millis::ZERO))
    }

    /// The time until at least `units` of what is in use at `now` have freed; `None` if there is
    /// not that much in use. Walks the slots: a denial's work, never an admission's.
    #[must_use]
    pub fn frees(&self, units: Units, now: Millis) -> Option<Millis> {
        let mut freed = 0_i64;
        for slot in self.slots().filter(|slot| slot.is_alive(now)) {
            freed = freed.saturating_add(slot.units);
            if freed >= units.count() {
                return Some(slot.frees().since(now));
            }
        }
        None
    }

    /// Takes `units` at `now`, and forgets slots that have freed. Times go forward: `now` is not
    /// before any admission the window knows.
    #[inline]
    pub fn admit(&mut self, units: Units, now: Millis) {
        let freed = self.forget_freed(now);
        // Judged before: the sum of all slots fits.
        let sum = self.units.saturating_add(units.count());
        if !self.is_empty() && self.newest.takes(now) {
            self.newest = self.newest.lasting_until(now);
        } else {
            self.begin(Stamp::at(now, Millis::ZERO));
        }
        self.units = sum;
        if freed {
            self.give_back_if_empty();
        }
    }

    /// Begins a slot; the newest until now becomes an older one.
    fn begin(&mut self, newest: Stamp) {
        if !self.is_empty() {
            let slot = self.newest_slot();
            self.older.get_or_insert_with(Row::new).push(slot);
        }
        self.newest = newest;
        self.see_older();
    }

    /// Sees for how long the row need not be looked at.
    fn see_older(&mut self) {
        let frees = self.older.as_ref().map_or(Millis::NEVER, Row::frees);
        self.newest = self.newest.quiet_until(frees);
    }

    /// The newest slot by itself.
    fn newest_slot(&self) -> Slot {
        let older = self.older.as_ref().map_or(0, Row::units);
        Slot {
            stamp: Stamp::at(self.newest.first(), self.newest.lag()),
            units: self.units.saturating_sub(older),
        }
    }

    /// Holds if what was admitted at `time` is still in use at `now`.
    #[must_use]
    pub fn counts(&self, time: Millis, now: Millis) -> bool {
        self.slots().any(|slot| slot.stamp.took(time) && slot.is_alive(now))
    }

    /// Counts `units` more in the slot that took what was admitted at `time`, or does nothing if
    /// there is none. The slot frees when it would have.
    pub fn raise(&mut self, units: Units, time: Millis) {
        self.correct(time, |slot| slot.saturating_add(units.count()));
    }

    /// Counts `units` fewer in the slot that took what was admitted at `time`, not below zero.
    pub fn lower(&mut self, units: Units, time: Millis) {
        self.correct(time, |slot| slot.saturating_sub(units.count()).max(0));
    }

    fn correct(&mut self, time: Millis, change: impl FnOnce(i64) -> i64) {
        let more = if !self.is_empty() && self.newest.took(time) {
            let before = self.newest_slot().units;
            change(before).saturating_sub(before)
        } else {
            self.older.as_mut().map_or(0, |older| older.correct(time, change))
        };
        self.units = self.units.saturating_add(more);
    }

    /// Holds if `units` more can be counted at `now` without overflow.
    #[must_use]
    pub fn can_count(&self, units: Units, now: Millis) -> bool {
        self.used(now).plus(units).is_some()
    }

    /// The slots stored, oldest first, freed ones among them.
    pub fn slots(&self) -> impl DoubleEndedIterator<Item = Slot> + '_ {
        let older = self.older.as_ref().map_or(&[][..], Row::slots);
        older.iter().copied().chain((!self.is_empty()).then(|| self.newest_slot()))
    }

    /// Rebuilds a window from its slots; `None` if no history of admissions leaves such slots at
    /// `latest`.
    #[must_use]
    pub fn from_slots(slots: &[Slot], latest: Millis) -> Option<Self> {
        let mut window = Self::default();
        for &slot in slots {
            let begins_later = window.is_empty() || !window.newest.takes(slot.first());
            if slots.len() > WINDOW_SLOTS || !begins_later || slot.units < 0 {
                return None;
            }
            let sum = window.units.checked_add(slot.units)?;
            window.begin(slot.stamp);
            window.units = sum;
        }
        let ends = window.newest.first().plus(window.newest.lag());
        (ends <= latest).then_some(window)
    }

    /// Memory it takes beyond its own size, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.older.as_ref().map_or(0, Row::heap_bytes)
    }

    /// Holds if no slot is stored.
    #[must_use]
    #[inline(always)]
    pub const fn is_empty(&self) -> bool {
        !self.newest.is_taken()
    }

    /// Forgets slots that have freed.
    pub fn drop_freed(&mut self, now: Millis) {
        if self.forget_freed(now) {
            self.give_back_if_empty();
        }
    }

    /// The same, and tells whether older slots may have freed. Their row is kept although it may be
    /// empty: the next slot may need it.
    #[inline(always)]
    fn forget_freed(&mut self, now: Millis) -> bool {
        let may_free = !self.is_empty() && !self.newest.is_quiet(now);
        if !self.newest.is_alive(now) {
            // The newest frees last.
            *self = Self::NONE;
        } else if may_free {
            let freed = self.older.as_mut().map_or(0, |older| older.forget_freed(now));
            self.units = self.units.saturating_sub(freed);
            self.see_older();
        }
        may_free
    }

    #[inline]
    fn give_back_if_empty(&mut self) {
        if self.older.as_ref().is_some_and(|older| older.slots().is_empty()) {
            self.older = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::slot::SPAN;

    fn units(count: u32) -> Units {
        Units::of(count)
    }

    #[test]
    fn a_burst_at_one_instant_frees_sixty_seconds_later_to_the_millisecond() {
        let mut window = Window::default();
        window.admit(units(600), Millis(1_000_000));
        assert_eq!(window.used(Millis(1_059_999)), units(600));
        assert_eq!(window.used(Millis(1_060_000)), Units::ZERO);
        assert_eq!(window.reset(Millis(1_000_000)), SPAN);
        assert_eq!(window.reset(Millis(1_060_000)), Millis::ZERO);
    }

    #[test]
    fn a_slot_takes_for_one_second_and_frees_with_its_last_admission() {
        let mut window = Window::default();
        window.admit(units(1), Millis(10_000));
        window.admit(units(1), Millis(10_999));
        window.admit(units(1), Millis(11_000));
        assert_eq!(window.slots().count(), 2);
        assert_eq!(window.used(Millis(70_998)), units(3));
        assert_eq!(window.used(Millis(70_999)), units(1));
    }

    #[test]
    fn retry_waits_for_as_many_of_the_oldest_as_are_needed() {
        let mut window = Window::default();
        for second in 0..5 {
            window.admit(units(10), Millis(second * 1_000));
        }
        let now = Millis(4_500);
        assert_eq!(window.frees(units(10), now), Some(Millis(55_500)));
        assert_eq!(window.frees(units(11), now), Some(Millis(56_500)));
        assert_eq!(window.frees(units(51), now), None);
    }

    #[test]
    fn a_window_in_steady_use_never_has_more_slots_than_its_bound() {
        for step in [997_i64, 999, 1_000, 1_001] {
            let mut window = Window::default();
            for turn in 0..1_000 {
                window.admit(units(1), Millis(turn * step));
                assert!(window.slots().count() <= WINDOW_SLOTS);
                let sum: i64 = window.slots().map(|slot| slot.units).sum();
                assert_eq!(
                    units(u32::try_from(sum).expect("few")),
                    window.used(Millis(turn * step))
                );
            }
        }
    }

    #[test]
    fn the_row_grows_by_whole_blocks_and_is_given_back_when_empty() {
        let mut window = Window::default();
        let mut sizes = Vec::new();
        for second in 0..70 {
            window.admit(units(1), Millis(second * 1_000));
            sizes.push(window.heap_bytes());
        }
        sizes.dedup();
        assert_eq!(sizes, [0, 64, 128, 256, 512, 1_024]);
        window.admit(units(1), Millis(1_000_000));
        assert_eq!(window.heap_bytes(), 0);
        assert_eq!(window.slots().count(), 1);
    }

    #[test]
    fn what_has_freed_does_not_count_against_the_largest_sum() {
        let mut window = Window::default();
        let largest = Units::new(i64::MAX).expect("a count");
        window.admit(largest, Millis(0));
        assert!(!window.can_count(units(1), Millis(59_999)));
        assert!(window.can_count(largest, Millis(60_000)));
    }

    #[test]
    fn a_correction_goes_to_the_slot_that_took_the_admission_and_moves_no_time() {
        let mut window = Window::default();
        for second in 0..20 {
            window.admit(units(10), Millis(second * 1_000));
        }
        let now = Millis(62_500);
        assert!(window.counts(Millis(3_000), now) && !window.counts(Millis(2_000), now));
        assert!(!window.counts(Millis(3_001), now));
        window.lower(units(7), Millis(3_000));
        window.raise(units(5), Millis(19_000));
        window.raise(units(5), Millis(19_500));
        window.lower(units(99), Millis(4_000));
        assert_eq!(window.used(now), units(3 + 15 + 14 * 10));
        assert_eq!(window.used(Millis(63_000)), units(15 + 14 * 10));
        assert_eq!(window.used(Millis(78_999)), units(15));
        assert_eq!(window.reset(Millis(70_000)), Millis(9_000));
    }

    #[test]
    fn slots_that_no_history_leaves_are_refused() {
        let slot = |first, lag| Slot::new(Millis(first), Millis(lag), units(1)).expect("a slot");
        let latest = Millis(100_000);
        assert!(Window::from_slots(&[slot(0, 5), slot(1_000, 0)], latest).is_some());
        assert!(Window::from_slots(&[slot(0, 5), slot(999, 0)], latest).is_none());
        assert!(Window::from_slots(&[slot(5_000, 0), slot(1_000, 0)], latest).is_none());
        assert!(Window::from_slots(&[slot(100_001, 0)], latest).is_none());
        let many: Vec<Slot> = (0..63).map(|at| slot(at * 1_000, 0)).collect();
        assert!(Window::from_slots(&many, latest).is_none());
        assert!(Slot::new(Millis(0), Millis(1_000), units(1)).is_none());
    }

    #[test]
    fn a_window_is_as_small_as_meant() {
        assert_eq!((size_of::<Slot>(), size_of::<Window>()), (16, 24));
        let last = Slot::new(Millis::LAST, Millis(999), units(1)).expect("a slot");
        assert_eq!((last.first(), last.lag()), (Millis::LAST, Millis(999)));
    }
}
