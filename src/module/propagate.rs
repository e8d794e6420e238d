//! Propagation: effects to replicas and to the AOF, and from them.
//!
//! FW.APPLY and FW.LOAD are the server's own words: they are taken from the primary, the AOF and a
//! slot that migrates, and refused from everybody else.

use std::ffi::c_int;

use redis_module::raw;

use super::events;
use super::ffi::{Ctx, OK, Str, api, begin_change, bytes, newer, reply_error, warn};
use super::keys::Key;
use super::state::{self, State};
use crate::codec;
use crate::command::Access;
use crate::engine::effect::Effect;
use crate::engine::fits::fits;

/// Sends an effect on.
pub(super) fn send(ctx: Ctx, key: Str, effect: &[u8]) -> bool {
    let (command, format) = (c"FW.APPLY".as_ptr(), c"sb".as_ptr());
    let (start, length) = (effect.as_ptr(), effect.len());
    api!(RedisModule_Replicate(ctx, command, format, key, start, length)) == OK
}

/// FW.APPLY key effect
pub(super) fn apply_effect(ctx: Ctx, key: Str, effect: Str) -> c_int {
    receive(ctx, key, effect, |state, held, blob| {
        let effect = codec::effect::decode(blob).map_err(|damage| damage.0)?;
        fits(held.account(), &effect)?;
        begin_change();
        let cleared = held.apply(&effect, &state.hashing, || {})?;
        fault!("taken");
        state.counters.cleared(cleared);
        Ok(Some(effect))
    })
}

/// FW.LOAD key bytes
pub(super) fn load_account(ctx: Ctx, key: Str, blob: Str) -> c_int {
    receive(ctx, key, blob, |state, held, blob| {
        let account = codec::account::decode(blob, &state.hashing).map_err(|damage| damage.0)?;
        begin_change();
        let put = held.put(account);
        if put { Ok(None) } else { Err("the account cannot be put into its key") }
    })
}

fn receive(
    ctx: Ctx,
    name: Str,
    blob: Str,
    take: impl FnOnce(&mut State, &mut Key, &[u8]) -> Result<Option<Effect>, &'static str>,
) -> c_int {
    if !is_ours(ctx) {
        let line = "NOTALLOWED this command is the server's own; clients use FW.ADMIT and its kin";
        return reply_error(ctx, line);
    }
    let took = state::with(|state| {
        let kind = state.account_type;
        let held = Key::open(ctx, name, Access::Write, kind);
        fault!("received");
        let took = held.map_err(|_| "the key has another type").and_then(|mut held| {
            // SAFETY: the server keeps a command's arguments until the command ends.
            take(state, &mut held, unsafe { bytes(blob) })
        });
        match &took {
            Ok(_) => {
                state.counters.effects_applied = state.counters.effects_applied.saturating_add(1)
            }
            Err(_) => state.counters.diverged(),
        }
        took
    });
    match took.unwrap_or(Err("the module is busy")) {
        Ok(effect) => {
            api!(RedisModule_SignalModifiedKey(ctx, name));
            api!(RedisModule_ReplicateVerbatim(ctx));
            // What was loaded was told when it happened.
            if let Some(effect) = effect.filter(|effect| effect.events().next().is_some())
                && !has_flags(ctx, raw::REDISMODULE_CTX_FLAGS_LOADING)
            {
                events::send(ctx, name, effect.events());
            }
            api!(RedisModule_ReplyWithSimpleString(ctx, c"OK".as_ptr()))
        }
        Err(why) => {
            warn(ctx, &format!("divergence: an effect does not belong here: {why}"));
            reply_error(ctx, &format!("ERR the effect does not belong here: {why}"))
        }
    }
}

fn has_flags(ctx: Ctx, any: u32) -> bool {
    api!(RedisModule_GetContextFlags(ctx)).cast_unsigned() & any != 0
}

/// Holds if the caller is the primary, the AOF, or one whose word the server must take.
fn is_ours(ctx: Ctx) -> bool {
    let ours = raw::REDISMODULE_CTX_FLAGS_REPLICATED | raw::REDISMODULE_CTX_FLAGS_LOADING;
    if has_flags(ctx, ours) {
        return true;
    }
    if api!(RedisModule_GetClientId(ctx)) == u64::MAX {
        return true;
    }
    newer(c"RedisModule_MustObeyClient").is_some_and(|found| {
        // SAFETY: the server knows a function of this name, which has this form.
        let must_obey: unsafe extern "C" fn(Ctx) -> c_int = unsafe { std::mem::transmute(found) };
        // SAFETY: the context is the one of the command at hand.
        unsafe { must_obey(ctx) != 0 }
    })
}
