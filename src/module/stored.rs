//! Accounts as the server keeps them: by their address alone.
//!
//! How long an account is it says itself, in a part whose place does not depend on it.

use std::ffi::c_void;
use std::mem::ManuallyDrop;

use crate::engine::account::{Account, ROOM_AT};

/// Hands an account to the server.
pub(super) fn handed_over(account: Box<Account>) -> *mut c_void {
    Box::into_raw(account).cast()
}

/// The account at an address.
///
/// # Safety
/// The address is one that was handed over, whose account is still there.
#[inline(always)]
unsafe fn whole(address: *mut c_void) -> *mut Account {
    // SAFETY: an account has its room there, whatever that is.
    let room = unsafe { address.byte_add(ROOM_AT).cast::<u16>().read() };
    std::ptr::slice_from_raw_parts_mut(address.cast::<u8>(), usize::from(room)) as *mut Account
}

/// Looks at an account.
///
/// # Safety
/// The address is one that was handed over, whose account is neither changed nor taken back meanwhile.
#[inline(always)]
pub(super) unsafe fn seen<'a>(address: *const c_void) -> &'a Account {
    // SAFETY: the caller's.
    unsafe { &*whole(address.cast_mut()) }
}

/// Takes an account back from the server.
///
/// # Safety
/// The address is one that was handed over, and nobody uses it any more.
pub(super) unsafe fn taken_back(address: *mut c_void) -> Box<Account> {
    // SAFETY: the caller's; it was a box of this length when it was handed over.
    unsafe { Box::from_raw(whole(address)) }
}

/// Changes an account, and tells its address, which may be another one then.
///
/// # Safety
/// The address is one that was handed over, and nobody else uses it meanwhile.
#[inline(always)]
pub(super) unsafe fn changed<T>(
    address: *mut c_void,
    change: impl FnOnce(&mut Box<Account>) -> T,
) -> (T, *mut c_void) {
    // It stays the server's if the change fails.
    // SAFETY: the caller's.
    let mut account = ManuallyDrop::new(unsafe { taken_back(address) });
    let told = change(&mut account);
    (told, handed_over(ManuallyDrop::into_inner(account)))
}
