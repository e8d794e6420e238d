//! Slots of a rate window: what was admitted within one second, and a row of them in one block.
//!
//! Which slot takes an admission, and when one is forgotten, is the window's to say.
//! Invariants: a slot's last admission is less than 1,000 ms after its first; a row knows the sum of
//! its slots.

use thin_vec::ThinVec;

use super::limit::Units;
use super::time::Millis;

/// The span of a rate window.
pub const SPAN: Millis = Millis(60_000);
/// For how long after its first admission a slot takes more.
const JOIN_MS: i64 = 1_000;

/// Admissions that lie within one second, and free together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    pub(super) stamp: Stamp,
    pub(super) units: i64,
}

/// When a slot's first and last admissions were, and for how long it is the only one to look at: in
/// one word, so that four slots fit a cache line. Zero is the empty place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp(u64);

// From the top: the first admission in ms and one more, 45 bits; for how long no older slot frees, in
// whole steps, 9 bits; from the first admission to the last in ms, 10 bits.
const LAG_BITS: u32 = 10;
const QUIET_BITS: u32 = 9;
/// A step of the quiet time, in ms. All steps together are longer than a slot lives.
const STEP_MS: i64 = 128;
const MOST_STEPS: i64 = (1 << QUIET_BITS) - 1;

impl Stamp {
    /// The empty place.
    pub(super) const NONE: Self = Self(0);

    /// A stamp beside which no other slot need be looked at.
    pub(super) const fn at(first: Millis, lag: Millis) -> Self {
        let quiet = MOST_STEPS.cast_unsigned() << LAG_BITS;
        let first = first.0.wrapping_add(1).cast_unsigned() << (LAG_BITS + QUIET_BITS);
        Self(first | quiet | lag.0.cast_unsigned())
    }

    /// The first admission.
    pub(super) const fn first(self) -> Millis {
        Millis((self.0 >> (LAG_BITS + QUIET_BITS)).cast_signed().wrapping_sub(1))
    }

    /// From the first admission to the last, below 1,000 ms.
    pub(super) const fn lag(self) -> Millis {
        Millis((self.0 & ((1 << LAG_BITS) - 1)).cast_signed())
    }

    /// The same with its last admission at `last`.
    pub(super) const fn lasting_until(self, last: Millis) -> Self {
        let lag = last.since(self.first()).0.cast_unsigned();
        Self(self.0 & !((1 << LAG_BITS) - 1) | lag)
    }

    /// The same, where older slots free at `frees` at the earliest. A time that is a little too early
    /// does no harm.
    pub(super) const fn quiet_until(self, frees: Millis) -> Self {
        let steps = frees.since(self.first()).0 / STEP_MS;
        let steps = if steps < 0 {
            0
        } else if steps > MOST_STEPS {
            MOST_STEPS
        } else {
            steps
        };
        let mask = MOST_STEPS.cast_unsigned() << LAG_BITS;
        Self(self.0 & !mask | steps.cast_unsigned() << LAG_BITS)
    }

    /// Holds if no older slot can have freed by `now`.
    pub(super) const fn is_quiet(self, now: Millis) -> bool {
        let steps = (self.0 >> LAG_BITS).cast_signed() & MOST_STEPS;
        now.since(self.first()).0 < steps * STEP_MS
    }

    /// The instant at which what was admitted is free again.
    pub(super) const fn frees(self) -> Millis {
        self.first().plus(self.lag()).plus(SPAN)
    }

    pub(super) const fn is_alive(self, now: Millis) -> bool {
        self.frees().0 > now.0
    }

    pub(super) const fn takes(self, now: Millis) -> bool {
        now.since(self.first()).0 < JOIN_MS
    }

    /// Holds if it is a slot's, and not an empty place's.
    pub(super) const fn is_taken(self) -> bool {
        self.0 != 0
    }

    /// Holds if the slot took what was admitted at `time`, of all that its window admitted.
    pub(super) fn took(self, time: Millis) -> bool {
        (self.first()..=self.first().plus(self.lag())).contains(&time)
    }
}

impl Slot {
    /// The empty place.
    pub(super) const NONE: Self = Self { stamp: Stamp::NONE, units: 0 };

    /// A slot from its parts; `None` if they cannot be a slot's.
    #[must_use]
    pub fn new(first: Millis, lag: Millis, units: Units) -> Option<Self> {
        let well_formed =
            first >= Millis::ZERO && first <= Millis::LAST && (0..JOIN_MS).contains(&lag.0);
        well_formed.then(|| Self { stamp: Stamp::at(first, lag), units: units.count() })
    }

