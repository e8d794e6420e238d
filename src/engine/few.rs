//! A short list in one block.
//!
//! What an account has a few of lies side by side and is looked through: one block to wait for, and
//! no hashes. Where there are more, their owner keeps them in another way.

use std::ops::{Deref, DerefMut};

use thin_vec::ThinVec;

/// How many values it has room for.
pub const FEW: usize = 14;
/// With how many of them an owner that kept more comes back to a short list. Below [`FEW`], so that
/// one value that comes and goes does not move all others each time.
pub const FEW_AGAIN: usize = 7;
/// How many values a block has room for, one size after the other.
const SIZES: [usize; 5] = [2, 4, 6, 10, FEW];

/// At most [`FEW`] values, in their owner's order. Of its memory it keeps the smallest block, so that
/// what comes and goes one at a time asks for none.
#[derive(Clone)]
pub struct Few<T>(ThinVec<T>);

impl<T> Few<T> {
    /// Holds if there is no room for one more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.len() >= FEW
    }

    /// Puts a value at the end.
    pub fn push(&mut self, value: T) {
        let count = self.0.len();
        if count == self.0.capacity() {
            let size = SIZES.iter().find(|size| **size > count).unwrap_or(&count);
            self.0.reserve_exact(size.saturating_sub(count));
        }
        self.0.push(value);
    }

    /// Takes the first `count` values away.
    pub fn forget(&mut self, count: usize) {
        self.0.drain(..count.min(self.0.len()));
        self.give_back();
    }

    /// Gives memory back that lies idle.
    fn give_back(&mut self) {
        if self.0.capacity() <= SIZES[0] {
            return;
        }
        if self.0.is_empty() {
            self.0 = ThinVec::new();
        } else if self.0.capacity() >= self.0.len().saturating_mul(4) {
            self.0.shrink_to_fit();
        }
    }

    /// Memory it takes beyond its own size, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match self.0.capacity() {
            0 => 0,
            places => places.saturating_mul(size_of::<T>()).saturating_add(2 * size_of::<usize>()),
        }
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(ThinVec::new())
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> DerefMut for Few<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_and_go_and_memory_with_them() {
        let mut few = Few::default();
        assert_eq!(few.heap_bytes(), 0);
        for value in 0..FEW {
            assert!(!few.is_full());
            few.push(value);
        }
        assert!(few.is_full());
        let full = few.heap_bytes();
        assert_eq!(full, FEW * size_of::<usize>() + 16);
        few.forget(5);
        assert_eq!(few[..], [5, 6, 7, 8, 9, 10, 11, 12, 13]);
        few.forget(6);
        assert_eq!(few[..], [11, 12, 13]);
        assert!(few.heap_bytes() < full / 2, "{}", few.heap_bytes());
        few.push(5);
        assert_eq!(few[..], [11, 12, 13, 5]);
        few.forget(99);
        assert_eq!((few.len(), few.heap_bytes()), (0, 0));
    }

    #[test]
    fn a_value_that_comes_and_goes_keeps_its_block() {
        let mut few = Few::default();
        few.push(1_u64);
        let block = few.heap_bytes();
        few.forget(1);
        assert_eq!((few.len(), few.heap_bytes()), (0, block));
        few.push(2);
        assert_eq!((few.len(), few.heap_bytes()), (1, block));
    }
}
