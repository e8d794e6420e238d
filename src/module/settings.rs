//! Settings: fw.* in redis.conf, MODULE LOADEX and CONFIG SET.
//!
//! Each setting of the table is one string setting of the server. What it means is the command
//! floor's to say.

use std::ffi::{c_char, c_int, c_void};

use super::ffi::{Ctx, ERR, OK, Str, api, bytes, c_text, guarded};
use super::state;
use crate::command::setting::{Change, SETTINGS, Settings};
use redis_module::raw;

/// Registers every setting, and reads what redis.conf says of them.
pub(super) fn register(ctx: Ctx) -> Result<(), String> {
    for (at, setting) in SETTINGS.iter().enumerate() {
        let flags = match setting.change {
            Change::Anytime => raw::REDISMODULE_CONFIG_DEFAULT,
            Change::AtStart => raw::REDISMODULE_CONFIG_IMMUTABLE,
        };
        let name = c_text(setting.name);
        let default = c_text(&(setting.show)(&Settings::default()));
        let place = std::ptr::without_provenance_mut::<c_void>(at);
        let registered = api!(RedisModule_RegisterStringConfig(
            ctx,
            name.as_ptr(),
            default.as_ptr(),
            flags,
            Some(show),
            Some(set),
            None,
            place
        ));
        if registered != OK {
            return Err(format!("the server does not take the setting fw.{}", setting.name));
        }
    }
    if api!(RedisModule_LoadConfigs(ctx)) == OK {
        Ok(())
    } else {
        Err("a fw.* setting has a bad value; the lines above name it".to_owned())
    }
}

unsafe extern "C" fn show(_name: *const c_char, place: *mut c_void) -> Str {
    let body = || {
        fault!("show");
        state::with(|state| {
            let at = place.addr();
            let text = SETTINGS.get(at).map(|setting| (setting.show)(&state.settings))?;
            let shown = state.shown.get_mut(at)?;
            if !shown.is_null() {
                api!(RedisModule_FreeString(std::ptr::null_mut(), *shown));
            }
            *shown = text_of(&text);
            Some(*shown)
        })
        .flatten()
        .unwrap_or(std::ptr::null_mut())
    };
    guarded(body).unwrap_or(std::ptr::null_mut())
}

unsafe extern "C" fn set(
    _name: *const c_char,
    value: Str,
    place: *mut c_void,
    error: *mut Str,
) -> c_int {
    let body = || {
        fault!("set");
        // SAFETY: the server lends the value for the call.
        let value = unsafe { bytes(value) };
        let set = state::with(|state| match SETTINGS.get(place.addr()) {
            Some(setting) => (setting.set)(&mut state.settings, value),
            None => Err("is unknown"),
        });
        match set.unwrap_or(Err("cannot be set at this moment")) {
            Ok(()) => OK,
            Err(rule) => {
                if !error.is_null() {
                    // SAFETY: the server lends the place, and frees what is put there.
                    unsafe { *error = text_of(rule) };
                }
                ERR
            }
        }
    };
    guarded(body).unwrap_or(ERR)
}

fn text_of(text: &str) -> Str {
    api!(RedisModule_CreateString(std::ptr::null_mut(), text.as_ptr().cast(), text.len()))
}