    /// The first admission.
    #[must_use]
    pub const fn first(self) -> Millis {
        self.stamp.first()
    }

    /// From the first admission to the last, below 1,000 ms.
    #[must_use]
    pub const fn lag(self) -> Millis {
        self.stamp.lag()
    }

    /// What was admitted.
    #[must_use]
    pub fn units(self) -> Units {
        Units::new(self.units).unwrap_or(Units::ZERO)
    }

    /// The instant at which its units are free again.
    #[must_use]
    pub const fn frees(self) -> Millis {
        self.stamp.frees()
    }

    pub(super) const fn is_alive(self, now: Millis) -> bool {
        self.stamp.is_alive(now)
    }
}

/// How many slots a row has room for in its sizes, the place of the sum included. With the row's own
/// two words they fill blocks of 64 bytes, and then of twice as many each time.
const SIZES: [usize; 5] = [3, 7, 15, 31, 63];

/// Slots in their order, in one block. The first place holds the sum of the units of all others: so
/// a row is one thin pointer, and a window that has none is as small as it can be.
#[derive(Clone, Debug)]
pub(super) struct Row(ThinVec<Slot>);

impl Row {
    /// A row without slots.
    pub(super) fn new() -> Self {
        let mut places = ThinVec::new();
        places.reserve_exact(SIZES[0]);
        places.push(Slot::NONE);
        Self(places)
    }

    /// Where it begins in memory.
    pub(super) fn place(&self) -> *const Slot {
        self.0.as_ptr()
    }

    /// The units of all slots.
    pub(super) fn units(&self) -> i64 {
        self.0.first().map_or(0, |sum| sum.units)
    }

    /// The slots, oldest first.
    pub(super) fn slots(&self) -> &[Slot] {
        self.0.get(1..).unwrap_or_default()
    }

    /// Adds a slot that is newer than all others.
    pub(super) fn push(&mut self, slot: Slot) {
        if self.0.len() == self.0.capacity() {
            self.grow();
        }
        self.0.push(slot);
        self.add(slot.units);
    }

    /// When its oldest slot frees; never if it has none.
    pub(super) fn frees(&self) -> Millis {
        self.slots().first().map_or(Millis::NEVER, |slot| slot.frees())
    }

    /// The units of slots that have freed by `now`, and how many slots they are.
    pub(super) fn freed(&self, now: Millis) -> (i64, usize) {
        let freed = self.slots().iter().take_while(|slot| !slot.is_alive(now));
        freed.fold((0, 0), |(units, count), slot| {
            (units.saturating_add(slot.units), count.saturating_add(1))
        })
    }

    /// Takes away the slots that have freed by `now`, and tells their units. The others move up: a
    /// few cache lines, at most once a second.
    pub(super) fn forget_freed(&mut self, now: Millis) -> i64 {
        let (freed, count) = self.freed(now);
        let kept = count.saturating_add(1).min(self.0.len());
        self.0.copy_within(kept.., 1);
        self.0.truncate(self.0.len().saturating_sub(kept.saturating_sub(1)));
        self.add(freed.saturating_neg());
        freed
    }

    /// Changes the units of the slot that took what was admitted at `time`, if there is one, and
    /// tells by how much.
    pub(super) fn correct(&mut self, time: Millis, change: impl FnOnce(i64) -> i64) -> i64 {
        let mut slots = self.0.iter_mut().skip(1);
        let Some(slot) = slots.find(|slot| slot.stamp.took(time)) else { return 0 };
        let before = slot.units;
        slot.units = change(before);
        let more = slot.units.saturating_sub(before);
        self.add(more);
        more
    }

    fn add(&mut self, units: i64) {
        if let Some(sum) = self.0.first_mut() {
            sum.units = sum.units.saturating_add(units);
        }
    }

    #[cold]
    fn grow(&mut self) {
        let places = self.0.len();
        let size = SIZES.into_iter().find(|size| *size > places).unwrap_or(places);
        self.0.reserve_exact(size.saturating_sub(places));
    }

    /// Memory it takes beyond its own size, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        let own = 2 * size_of::<usize>();
        self.0.capacity().saturating_mul(size_of::<Slot>()).saturating_add(own)
    }
}
