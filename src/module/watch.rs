//! Watches what the module stands on: the wall clock and the server's settings.
//!
//! The wall clock is compared with the monotonic one at the server's cron, so no command pays for
//! it. Settings are read when the module loads and whenever one is changed. No account depends on
//! either: steps and unsafe settings are logged and shown in INFO.

use std::ffi::{CStr, c_void};

use redis_module::raw;

use super::clock::Step;
use super::ffi::{Ctx, api, guarded, newer, warn};
use super::prepared;
use super::state;
use super::warnings::{Server, WARNINGS};

/// Versions are written as 0x00MMmmpp.
const MAJOR: u32 = 16;

/// Begins to watch. A server that does not tell of its cron or its settings is watched less.
pub(super) fn begin(ctx: Ctx) {
    type Callback = unsafe extern "C" fn(Ctx, raw::RedisModuleEvent, u64, *mut c_void);
    let subscribe = |id, callback: Callback| {
        let event = raw::RedisModuleEvent { id, dataver: 1 };
        api!(RedisModule_SubscribeToServerEvent(ctx, event, Some(callback)));
    };
    subscribe(raw::REDISMODULE_EVENT_CRON_LOOP, on_cron);
    subscribe(raw::REDISMODULE_EVENT_CONFIG, on_config);
    see_settings(ctx);
}

unsafe extern "C" fn on_cron(ctx: Ctx, _: raw::RedisModuleEvent, _: u64, _: *mut c_void) {
    let body = || {
        fault!("cron");
        if let Some(Some(step)) = state::with(|state| state.clock.watch()) {
            log_step(ctx, step);
        }
    };
    guarded(body);
}

unsafe extern "C" fn on_config(ctx: Ctx, _: raw::RedisModuleEvent, _: u64, _: *mut c_void) {
    guarded(|| see_settings(ctx));
}

/// Does what depends on settings.
fn see_settings(ctx: Ctx) {
    warn_of_settings(ctx);
    if let Some(figures) = state::with(|state| prepared::Figures::of(&state.settings.policy)) {
        prepared::prepare(ctx, figures);
    }
}

/// Tells the log of a clock that jumped.
pub(super) fn log_step(ctx: Ctx, Step(ms): Step) {
    let (span, way) = (ms.unsigned_abs(), if ms < 0 { "back" } else { "forward" });
    warn(ctx, &format!("the clock jumped {way} by {span} ms"));
}

/// Sees which settings are unsafe now, and logs those that were not before.
fn warn_of_settings(ctx: Ctx) {
    fault!("config");
    let setting = |name| setting(ctx, name).unwrap_or_default();
    let server = Server {
        eviction: setting(c"maxmemory-policy"),
        aof: setting(c"appendonly"),
        fsync: setting(c"appendfsync"),
        no_fsync_on_rewrite: setting(c"no-appendfsync-on-rewrite"),
        io_threads: setting(c"io-threads"),
        redis: redis_version(),
    };
    let now = server.warnings();
    let before = state::with(|state| std::mem::replace(&mut state.warnings, now)).unwrap_or(now);
    for ((warning, now), before) in WARNINGS.iter().zip(now).zip(before) {
        if now && !before {
            warn(ctx, warning.text);
        }
    }
}

/// A setting of the server, if it says it.
fn setting(ctx: Ctx, name: &CStr) -> Option<Vec<u8>> {
    let (command, words) = (c"CONFIG".as_ptr(), c"cc".as_ptr());
    let reply = api!(RedisModule_Call(ctx, command, words, c"GET".as_ptr(), name.as_ptr()));
    if reply.is_null() {
        return None;
    }
    let value = api!(RedisModule_CallReplyArrayElement(reply, 1));
    let mut bytes = None;
    if !value.is_null() {
        let mut length = 0_usize;
        let start = api!(RedisModule_CallReplyStringPtr(value, &raw mut length));
        if !start.is_null() {
            // SAFETY: the server says that so many bytes lie there, until the reply is freed.
            bytes =
                Some(unsafe { std::slice::from_raw_parts(start.cast::<u8>(), length) }.to_vec());
        }
    }
    api!(RedisModule_FreeCallReply(reply));
    bytes
}

/// The major version of Redis; 0 if it is Valkey, or does not say.
fn redis_version() -> i32 {
    // Valkey has each function under both names.
    if newer(c"ValkeyModule_GetServerVersion").is_some() {
        return 0;
    }
    let Some(found) = newer(c"RedisModule_GetServerVersion") else { return 0 };
    // SAFETY: the server knows a function of this name, which has this form.
    let version: unsafe extern "C" fn() -> i32 = unsafe { std::mem::transmute(found) };
    // SAFETY: it takes nothing.
    unsafe { version() }.wrapping_shr(MAJOR)
}
