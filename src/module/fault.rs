//! Panics where a test asks for them, to see what the guard makes of them.
//!
//! Only in a debug build, which is never shipped. `FW.PANIC place` arms a place; whoever comes by
//! next panics, once.

use std::ffi::c_int;
use std::sync::Mutex;

use super::ffi::{Ctx, ERR, OK, Str, api, bytes, guarded};

static ARMED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Panics if this place is armed, and disarms it.
pub(super) fn pass(place: &str) {
    let Ok(mut armed) = ARMED.lock() else { return };
    if *armed == place.as_bytes() {
        armed.clear();
        drop(armed);
        #[expect(clippy::panic, reason = "it is what this file is for")]
        std::panic::panic_any("a test asked for it");
    }
}

/// Creates the command FW.PANIC.
pub(super) fn register(ctx: Ctx) -> Result<(), String> {
    let (name, flags) = (c"FW.PANIC".as_ptr(), c"".as_ptr());
    let created = api!(RedisModule_CreateCommand(ctx, name, Some(arm), flags, 0, 0, 0));
    if created == OK { Ok(()) } else { Err("the server does not take FW.PANIC".to_owned()) }
}

unsafe extern "C" fn arm(ctx: Ctx, first: *mut Str, count: c_int) -> c_int {
    let body = || {
        if count == 2
            && let Ok(mut armed) = ARMED.lock()
        {
            // SAFETY: the server keeps two live strings there until the command ends.
            *armed = unsafe { bytes(*first.add(1)) }.to_vec();
        }
        api!(RedisModule_ReplyWithSimpleString(ctx, c"OK".as_ptr()))
    };
    guarded(body).unwrap_or(ERR)
}
