//! The least that a module can do for FW.ADMIT, for one with a HOLD, and for FW.SPEND of it: what the
//! server's interface costs by itself.
//!
//! Each opens its key, counts in one block of memory, sends on an effect as long as the real one, and
//! replies the same slots. Nothing is parsed, judged, kept or made sure of. `make bench` drives it
//! beside the real commands, on the same server.

#![allow(missing_docs)]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::null_mut;

use redis_module::raw;

/// Calls a function of the API.
macro_rules! api {
    ($name:ident($($argument:expr),* $(,)?)) => {
        // SAFETY: every supported server has what is called here.
        unsafe { redis_module::raw::$name.unwrap_unchecked()($($argument),*) }
    };
}

type Ctx = *mut raw::RedisModuleCtx;
type Args = *mut *mut raw::RedisModuleString;

/// An account of two cache lines.
#[repr(C, align(64))]
struct Block([u64; 16]);

static mut KIND: *mut raw::RedisModuleType = null_mut();

/// How many bytes the effects of the real commands have.
const ADMIT: usize = 21;
const HOLD: usize = 56;
const SPEND: usize = 62;

/// Opens the key, counts, and sends an effect of so many bytes on.
fn count(ctx: Ctx, args: Args, effect: usize) -> u64 {
    // SAFETY: the bench sends a key with every command, and nobody else loads this.
    let name = unsafe { *args.add(1) };
    let mode = raw::REDISMODULE_READ | raw::REDISMODULE_WRITE;
    let key = api!(RedisModule_OpenKey(ctx, name, mode.cast_signed()));
    // SAFETY: written once, when the module loads.
    let kind = unsafe { KIND };
    let block: *mut Block = if api!(RedisModule_ModuleTypeGetType(key)) == kind {
        api!(RedisModule_ModuleTypeGetValue(key)).cast()
    } else {
        let made = Box::into_raw(Box::new(Block([0; 16])));
        api!(RedisModule_ModuleTypeSetValue(key, kind, made.cast()));
        made
    };
    // SAFETY: a value of this type is a live block.
    let block = unsafe { &mut (*block).0 };
    block[0] = block[0].wrapping_add(1);
    block[15] = block[15].wrapping_add(1);
    api!(RedisModule_CloseKey(key));
    let blob = [b'x'; SPEND];
    let (command, format) = (c"STUB.APPLY".as_ptr(), c"sb".as_ptr());
    api!(RedisModule_Replicate(ctx, command, format, name, blob.as_ptr(), effect));
    api!(RedisModule_SignalModifiedKey(ctx, name));
    block[0]
}

fn word(ctx: Ctx, word: &CStr) {
    api!(RedisModule_ReplyWithSimpleString(ctx, word.as_ptr()));
}

fn text(ctx: Ctx, text: &str) {
    api!(RedisModule_ReplyWithStringBuffer(ctx, text.as_ptr().cast(), text.len()));
}

fn number(ctx: Ctx, number: i64) {
    api!(RedisModule_ReplyWithLongLong(ctx, number));
}

/// The six slots of FW.ADMIT.
unsafe extern "C" fn admit<const EFFECT: usize>(ctx: Ctx, args: Args, _count: c_int) -> c_int {
    let counted = count(ctx, args, EFFECT);
    api!(RedisModule_ReplyWithArray(ctx, 6));
    word(ctx, c"OK");
    text(ctx, "requests");
    number(ctx, 600);
    number(ctx, (counted % 600).cast_signed());
    number(ctx, 60_000);
    number(ctx, 0);
    0
}

/// The seven slots of FW.SPEND.
unsafe extern "C" fn spend(ctx: Ctx, args: Args, _count: c_int) -> c_int {
    count(ctx, args, SPEND);
    api!(RedisModule_ReplyWithArray(ctx, 7));
    word(ctx, c"OK");
    for slot in ["0.015", "unlimited", "0.01", "0", "all", "active"] {
        text(ctx, slot);
    }
    0
}

unsafe extern "C" fn free(value: *mut c_void) {
    // SAFETY: the server frees each value once.
    drop(unsafe { Box::from_raw(value.cast::<Block>()) });
}

unsafe extern "C" fn apply(ctx: Ctx, _args: Args, _count: c_int) -> c_int {
    word(ctx, c"OK");
    0
}

/// What the server calls when it loads the module.
///
/// # Safety
/// The server calls it, once, with a context that it made for that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn RedisModule_OnLoad(ctx: Ctx, _args: Args, _count: c_int) -> c_int {
    // SAFETY: the server's own context, in the call that is meant for it.
    unsafe { raw::Export_RedisModule_Init(ctx, c"stub".as_ptr(), 1, 1) };
    // SAFETY: plain figures and pointers, of which none is a valid value.
    let mut methods: raw::RedisModuleTypeMethods = unsafe { std::mem::zeroed() };
    methods.version = 2;
    methods.free = Some(free);
    let kind = api!(RedisModule_CreateDataType(ctx, c"stub-fwl1".as_ptr(), 0, &raw mut methods));
    // SAFETY: nothing else runs while the module loads.
    unsafe { KIND = kind };
    let commands: [(&CStr, raw::RedisModuleCmdFunc); 4] = [
        (c"STUB.ADMIT", Some(admit::<ADMIT>)),
        (c"STUB.HOLD", Some(admit::<HOLD>)),
        (c"STUB.SPEND", Some(spend)),
        (c"STUB.APPLY", Some(apply)),
    ];
    for (name, run) in commands {
        let flags: *const c_char = c"write fast".as_ptr();
        api!(RedisModule_CreateCommand(ctx, name.as_ptr(), run, flags, 1, 1, 1));
    }
    0
}
