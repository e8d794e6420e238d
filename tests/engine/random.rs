//! A small generator of random numbers: the same seed gives the same history on every machine.

use std::collections::VecDeque;

/// Splitmix64, or bytes that somebody chose for as long as there are any.
pub struct Random {
    state: u64,
    chosen: VecDeque<u8>,
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Self { state: seed, chosen: VecDeque::new() }
    }

    /// Numbers that follow these bytes, one byte a number.
    pub fn chosen(bytes: &[u8]) -> Self {
        Self { state: 0, chosen: bytes.iter().copied().collect() }
    }

    /// Holds when nothing is left of what was chosen.
    pub fn is_used_up(&self) -> bool {
        self.chosen.is_empty()
    }

    fn next(&mut self) -> u64 {
        if let Some(byte) = self.chosen.pop_front() {
            return u64::from(byte);
        }
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `end - 1`.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap();
        usize::try_from(self.next() % end).unwrap()
    }

    /// Holds once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// One of `from`, once in `times`.
    pub fn maybe<T: Clone>(&mut self, times: usize, from: &[T]) -> Option<T> {
        self.once_in(times).then(|| self.pick(from))
    }

    /// A place in `weights`, as often as its weight says.
    pub fn weighted(&mut self, weights: &[usize]) -> usize {
        let mut at = self.below(weights.iter().sum());
        for (place, weight) in weights.iter().enumerate() {
            if at < *weight {
                return place;
            }
            at -= weight;
        }
        0
    }
}
