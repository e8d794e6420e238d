//! Histories out of a fuzzer's bytes: two say how a history begins, the others what follows.

use crate::{generate, history};

/// Steps after which a history ends, so that no input takes long.
const STEPS: usize = 100;

pub fn run(bytes: &[u8]) {
    let Some((seed, bytes)) = bytes.split_first_chunk() else { return };
    let seed = u64::from(u16::from_le_bytes(*seed));
    history::check(seed, &generate::chosen(seed, bytes, STEPS));
}
