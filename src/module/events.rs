//! Events: keyspace notifications of an account's key, sent wherever an effect is applied.
//!
//! What there is to tell was decided with the effect, so a replica tells what its primary told. An
//! AOF that is loaded tells nothing again. The key is closed by then: who is told may open it.

use std::ffi::CStr;

use redis_module::raw;

use super::ffi::{Ctx, Str, api};
use crate::engine::effect::Effect;
use crate::engine::log::Event;

/// Tells whoever listens to the key what an effect did to its account.
pub(super) fn send(ctx: Ctx, key: Str, effect: &Effect) {
    for name in effect.events().filter_map(name) {
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
