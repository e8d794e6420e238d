//! Slots of a rate window: what was admitted within one second, and a ring of them in one block.
//!
//! The ring has one of three sizes, grows to its full one, and is given back when empty. Which slot
//! takes an admission, and when one is forgotten, is the window's to say.
//! Invariant: a slot's last admission is less than 1,000 ms after its first.

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

const FEW: usize = 4;
const MORE: usize = 16;
const ALL: usize = 64;

/// A ring of slots in one block of one of three sizes.
#[derive(Clone, Debug, Default)]
pub(super) struct Ring {
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
    /// A ring without slots.
    pub(super) const NONE: Self = Self { block: Block::None, head: 0, length: 0 };

    pub(super) fn capacity(&self) -> usize {
        self.places().len()
    }

    pub(super) fn front(&self) -> Option<Slot> {
        if self.length == 0 { None } else { self.places().get(usize::from(self.head)).copied() }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Slot> + '_ {
        let places = self.places();
        let (head, length) = (usize::from(self.head), usize::from(self.length));
        // Sizes are powers of two, so a place is found by a mask.
        let mask = places.len().saturating_sub(1);
        (0..length).filter_map(move |at| places.get(head.wrapping_add(at) & mask).copied())
    }

    pub(super) fn that_took(&mut self, time: Millis) -> Option<&mut Slot> {
        let at = self.iter().position(|slot| slot.took(time))?;
        let mask = self.capacity().saturating_sub(1);
        let place = usize::from(self.head).wrapping_add(at) & mask;
        self.places_mut().get_mut(place)
    }

    pub(super) fn push(&mut self, slot: Slot) {
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

    pub(super) fn pop(&mut self) {
        if self.length > 0 {
            let mask = u8::try_from(self.capacity().saturating_sub(1)).unwrap_or(u8::MAX);
            self.head = self.head.wrapping_add(1) & mask;
            self.length = self.length.wrapping_sub(1);
        }
    }

    pub(super) fn give_back_if_empty(&mut self) {
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
