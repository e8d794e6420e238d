//! What a command will look at, fetched ahead.
//!
//! Of many accounts few are in the processor's caches, and an account leads to its parts, each of
//! which would be waited for in its turn. To ask for a part as soon as it is known where it lies
//! lets it come while there is other work. Nothing depends on it; only x86-64 is asked.

use std::ffi::c_void;

use crate::engine::account::Account;
use crate::engine::time::Millis;

/// A line of the processor's caches, in bytes.
const LINE: usize = 64;
/// How much of an account all commands look at.
const FIGURES: usize = size_of::<Account<[u8; 0]>>();
/// How much of it those look at that ask for a hold: eleven with ids of 16 bytes, more than most
/// accounts have.
const HOLDS: usize = 512;
/// How much of a window's older slots: of those in steady use less, which are at hand anyway.
const ROW: usize = 128;

/// Has fetched what all commands look at of an account.
#[inline(always)]
pub(super) fn figures(account: *const c_void) {
    fetch(account, FIGURES);
}

/// Has fetched its holds.
#[inline(always)]
pub(super) fn holds(account: *const c_void) {
    fetch(account.wrapping_byte_add(FIGURES), HOLDS - FIGURES);
}

/// Has fetched the older slots of the requests window, if they will be looked at.
#[inline(always)]
pub(super) fn slots(account: &Account, now: Millis) {
    if let Some(slots) = account.requests.place(now) {
        fetch(slots, ROW);
    }
}

/// Has fetched what fewer accounts have.
#[inline(always)]
pub(super) fn extras(account: &Account) {
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
