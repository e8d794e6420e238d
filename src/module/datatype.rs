//! The data type `fwaccount`: how the server saves, loads, copies and frees an account.
//!
//! Every callback is there, and none lets a panic out. A payload that does not read is refused with
//! a line in the log.

use std::ffi::{c_int, c_void};

use redis_module::raw;

use super::ffi::{Ctx, Str, api, c_text, guarded, guarded_anywhere};
use super::state;
use super::stored;
use crate::codec;
use crate::engine::account::Account;

/// Nine characters, as the server wants them.
const NAME: &std::ffi::CStr = c"fwaccount";
const ENCODING: c_int = 1;

/// Registers the type; null if the server refuses.
pub(super) fn register(ctx: Ctx) -> *mut raw::RedisModuleType {
    // SAFETY: all fields are nullable pointers or numbers, for which zero means absent.
    let mut methods: raw::RedisModuleTypeMethods = unsafe { std::mem::zeroed() };
    methods.version = 3;
    methods.rdb_load = Some(rdb_load);
    methods.rdb_save = Some(rdb_save);
    methods.aof_rewrite = Some(aof_rewrite);
    methods.mem_usage = Some(mem_usage);
    methods.digest = Some(digest);
    methods.free = Some(free);
    methods.free_effort = Some(free_effort);
    methods.unlink = Some(unlink);
    methods.copy = Some(copy);
    methods.defrag = Some(defrag);
    api!(RedisModule_CreateDataType(ctx, NAME.as_ptr(), ENCODING, &raw mut methods))
}

/// An account that the server hands back.
///
/// # Safety
/// `value` is a value of our type that the server keeps alive for the call.
unsafe fn account<'a>(value: *const c_void) -> &'a Account {
    fault!("account");
    // SAFETY: the caller's.
    unsafe { stored::seen(value) }
}

fn encoded(value: *const c_void) -> Vec<u8> {
    let mut bytes = Vec::new();
    // SAFETY: the server passes a live value of our type.
    codec::account::encode(unsafe { account(value) }, &mut bytes);
    bytes
}

unsafe extern "C" fn rdb_load(io: *mut raw::RedisModuleIO, encoding: c_int) -> *mut c_void {
    guarded(|| load(io, encoding)).unwrap_or(std::ptr::null_mut())
}

fn load(io: *mut raw::RedisModuleIO, encoding: c_int) -> *mut c_void {
    let refuse = |why: &str| {
        let text = c_text(&format!("an account cannot be loaded: {why}"));
        api!(RedisModule_LogIOError(io, c"warning".as_ptr(), c"%s".as_ptr(), text.as_ptr()));
        std::ptr::null_mut()
    };
    if encoding > ENCODING {
        return refuse("it was written by a newer version of the module");
    }
    let mut length = 0_usize;
    let start = api!(RedisModule_LoadStringBuffer(io, &raw mut length));
    if start.is_null() {
        return refuse("the payload ends too early");
    }
    // SAFETY: the server says that so many bytes lie there; they are ours to free.
    let blob = Loaded(unsafe { std::slice::from_raw_parts(start.cast::<u8>(), length) });
    fault!("load");
    match state::with(|state| codec::account::decode(blob.0, &state.hashing)) {
        Some(Ok(account)) => stored::handed_over(account),
        Some(Err(damage)) => refuse(damage.0),
        None => refuse("the module is busy"),
    }
}

/// Bytes that the server read, and that are freed however their use ends.
struct Loaded(&'static [u8]);

impl Drop for Loaded {
    fn drop(&mut self) {
        api!(RedisModule_Free(self.0.as_ptr().cast_mut().cast()));
    }
}

unsafe extern "C" fn rdb_save(io: *mut raw::RedisModuleIO, value: *mut c_void) {
    let body = || {
        let blob = encoded(value);
        api!(RedisModule_SaveStringBuffer(io, blob.as_ptr().cast(), blob.len()));
    };
    guarded(body).unwrap_or_else(|| std::process::abort());
}

unsafe extern "C" fn aof_rewrite(io: *mut raw::RedisModuleIO, key: Str, value: *mut c_void) {
    let body = || {
        let blob = encoded(value);
        let (command, format) = (c"FW.LOAD".as_ptr(), c"sb".as_ptr());
        let (start, length) = (blob.as_ptr(), blob.len());
        api!(RedisModule_EmitAOF(io, command, format, key, start, length));
    };
    guarded(body).unwrap_or_else(|| std::process::abort());
}

unsafe extern "C" fn mem_usage(value: *const c_void) -> usize {
    // SAFETY: the server passes a live value of our type.
    guarded(|| unsafe { account(value) }.bytes()).unwrap_or(0)
}

unsafe extern "C" fn digest(digest: *mut raw::RedisModuleDigest, value: *mut c_void) {
    let body = || {
        let blob = encoded(value);
        api!(RedisModule_DigestAddStringBuffer(digest, blob.as_ptr().cast(), blob.len()));
        api!(RedisModule_DigestEndSequence(digest));
    };
    guarded(body);
}

unsafe extern "C" fn free(value: *mut c_void) {
    let body = || {
        // SAFETY: the server gives the value back for good; perhaps on a thread of its own, which
        // an account, being plain data, does not mind.
        let _account = unsafe { stored::taken_back(value) };
        fault!("free");
    };
    guarded_anywhere(body);
}

unsafe extern "C" fn free_effort(_key: Str, value: *const c_void) -> usize {
    // SAFETY: the server passes a live value of our type.
    guarded(|| unsafe { account(value) }.allocations()).unwrap_or(1)
}

unsafe extern "C" fn unlink(_key: Str, _value: *const c_void) {}

unsafe extern "C" fn copy(_from: Str, _to: Str, value: *const c_void) -> *mut c_void {
    // SAFETY: the server passes a live value of our type.
    let body = || stored::handed_over(unsafe { account(value) }.copy());
    guarded(body).unwrap_or(std::ptr::null_mut())
}

unsafe extern "C" fn defrag(
    defrag: *mut raw::RedisModuleDefragCtx,
    _key: Str,
    value: *mut *mut c_void,
) -> c_int {
    let body = || {
        // SAFETY: the value is one block of the server's allocator, which may be moved as bytes.
        let moved = api!(RedisModule_DefragAlloc(defrag, *value));
        if !moved.is_null() {
            // SAFETY: the server lends the place that holds the pointer.
            unsafe { *value = moved };
        }
        0
    };
    guarded(body).unwrap_or(0)
}
