//! Events: keyspace notifications of an account's key, sent wherever an effect is applied.
//!
//! What there is to tell was decided with the effect, so a replica tells what its primary told. An
//! AOF that is loaded tells nothing again. The command is over by then: who is told may run another.

use std::ffi::CStr;

use redis_module::raw;

use super::ffi::{Ctx, Str, api};
use crate::engine::log::Event;

/// Tells whoever listens to the key what happened to its account.
pub(super) fn send(ctx: Ctx, key: Str, told: impl IntoIterator<Item = Event>) {
    for name in told.into_iter().filter_map(name) {
        api!(RedisModule_NotifyKeyspaceEvent(
            ctx,
            raw::REDISMODULE_NOTIFY_MODULE,
            name.as_ptr(),
            key
        ));
    }
}

const fn name(event: Event) -> Option<&'static CStr> {
    match event {
        Event::Created => Some(c"fw.created"),
        Event::Suspended => Some(c"fw.suspended"),
        Event::Resumed => Some(c"fw.resumed"),
        Event::Tier => Some(c"fw.tier"),
        Event::Threshold => Some(c"fw.threshold"),
        Event::Remains | Event::Limit => None,
    }
}
