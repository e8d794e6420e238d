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
/// Bits of [`Slot::stamp`] that hold the time from the first admission to the last.
const LAG_BITS: u32 = 16;

/// Admissions that lie within one second, and free together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// The first admission in ms and one more, shifted, and how much later the last one was:
    /// instants need 45 bits and a lag 10, so both fit one word and four slots fit a cache line.
    /// Zero is the empty place.
    stamp: u64,
    pub(super) units: i64,
}

impl Slot {
    /// The empty place.
    pub(super) const NONE: Self = Self { stamp: 0, units: 0 };

    /// A slot from its parts; `None` if they cannot be a slot's.
    #[must_use]
    pub fn new(first: Millis, lag: Millis, units: Units) -> Option<Self> {
        let well_formed =
            first >= Millis::ZERO && first <= Millis::LAST && (0..JOIN_MS).contains(&lag.0);
        well_formed.then(|| Self::at(first, lag, units))
    }

    pub(super) fn at(first: Millis, lag: Millis, units: Units) -> Self {
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

    pub(super) const fn is_alive(self, now: Millis) -> bool {
        self.frees().0 > now.0
    }

    pub(super) const fn takes(self, now: Millis) -> bool {
        now.since(self.first()).0 < JOIN_MS
    }

    /// Holds if this is a slot, and not an empty place.
    pub(super) const fn is_taken(self) -> bool {
        self.stamp != 0
    }

    /// Holds if the slot took what was admitted at `time`, of all that its window admitted.
    pub(super) fn took(self, time: Millis) -> bool {
        (self.first()..=self.first().plus(self.lag())).contains(&time)
    }
}

/// How many slots a row has room for in its three sizes, the place of the sum included. With the
/// row's own two words they fill blocks of 64, 256 and 1,024 bytes.
const SIZES: [usize; 3] = [3, 15, 63];

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

    /// Takes away the `count` oldest. The others move up: a few cache lines, at most once a second.
    pub(super) fn forget(&mut self, count: usize) {
        let freed = self.slots().iter().take(count).map(|slot| slot.units);
        let freed = freed.fold(0, i64::saturating_add);
        let kept = count.saturating_add(1).min(self.0.len());
        self.0.copy_within(kept.., 1);
        self.0.truncate(self.0.len().saturating_sub(kept.saturating_sub(1)));
        self.add(freed.saturating_neg());
    }

    /// Changes the units of the slot that took what was admitted at `time`, if there is one.
    pub(super) fn correct(&mut self, time: Millis, change: impl FnOnce(i64) -> i64) {
        let mut slots = self.0.iter_mut().skip(1);
        let Some(slot) = slots.find(|slot| slot.took(time)) else { return };
        let before = slot.units;
        slot.units = change(before);
        let more = slot.units.saturating_sub(before);
        self.add(more);
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
