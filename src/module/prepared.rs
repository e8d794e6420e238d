//! Elements of replies that are said often and never change.
//!
//! The server writes each once, when the module loads, and is handed it back afterwards, which costs
//! less than half of writing it anew. Where a server cannot prepare one, it is written anew.

use std::ffi::CStr;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use redis_module::raw;

use super::ffi::{Ctx, OK, api};

/// An element that the server has written, as it lies in a reply. It is never freed: a module with a
/// data type cannot be unloaded.
pub(super) struct Prepared(AtomicPtr<raw::RedisModuleCallReply>);

impl Prepared {
    const fn nothing() -> Self {
        Self(AtomicPtr::new(null_mut()))
    }

    /// Keeps what the server wrote, if it is what was meant.
    fn keep(&self, reply: *mut raw::RedisModuleCallReply, meant: &str) {
        if reply.is_null() {
            return;
        }
        let mut length = 0_usize;
        let start = api!(RedisModule_CallReplyProto(reply, &raw mut length));
        // SAFETY: the server says that so many bytes lie there, as long as the reply lives.
        let wrote = unsafe { std::slice::from_raw_parts(start.cast::<u8>(), length) };
        if wrote == meant.as_bytes() {
            self.0.store(reply, Ordering::Relaxed);
        } else {
            api!(RedisModule_FreeCallReply(reply));
        }
    }

    /// Replies it, and tells whether it was prepared.
    pub fn reply(&self, ctx: Ctx) -> bool {
        let reply = self.0.load(Ordering::Relaxed);
        !reply.is_null() && api!(RedisModule_ReplyWithCallReply(ctx, reply)) == OK
    }
}

/// The simple string OK.
static DONE: Prepared = Prepared::nothing();
/// Bulk strings, each with its text.
static BULKS: [(&CStr, Prepared); 4] = [
    (c"requests", Prepared::nothing()),
    (c"active", Prepared::nothing()),
    (c"0", Prepared::nothing()),
    (c"unlimited", Prepared::nothing()),
];

/// Prepares them all. Both commands are the server's, and neither does anything.
pub(super) fn prepare(ctx: Ctx) {
    DONE.keep(api!(RedisModule_Call(ctx, c"UNWATCH".as_ptr(), c"".as_ptr())), "+OK\r\n");
    for (text, bulk) in &BULKS {
        let told = format!("${}\r\n{}\r\n", text.count_bytes(), text.to_string_lossy());
        let (echo, words, text) = (c"ECHO".as_ptr(), c"c".as_ptr(), text.as_ptr());
        bulk.keep(api!(RedisModule_Call(ctx, echo, words, text)), &told);
    }
}

/// The prepared simple string, if this is one.
#[inline(always)]
pub(super) fn word(word: &CStr) -> Option<&'static Prepared> {
    (word == c"OK").then_some(&DONE)
}

/// The prepared bulk string, if this is one.
#[inline(always)]
pub(super) fn bulk(bytes: &[u8]) -> Option<&'static Prepared> {
    let [(_, requests), (_, active), (_, zero), (_, unlimited)] = &BULKS;
    match bytes {
        b"requests" => Some(requests),
        b"active" => Some(active),
        b"0" => Some(zero),
        b"unlimited" => Some(unlimited),
        _ => None,
    }
}
