//! Replies that are said often: the server writes each once, and is handed it back afterwards.
//!
//! To hand one back costs less than half of writing an element anew, and a sixth of writing all that
//! FW.ADMIT replies. They are written by the very code that writes them otherwise; where the server
//! cannot keep them, they are written each time.

use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::ptr::null_mut;

use redis_module::raw;

use super::ffi::{Ctx, MainThread, OK, api};
use crate::command::admit;
use crate::command::reply::Reply;
use crate::engine::limit::{Limit, Units};
use crate::engine::slot::SPAN;
use crate::engine::verdict::Admission;

/// Up to which limit of requests all that FW.ADMIT says of it is kept: 0.7 KB for each number that may
/// remain, 7 MB then.
const MOST: i64 = 10_000;

const DONE: &CStr = c"OK";
const TEXTS: [&[u8]; 4] = [b"requests", b"active", b"0", b"unlimited"];

/// Where each lies among what is kept: the word, the texts, two integers, then what is said of an
/// admission, by what remains of the limit.
const SPAN_AT: usize = 1 + TEXTS.len();
const LIMIT_AT: usize = SPAN_AT + 1;
const ADMISSIONS_AT: usize = LIMIT_AT + 1;

/// What the server wrote.
struct Kept {
    /// Where the server was asked for it.
    ctx: Ctx,
    /// The platform's limit of requests that it is about.
    limit: i64,
    /// All of it, in which the parts lie.
    all: *mut raw::RedisModuleCallReply,
    parts: Vec<*mut raw::RedisModuleCallReply>,
}

static KEPT: MainThread<Kept> = MainThread(RefCell::new(Kept {
    ctx: null_mut(),
    limit: -1,
    all: null_mut(),
    parts: Vec::new(),
}));

thread_local! {
    /// For which limit all of it is to be written, while the server is asked for it.
    static WANTED: Cell<Option<i64>> = const { Cell::new(None) };
}

/// Has the server write all of it for this limit, if it is not the one at hand.
pub(super) fn prepare(ctx: Ctx, limit: Limit<Units>) {
    let limit = match limit {
        Limit::At(units) => units.count(),
        Limit::Unlimited => 0,
    };
    let Ok(mut kept) = KEPT.0.try_borrow_mut() else { return };
    if kept.limit == limit {
        return;
    }
    if kept.ctx.is_null() {
        // A reply remembers the context it was asked for in, so it must outlive the command at hand.
        kept.ctx = api!(RedisModule_GetDetachedThreadSafeContext(ctx));
    }
    // Any command of ours without a key: it comes to `write` below.
    WANTED.set(Some(limit));
    let all = api!(RedisModule_Call(kept.ctx, c"FW.HELP".as_ptr(), c"".as_ptr()));
    WANTED.set(None);
    if all.is_null() {
        return;
    }
    let part = |at| api!(RedisModule_CallReplyArrayElement(all, at));
    let parts: Vec<_> = (0..count(limit)).map(part).collect();
    // An error of the server's has no parts.
    let old = if parts.iter().any(|part| part.is_null()) { all } else { kept.all };
    if !old.is_null() {
        api!(RedisModule_FreeCallReply(old));
    }
    if old == all {
        return;
    }
    *kept = Kept { ctx: kept.ctx, limit, all, parts };
}

/// How many parts there are for this limit.
fn count(limit: i64) -> usize {
    let admissions = if limit <= MOST { usize::try_from(limit).unwrap_or(0) } else { 0 };
    ADMISSIONS_AT.saturating_add(admissions)
}

/// Writes what is wanted, if the server was asked for it; false if a client has called.
pub(super) fn write(out: &mut impl Reply) -> bool {
    let Some(limit) = WANTED.take() else { return false };
    out.array(count(limit));
    out.word(DONE);
    TEXTS.iter().for_each(|text| out.bulk(text));
    out.integer(SPAN.0);
    out.integer(limit);
    for remaining in (0..limit).take(count(limit).saturating_sub(ADMISSIONS_AT)) {
        let units = |count| Units::new(count).unwrap_or_default();
        admit::reply(&Admission::plain(units(limit), units(remaining)), out);
    }
    true
}

/// Replies a part that is kept, and tells whether it is.
#[inline(always)]
fn hand_back(ctx: Ctx, place: impl FnOnce(&Kept) -> Option<usize>) -> bool {
    let Ok(kept) = KEPT.0.try_borrow() else { return false };
    let Some(part) = place(&kept).and_then(|at| kept.parts.get(at)) else { return false };
    !part.is_null() && api!(RedisModule_ReplyWithCallReply(ctx, *part)) == OK
}

/// Replies a simple string, if it is kept.
#[inline(always)]
pub(super) fn word(ctx: Ctx, word: &CStr) -> bool {
    word == DONE && hand_back(ctx, |_| Some(0))
}

/// Replies a bulk string, if it is kept.
#[inline(always)]
pub(super) fn bulk(ctx: Ctx, bytes: &[u8]) -> bool {
    let at = TEXTS.iter().position(|text| *text == bytes);
    at.is_some_and(|at| hand_back(ctx, |_| at.checked_add(1)))
}

/// Replies an integer, if it is kept.
#[inline(always)]
pub(super) fn integer(ctx: Ctx, number: i64) -> bool {
    hand_back(ctx, |kept| match number {
        _ if number == SPAN.0 => Some(SPAN_AT),
        _ if number == kept.limit => Some(LIMIT_AT),
        _ => None,
    })
}

/// Replies all that is said of a plain admission, if it is kept.
#[inline(always)]
pub(super) fn admission(ctx: Ctx, limit: Units, remaining: Units) -> bool {
    hand_back(ctx, |kept| {
        let at = usize::try_from(remaining.count()).ok();
        let at = at.filter(|_| limit.count() == kept.limit)?;
        at.checked_add(ADMISSIONS_AT)
    })
}
