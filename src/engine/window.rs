//! Rate windows: how many units an account may use in a span of time.
//!
//! Admissions within one second share a slot; a slot frees 60 s after its last admission. The
//! estimate errs towards denying, by at most one second. A window does not know who asks, what the
//! limit is or what time it is: it is told.
//! Invariants: no interval of 60 s holds more than was allowed, at any `now`; slots are in order
//! and begin at least 1,000 ms apart; `used` is the sum of the slots stored.

use super::bounds::WINDOW_SLOTS;
use super::limit::Units;
use super::time::Millis;

/// The span of a rate window.
pub const SPAN: Millis = Millis(60_000);
/// For how long after its first admission a slot takes more.
const JOIN_MS: i64 = 1_000;
/// Bits of [`Slot::stamp`] that hold the time from the first admission to the last.
const LAG_BITS: u32 = 16;

/// Admissions that lie within one second, and free together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// The first admission in ms and one more, shifted, and how much later the last one was:
    /// instants need 45 bits and a lag 10, so both fit one word and four slots fit a cache line.
    /// Zero is the empty place.
    stamp: u64,
    units: i64,
}

impl Slot {
    /// A slot from its parts; `None` if they cannot be a slot's.
    #[must_use]
    pub fn new(first: Millis, lag: Millis, units: Units) -> Option<Self> {
        let well_formed =
            first >= Millis::ZERO && first <= Millis::LAST && (0..JOIN_MS).contains(&lag.0);
        well_formed.then(|| Self::at(first, lag, units))
    }

    fn at(first: Millis, lag: Millis, units: Units) -> Self {
        let stamp = first.0.wrapping_add(1).cast_unsigned() << LAG_BITS | lag.0.cast_unsigned();
        Self { stamp, units: units.count() }
    }

    /// The first admission.
    #[must_use]
    pub const fn first(self) -> Millis {
        Millis((self.stamp >> LAG_BITS).cast_signed().wrapping_sub(1))
    }

    /// From the first admission to the last, below 1,000 ms.
    #[must_use]
    pub const fn lag(self) -> Millis {
        Millis((self.stamp & ((1 << LAG_BITS) - 1)).cast_signed())
    }

    /// What was admitted.
    #[must_use]
    pub fn units(self) -> Units {
        Units::new(self.units).unwrap_or(Units::ZERO)
    }

    /// The instant at which its units are free again.
    #[must_use]
    pub const fn frees(self) -> Millis {
        self.first().plus(self.lag()).plus(SPAN)
    }

    const fn is_alive(self, now: Millis) -> bool {
        self.frees().0 > now.0
    }

    const fn takes(self, now: Millis) -> bool {
        now.since(self.first()).0 < JOIN_MS
    }

    /// Holds if the slot took what was admitted at `time`, of all that its window admitted.
    fn took(self, time: Millis) -> bool {
        (self.first()..=self.first().plus(self.lag())).contains(&time)
    }
}

/// The slots of one limit, oldest first.
///
/// The newest lies in the window itself, so that a window in rare use is one small value; the older
/// ones lie in a ring that grows to its full size, is kept while in use and given back when empty.
#[derive(Clone, Debug, Default)]
pub struct Window {
    used: i64,
    newest: Slot,
    older: Ring,
}

impl Window {
    /// Units in use at `now`.
    #[must_use]
    pub fn used(&self, now: Millis) -> Units {
        let mut used = self.used;
        for slot in self.slots() {
            if slot.is_alive(now) {
                break;
            }
            used = used.saturating_sub(slot.units);
        }
        Units::new(used).unwrap_or(Units::ZERO)
    }

    /// The time until the window is whole again: until its newest slot with units frees.
    #[must_use]
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
    pub fn admit(&mut self, units: Units, now: Millis) {
        self.drop_freed(now);
        if self.has_newest() && self.newest.takes(now) {
            let lag = now.since(self.newest.first());
            let units = self.newest.units.saturating_add(units.count());
            self.newest = Slot { units, ..Slot::at(self.newest.first(), lag, Units::ZERO) };
        } else {
            if self.has_newest() {
                self.older.push(self.newest);
            }
            self.newest = Slot::at(now, Millis::ZERO, units);
        }
        self.used = self.used.saturating_add(units.count());
        self.older.give_back_if_empty();
    }

    /// Holds if what was admitted at `time` is still in use at `now`.
    #[must_use]
    pub fn counts(&self, time: Millis, now: Millis) -> bool {
        self.slots().any(|slot| slot.took(time) && slot.is_alive(now))
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
        let is_newest = self.has_newest() && self.newest.took(time);
        let slot = if is_newest { Some(&mut self.newest) } else { self.older.that_took(time) };
        let Some(slot) = slot else { return };
        let units = change(slot.units);
        let difference = units.saturating_sub(slot.units);
        slot.units = units;
        self.used = self.used.saturating_add(difference);
    }

    /// Holds if `units` more can be counted at `now` without overflow.
    #[must_use]
    pub fn can_count(&self, units: Units, now: Millis) -> bool {
        self.used(now).plus(units).is_some()
    }

