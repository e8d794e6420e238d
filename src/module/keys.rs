//! Keys: an account's key, open for one command, and closed when dropped.

use std::ffi::c_int;

use redis_module::raw;

use super::ahead;
use super::ffi::{Ctx, OK, Str, api};
use super::state::State;
use crate::command::Access;
use crate::engine::account::Account;
use crate::engine::apply::{self, Cleared};
use crate::engine::effect::Effect;

/// A key that holds an account, or nothing.
pub(super) struct Key {
    /// The command it is open for.
    pub ctx: Ctx,
    /// What it is called.
    pub name: Str,
    raw: *mut raw::RedisModuleKey,
    account: *mut Account,
}

/// The key holds a value of another type.
pub(super) struct WrongType;

impl Key {
    /// Opens a key.
    pub(super) fn open(
        ctx: Ctx,
        name: Str,
        access: Access,
        kind: *mut raw::RedisModuleType,
    ) -> Result<Self, WrongType> {
        let mode = match access {
            Access::Read | Access::ReadRows => raw::REDISMODULE_READ,
            Access::Write => raw::REDISMODULE_READ | raw::REDISMODULE_WRITE,
        };
        let raw = api!(RedisModule_OpenKey(ctx, name, mode.cast_signed()));
        let mut key = Self { ctx, name, raw, account: std::ptr::null_mut() };
        if raw.is_null() {
            return Ok(key);
        }
        if api!(RedisModule_ModuleTypeGetType(raw)) == kind {
            key.account = api!(RedisModule_ModuleTypeGetValue(raw)).cast();
            ahead::account(key.account);
            return Ok(key);
        }
        let empty: c_int = api!(RedisModule_KeyType(raw));
        if empty == 0 { Ok(key) } else { Err(WrongType) }
    }

    /// The account, if there is one.
    pub(super) fn account(&self) -> Option<&Account> {
        // SAFETY: a value of our type is a live account while its key is open, and the commands'
        // thread is the only one that reaches it.
        unsafe { self.account.as_ref() }
    }

    /// Makes an effect so: on the account, or by creating it.
    pub(super) fn apply(
        &mut self,
        effect: &Effect,
        state: &State,
    ) -> Result<Cleared, &'static str> {
        // SAFETY: as above; the borrow of the key makes it the only one.
        if let Some(account) = unsafe { self.account.as_mut() } {
            return Ok(apply::apply(account, effect, &state.hashing));
        }
        let made = apply::create(effect, &state.hashing).ok_or("the effect creates no account")?;
        let taken = self.put(made, state.account_type);
        if taken { Ok(Cleared::default()) } else { Err("the server did not take the new account") }
    }

    /// Puts an account into the key, and tells whether the server took it.
    pub(super) fn put(&mut self, account: Account, kind: *mut raw::RedisModuleType) -> bool {
        let account = Box::into_raw(Box::new(account));
        if api!(RedisModule_ModuleTypeSetValue(self.raw, kind, account.cast())) == OK {
            self.account = account;
            return true;
        }
        // SAFETY: the server did not take it, so it is still ours.
        drop(unsafe { Box::from_raw(account) });
        false
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        if !self.raw.is_null() {
            api!(RedisModule_CloseKey(self.raw));
        }
    }
}
