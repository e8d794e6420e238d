//! The server's API, and the guard around everything that the server calls.
//!
//! Functions that every supported server has are checked once, when the module loads; newer ones
//! are looked up by name. Text reaches the server only through fixed formats, so that no byte of a
//! client is ever a format or a line of protocol.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use redis_module::raw;

pub(super) type Ctx = *mut raw::RedisModuleCtx;
pub(super) type Str = *mut raw::RedisModuleString;

#[allow(clippy::cast_possible_truncation, reason = "0 and 1")]
pub(super) const OK: c_int = raw::REDISMODULE_OK as c_int;
#[allow(clippy::cast_possible_truncation, reason = "0 and 1")]
pub(super) const ERR: c_int = raw::REDISMODULE_ERR as c_int;

/// Names the functions of the API that are used: their presence is checked by [`missing`], and
/// [`api!`] calls them.
macro_rules! needed {
    ($($name:ident)*) => {
        /// The first function that this server lacks.
        pub(super) fn missing() -> Option<&'static str> {
            $(
                // SAFETY: a plain read of a pointer that is written once, at loading.
                if unsafe { raw::$name }.is_none() {
                    return Some(stringify!($name));
                }
            )*
            None
        }
    };
}

needed! {
    RedisModule_OpenKey RedisModule_CloseKey RedisModule_KeyType RedisModule_ModuleTypeGetType
    RedisModule_ModuleTypeGetValue RedisModule_ModuleTypeSetValue
    RedisModule_ModuleTypeReplaceValue RedisModule_StringPtrLen
    RedisModule_ReplyWithArray RedisModule_ReplyWithMap RedisModule_ReplyWithSimpleString
    RedisModule_ReplyWithStringBuffer RedisModule_ReplyWithLongLong RedisModule_ReplyWithNull
    RedisModule_ReplyWithError RedisModule_Replicate RedisModule_ReplicateVerbatim
    RedisModule_SignalModifiedKey RedisModule_GetContextFlags RedisModule_GetClientId
    RedisModule_GetUsedMemoryRatio RedisModule_Milliseconds
    RedisModule_CreateCommand RedisModule_CreateDataType
    RedisModule_LoadStringBuffer RedisModule_SaveStringBuffer RedisModule_EmitAOF
    RedisModule_DigestAddStringBuffer RedisModule_DigestEndSequence RedisModule_DefragAlloc
    RedisModule_Log RedisModule_LogIOError RedisModule_CreateString RedisModule_FreeString
    RedisModule_RegisterStringConfig RedisModule_LoadConfigs RedisModule_RegisterInfoFunc
    RedisModule_InfoAddSection RedisModule_InfoAddFieldULongLong RedisModule_SetModuleOptions
    RedisModule_Free RedisModule_GetApi RedisModule_NotifyKeyspaceEvent RedisModule_Call
    RedisModule_CallReplyArrayElement RedisModule_CallReplyStringPtr RedisModule_FreeCallReply
    RedisModule_SubscribeToServerEvent RedisModule_ReplyWithCallReply RedisModule_CallReplyProto
    RedisModule_GetCommand RedisModule_SetCommandInfo RedisModule_GetDetachedThreadSafeContext
}

/// Calls a function of the API that [`missing`] has checked.
macro_rules! api {
    ($name:ident($($argument:expr),* $(,)?)) => {
        // SAFETY: the module did not load unless the server has the function; the arguments are
        // the caller's to vouch for.
        unsafe { redis_module::raw::$name.unwrap_unchecked()($($argument),*) }
    };
}
pub(super) use api;

/// The bytes of a string of the server, for as long as the server keeps it.
///
/// # Safety
/// `string` is a live string of the server for `'a`.
pub(super) unsafe fn bytes<'a>(string: Str) -> &'a [u8] {
    let mut length = 0_usize;
    let start: *const c_char = api!(RedisModule_StringPtrLen(string, &raw mut length));
    if start.is_null() {
        return &[];
    }
    // SAFETY: the server says that so many bytes lie there.
    unsafe { std::slice::from_raw_parts(start.cast(), length) }
}

/// A text of ours as C has it; NULs are left out.
pub(super) fn c_text(text: &str) -> CString {
    let bytes: Vec<u8> = text.bytes().filter(|byte| *byte != 0).collect();
    CString::new(bytes).unwrap_or_default()
}

/// Writes a warning to the server's log.
pub(super) fn warn(ctx: Ctx, text: &str) {
    let text = c_text(text);
    api!(RedisModule_Log(ctx, c"warning".as_ptr(), c"%s".as_ptr(), text.as_ptr()));
}

/// Replies an error of one line.
pub(super) fn reply_error(ctx: Ctx, line: &str) -> c_int {
    let one_line: String = line.chars().filter(|c| c.is_ascii() && !c.is_ascii_control()).collect();
    let text = c_text(&one_line);
    api!(RedisModule_ReplyWithError(ctx, text.as_ptr()))
}

/// A function that newer servers have, by its name.
pub(super) fn newer(name: &CStr) -> Option<*const c_void> {
    let mut found: *const c_void = std::ptr::null();
    let status = api!(RedisModule_GetApi(name.as_ptr(), (&raw mut found).cast()));
    (status == OK && !found.is_null()).then_some(found)
}

/// What only the thread that runs commands reaches. A borrow that overlaps another is refused, never
/// undefined.
pub(super) struct MainThread<T>(pub RefCell<T>);

// SAFETY: the server calls the module under its global lock, one thread at a time; what runs
// elsewhere (`free`, the child that rewrites files) reaches nothing that lies in one.
unsafe impl<T> Sync for MainThread<T> {}

/// Whether the thread that runs commands makes a change. A thread-local would be asked for by a call.
static CHANGING: AtomicBool = AtomicBool::new(false);

/// Says that a change begins: a panic between here and the end of what is guarded ends the process,
/// so that no account is kept or propagated half changed, and no change is answered with an error.
pub(super) fn begin_change() {
    CHANGING.store(true, Ordering::Relaxed);
}

/// Runs what the server calls on the thread that runs commands, and keeps a panic from leaving it;
/// `None` after a panic before any change.
pub(super) fn guarded<T>(body: impl FnOnce() -> T) -> Option<T> {
    // The server may call back while a change is made; what it calls then is guarded by itself.
    let around = CHANGING.load(Ordering::Relaxed);
    CHANGING.store(false, Ordering::Relaxed);
    let value = guarded_anywhere(body);
    if value.is_none() && CHANGING.load(Ordering::Relaxed) {
        std::process::abort();
    }
    CHANGING.store(around, Ordering::Relaxed);
    value
}

/// Runs what the server may call on any thread, which changes nothing that is in use, and keeps a panic
/// from leaving it; `None` after a panic.
pub(super) fn guarded_anywhere<T>(body: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(body)).ok()
}
