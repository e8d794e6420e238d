//! A list in blocks: it grows and shrinks at its ends, and never moves more than one block.
//!
//! One block for all would be copied whole when it is full: milliseconds, for a hundred thousand
//! ids. What the list holds, and in which order, is its owner's to say.
//! Few values lie in one block, which its owner leads to without a step between.
//! Invariants: no block is empty but an only one; all but the first and the last are full.

use std::collections::VecDeque;

/// How many values a block has room for.
const BLOCK: usize = 64;
/// By how many values a block grows at least.
const STEP: usize = 4;

/// A list of values, found by their place.
#[derive(Clone)]
pub struct Blocks<T> {
    first: VecDeque<T>,
    more: VecDeque<VecDeque<T>>,
    length: usize,
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self { first: VecDeque::new(), more: VecDeque::new(), length: 0 }
    }
}

impl<T> Blocks<T> {
    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Holds if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The value at a place.
    #[must_use]
    pub fn at(&self, at: usize) -> Option<&T> {
        match at.checked_sub(self.first.len()) {
            None => self.first.get(at),
            Some(beyond) => self.more.get(beyond.wrapping_div(BLOCK))?.get(beyond % BLOCK),
        }
    }

    /// The value at a place, to be changed.
    pub fn at_mut(&mut self, at: usize) -> Option<&mut T> {
        match at.checked_sub(self.first.len()) {
            None => self.first.get_mut(at),
            Some(beyond) => self.more.get_mut(beyond.wrapping_div(BLOCK))?.get_mut(beyond % BLOCK),
        }
    }

    /// All values, first to last.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(self.more.iter().flatten())
    }

    /// All values, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.first.iter_mut().chain(self.more.iter_mut().flatten())
    }

    /// Adds a value at the end.
    pub fn push_back(&mut self, value: T) {
        if self.last().len() >= BLOCK {
            self.more.push_back(VecDeque::new());
        }
        let last = self.last();
        if last.len() == last.capacity() {
            // By a quarter: with twice the room, half of it could lie idle.
            let more = last.len().wrapping_div(4).max(STEP);
            last.reserve_exact(more.min(BLOCK.saturating_sub(last.len())));
        }
        last.push_back(value);
        self.length = self.length.saturating_add(1);
    }

    /// Takes the first value away.
    pub fn pop_front(&mut self) -> Option<T> {
        let value = self.first.pop_front()?;
        self.length = self.length.saturating_sub(1);
        if self.first.is_empty()
            && let Some(next) = self.more.pop_front()
        {
            self.first = next;
            self.give_back();
        }
        Some(value)
    }

    /// Takes a value away; the last one moves to its place.
    pub fn swap_remove(&mut self, at: usize) {
        let Some(last) = self.last().pop_back() else { return };
        self.length = self.length.saturating_sub(1);
        if self.more.back().is_some_and(VecDeque::is_empty) {
            self.more.pop_back();
            self.give_back();
        }
        if let Some(place) = self.at_mut(at) {
            *place = last;
        }
    }

    fn last(&mut self) -> &mut VecDeque<T> {
        self.more.back_mut().unwrap_or(&mut self.first)
    }

    fn give_back(&mut self) {
        if self.more.capacity() > self.more.len().saturating_mul(4) {
            self.more.shrink_to(self.more.len().saturating_mul(2));
        }
    }

    /// Memory that the blocks take, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let own = self.more.capacity().saturating_mul(size_of::<VecDeque<T>>());
        let bytes = |block: &VecDeque<T>| block.capacity().saturating_mul(size_of::<T>());
        let blocks = std::iter::once(&self.first).chain(&self.more);
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
