//! What a command will look at, fetched ahead.
//!
//! Of many accounts few are in the processor's caches, and an account leads to its parts, each of
//! which would be waited for in its turn. To ask for a part as soon as it is known where it lies
//! lets it come while there is other work. Nothing depends on it; only x86-64 is asked.

use crate::engine::account::Account;
use crate::engine::act::Kept;
use crate::engine::time::Millis;

/// A line of the processor's caches, in bytes.
const LINE: usize = 64;
/// How much of a list is looked at first: its head and the first two rows.
const HEAD: usize = 160;
/// How much of the block with holds: the head and seven rows, more than most have.
const BLOCK: usize = 640;
/// How much of a window's older slots: all, if it is not in steady use.
const ROW: usize = 256;

/// Has an account fetched.
#[inline(always)]
pub(super) fn account(account: *const Account) {
    fetch(account, size_of::<Account>());
}

/// Has fetched what most accounts do not have, and of holds a few.
#[inline(always)]
pub(super) fn parts(account: &Account, kept: Kept) {
    fetch(account.parts.place(), if kept == Kept::Closed { BLOCK } else { HEAD });
}

/// Has fetched the older slots of the requests window, if they will be looked at.
#[inline(always)]
pub(super) fn slots(account: &Account, now: Millis) {
    if let Some(slots) = account.requests.place(now) {
        fetch(slots, ROW);
    }
}

/// Has fetched what an id of a kind is compared with first, as far as it is known where that lies.
#[inline(always)]
pub(super) fn ids(account: &Account, kept: Kept) {
    if kept == Kept::Closed {
        account.parts.places().iter().for_each(|place| fetch(*place, HEAD));
    }
    if let Some(extras) = account.parts.extras() {
        fetch(extras, size_of_val(extras));
    }
}

#[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables, reason = "nothing is asked"))]
#[inline(always)]
fn fetch<T>(place: *const T, bytes: usize) {
    #[cfg(target_arch = "x86_64")]
    for at in (0..bytes).step_by(LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: to ask for memory reads none, whatever lies there.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.wrapping_byte_add(at).cast()) };
    }
}
