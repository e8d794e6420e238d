//! A list in blocks: it grows and shrinks at its ends, and never moves more than one block.
//!
//! One block for all would be copied whole when it is full: milliseconds, for a hundred thousand
//! ids. What the list holds, and in which order, is its owner's to say.
//! Few values lie in one block, which its owner leads to without a step between.
//! Invariants: no block is empty but an only one; all but the first and the last are full.

use std::collections::VecDeque;

/// How many values a block has room for.
const BLOCK: usize = 64;
/// By how many values a block that has as many grows at least.
const STEP: usize = 4;

/// A list of values, found by their place.
#[derive(Clone)]
pub struct Blocks<T> {
    first: VecDeque<T>,
    /// Absent where there are none.
    #[allow(clippy::box_collection, reason = "most lists have one block: the fewer bytes")]
    more: Option<Box<VecDeque<VecDeque<T>>>>,
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self { first: VecDeque::new(), more: None }
    }
}

impl<T> Blocks<T> {
    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let Some(more) = self.more.as_deref() else { return self.first.len() };
        let last = more.back().map_or(0, VecDeque::len);
        let full = more.len().saturating_sub(1).saturating_mul(BLOCK);
        self.first.len().saturating_add(full).saturating_add(last)
    }

    /// Holds if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// The value at a place.
    #[must_use]
    pub fn at(&self, at: usize) -> Option<&T> {
        match at.checked_sub(self.first.len()) {
            None => self.first.get(at),
            Some(beyond) => {
                let block = self.more.as_deref()?.get(beyond.wrapping_div(BLOCK))?;
                block.get(beyond % BLOCK)
            }
        }
    }

    /// The value at a place, to be changed.
    pub fn at_mut(&mut self, at: usize) -> Option<&mut T> {
        match at.checked_sub(self.first.len()) {
            None => self.first.get_mut(at),
            Some(beyond) => {
                let block = self.more.as_deref_mut()?.get_mut(beyond.wrapping_div(BLOCK))?;
                block.get_mut(beyond % BLOCK)
            }
        }
    }

    /// All values, first to last.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(self.more.iter().flat_map(|more| more.iter().flatten()))
    }

    /// All values, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let more = self.more.iter_mut().flat_map(|more| more.iter_mut().flatten());
        self.first.iter_mut().chain(more)
    }

    /// Adds a value at the end.
    pub fn push_back(&mut self, value: T) {
        if self.last().len() >= BLOCK {
            self.more.get_or_insert_default().push_back(VecDeque::new());
        }
        let last = self.last();
        if last.len() == last.capacity() {
            // By a quarter, once there are some: with twice the room, half of it could lie idle.
            let more = last.len().wrapping_div(4).max(last.len().clamp(1, STEP));
            last.reserve_exact(more.min(BLOCK.saturating_sub(last.len())));
        }
        last.push_back(value);
    }

    /// Takes the first value away.
    pub fn pop_front(&mut self) -> Option<T> {
        let value = self.first.pop_front()?;
        if self.first.is_empty()
            && let Some(next) = self.more.as_deref_mut().and_then(VecDeque::pop_front)
        {
            self.first = next;
            self.give_back();
        }
        Some(value)
    }

    /// Takes a value away; the last one moves to its place.
    pub fn swap_remove(&mut self, at: usize) {
        let Some(last) = self.last().pop_back() else { return };
        if let Some(more) = self.more.as_deref_mut()
            && more.back().is_some_and(VecDeque::is_empty)
        {
            more.pop_back();
            self.give_back();
        }
        if let Some(place) = self.at_mut(at) {
            *place = last;
        }
    }

    fn last(&mut self) -> &mut VecDeque<T> {
        let more = self.more.as_deref_mut().and_then(VecDeque::back_mut);
        more.unwrap_or(&mut self.first)
    }

    fn give_back(&mut self) {
        let Some(more) = self.more.as_deref_mut() else { return };
        if more.is_empty() {
            self.more = None;
        } else if more.capacity() > more.len().saturating_mul(4) {
            more.shrink_to(more.len().saturating_mul(2));
        }
    }

    /// Memory that the blocks take, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let list = |more: &VecDeque<_>| {
            let places = more.capacity().saturating_mul(size_of::<VecDeque<T>>());
            places.saturating_add(size_of::<VecDeque<VecDeque<T>>>())
        };
        let bytes = |block: &VecDeque<T>| block.capacity().saturating_mul(size_of::<T>());
        let own = self.more.as_deref().map_or(0, list);
        let blocks = std::iter::once(&self.first).chain(self.more.iter().flat_map(|more| &**more));
        blocks.map(bytes).fold(own, usize::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_and_go_at_both_ends_as_in_a_plain_list() {
        let (mut blocks, mut plain) = (Blocks::default(), VecDeque::new());
        let mut random = 1_u32;
        for turn in 0..40_000_u32 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let grows = if turn / 5_000 % 2 == 0 { 3 } else { 1 };
            if random >> 30 < grows {
                blocks.push_back(turn);
                plain.push_back(turn);
            } else if random >> 29 & 1 == 0 {
                assert_eq!(blocks.pop_front(), plain.pop_front());
            } else if !plain.is_empty() {
                let at = random as usize % plain.len();
                blocks.swap_remove(at);
                plain.swap_remove_back(at);
            }
            let at = random as usize % 3_000;
            assert_eq!((blocks.len(), blocks.at(at)), (plain.len(), plain.get(at)));
        }
        assert!(blocks.iter().eq(plain.iter()));
    }

    #[test]
    fn memory_goes_with_the_values() {
        let mut blocks = Blocks::default();
        (0..10_000_u64).for_each(|value| blocks.push_back([value; 8]));
        let full = blocks.heap_bytes();
        assert!(full < 10_000 * 64 * 102 / 100, "{full}");
        (0..9_990).for_each(|value| assert_eq!(blocks.pop_front(), Some([value; 8])));
        assert!(blocks.heap_bytes() < full / 100, "{}", blocks.heap_bytes());
    }

    #[test]
    fn the_first_few_take_room_for_a_few() {
        let mut blocks = Blocks::default();
        blocks.push_back([0_u8; 100]);
        assert!(blocks.heap_bytes() < 600, "{}", blocks.heap_bytes());
    }
}