    /// The slots stored, oldest first, freed ones among them.
    pub fn slots(&self) -> impl DoubleEndedIterator<Item = Slot> + '_ {
        self.older.iter().chain(self.has_newest().then_some(self.newest))
    }

    /// Rebuilds a window from its slots; `None` if no history of admissions leaves such slots at
    /// `latest`.
    #[must_use]
    pub fn from_slots(slots: &[Slot], latest: Millis) -> Option<Self> {
        let mut window = Self::default();
        for &slot in slots {
            let begins_later = !window.has_newest() || !window.newest.takes(slot.first());
            if slots.len() > WINDOW_SLOTS || !begins_later || slot.units < 0 {
                return None;
            }
            if window.has_newest() {
                window.older.push(window.newest);
            }
            window.newest = slot;
            window.used = window.used.checked_add(slot.units)?;
        }
        let ends = window.newest.first().plus(window.newest.lag());
        (ends <= latest).then_some(window)
    }

    /// Memory it takes beyond its own size, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.older.capacity().saturating_mul(size_of::<Slot>())
    }

    /// Holds if no slot is stored.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        !self.has_newest()
    }

    const fn has_newest(&self) -> bool {
        self.newest.stamp != 0
    }

    /// Forgets slots that have freed.
    pub fn drop_freed(&mut self, now: Millis) {
        while let Some(oldest) = self.older.front() {
            if oldest.is_alive(now) {
                return;
            }
            self.used = self.used.saturating_sub(oldest.units);
            self.older.pop();
        }
        if self.has_newest() && !self.newest.is_alive(now) {
            self.used = self.used.saturating_sub(self.newest.units);
            self.newest = Slot::default();
        }
    }
}

const FEW: usize = 4;
const MORE: usize = 16;
const ALL: usize = 64;

/// A ring of slots in one block of one of three sizes.
#[derive(Clone, Debug, Default)]
struct Ring {
    block: Block,
    head: u8,
    length: u8,
}

#[derive(Clone, Debug, Default)]
enum Block {
    #[default]
    None,
    Few(Box<[Slot; FEW]>),
    More(Box<[Slot; MORE]>),
    All(Box<[Slot; ALL]>),
}

impl Ring {
    fn capacity(&self) -> usize {
        self.places().len()
    }

    fn front(&self) -> Option<Slot> {
        if self.length == 0 { None } else { self.places().get(usize::from(self.head)).copied() }
    }

    fn iter(&self) -> impl DoubleEndedIterator<Item = Slot> + '_ {
        let places = self.places();
        let (head, length) = (usize::from(self.head), usize::from(self.length));
        // Sizes are powers of two, so a place is found by a mask.
        let mask = places.len().saturating_sub(1);
        (0..length).filter_map(move |at| places.get(head.wrapping_add(at) & mask).copied())
    }

    fn that_took(&mut self, time: Millis) -> Option<&mut Slot> {
        let at = self.iter().position(|slot| slot.took(time))?;
        let mask = self.capacity().saturating_sub(1);
        let place = usize::from(self.head).wrapping_add(at) & mask;
        self.places_mut().get_mut(place)
    }

    fn push(&mut self, slot: Slot) {
        if usize::from(self.length) == self.capacity() {
            self.grow();
        }
        let mask = self.capacity().saturating_sub(1);
        let at = usize::from(self.head).wrapping_add(usize::from(self.length)) & mask;
        if let Some(place) = self.places_mut().get_mut(at) {
            *place = slot;
            self.length = self.length.saturating_add(1);
        }
    }

    fn pop(&mut self) {
        if self.length > 0 {
            let mask = u8::try_from(self.capacity().saturating_sub(1)).unwrap_or(u8::MAX);
            self.head = self.head.wrapping_add(1) & mask;
            self.length = self.length.wrapping_sub(1);
        }
    }

    fn give_back_if_empty(&mut self) {
        if self.length == 0 && !matches!(self.block, Block::None) {
            *self = Self::default();
        }
    }

    fn places(&self) -> &[Slot] {
        match &self.block {
            Block::None => &[],
            Block::Few(places) => &places[..],
            Block::More(places) => &places[..],
            Block::All(places) => &places[..],
        }
    }

    fn places_mut(&mut self) -> &mut [Slot] {
        match &mut self.block {
            Block::None => &mut [],
            Block::Few(places) => &mut places[..],
            Block::More(places) => &mut places[..],
            Block::All(places) => &mut places[..],
        }
    }

    #[cold]
    fn grow(&mut self) {
        let block = match self.capacity() {
            0 => Block::Few(Box::default()),
            FEW => Block::More(Box::default()),
            _ => Block::All(Box::new([Slot::default(); ALL])),
        };
        let mut larger = Self { block, head: 0, length: self.length };
        for (place, slot) in larger.places_mut().iter_mut().zip(self.iter()) {
            *place = slot;
        }
        *self = larger;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
                assert_eq!(sum, window.used);
            }
        }
    }

    #[test]
    fn the_ring_is_given_back_when_empty() {
        let mut window = Window::default();
        for second in 0..70 {
            window.admit(units(1), Millis(second * 1_000));
        }
        assert_eq!(window.older.capacity(), ALL);
        window.admit(units(1), Millis(1_000_000));
        assert_eq!(window.older.capacity(), 0);
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
        assert_eq!(window.used(now), units(3 + 15 + 15 * 10));
        assert_eq!(window.used(Millis(63_000)), units(15 + 15 * 10));
        assert_eq!(window.used(Millis(78_999)), units(15));
        assert_eq!(window.reset(Millis(70_000)), Millis(9_000));
    }

    #[test]
    fn slots_that_no_history_leaves_are_refused() {
        let slot = |first, lag| Slot::at(Millis(first), Millis(lag), units(1));
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
        assert_eq!((size_of::<Slot>(), size_of::<Window>()), (16, 48));
    }
}
