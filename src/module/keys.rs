//! Keys: an account's key, open for one command, and closed when dropped.

use std::ffi::{c_int, c_void};

use redis_module::raw;

use super::ahead;
use super::ffi::{Ctx, OK, Str, api};
use super::stored;
use crate::command::Access;
use crate::engine::account::Account;
use crate::engine::apply::{self, Cleared};
use crate::engine::effect::Effect;
use crate::engine::index::Hashing;

/// A key that holds an account, or nothing.
pub(super) struct Key {
    /// The command it is open for.
    pub ctx: Ctx,
    /// What it is called.
    pub name: Str,
    raw: *mut raw::RedisModuleKey,
    kind: *mut raw::RedisModuleType,
    account: *mut c_void,
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
        let mut key = Self { ctx, name, raw, kind, account: std::ptr::null_mut() };
        if raw.is_null() {
            return Ok(key);
        }
        if api!(RedisModule_ModuleTypeGetType(raw)) == kind {
            key.account = api!(RedisModule_ModuleTypeGetValue(raw));
            ahead::figures(key.account);
            return Ok(key);
        }
        let empty: c_int = api!(RedisModule_KeyType(raw));
        if empty == 0 { Ok(key) } else { Err(WrongType) }
    }

    /// Has the account's holds fetched, which a command will look at.
    #[inline(always)]
    pub(super) fn fetch_holds(&self) {
        ahead::holds(self.account);
    }

    /// The account, if there is one.
    #[inline(always)]
    pub(super) fn account(&self) -> Option<&Account> {
        if self.account.is_null() {
            return None;
        }
        // SAFETY: a value of our type is a live account while its key is open, and the commands'
        // thread is the only one that reaches it.
        Some(unsafe { stored::seen(self.account) })
    }

    /// Makes an effect so, and has it sent on: first, so that what the account leads to comes meanwhile. On
    /// an account that stands nothing can fail after that. One is created before, because the server may
    /// refuse it.
    #[inline(always)]
    pub(super) fn apply(
        &mut self,
        effect: &Effect,
        hashing: &Hashing,
        send: impl FnOnce(),
    ) -> Result<Cleared, &'static str> {
        if self.account.is_null() {
            let made = apply::create(effect, hashing).ok_or("the effect creates no account")?;
            if !self.put(made) {
                return Err("the server did not take the new account");
            }
            send();
            return Ok(Cleared::default());
        }
        send();
        let change = |account: &mut _| apply::apply(account, effect, hashing);
        // SAFETY: a value of our type is a live account while its key is open; the borrow of the key
        // makes it the only one.
        let (cleared, address) = unsafe { stored::changed(self.account, change) };
        if address != self.account {
            self.moved_to(address);
        }
        Ok(cleared)
    }

    /// Tells the server that the account has grown or shrunk, and lies elsewhere now.
    fn moved_to(&mut self, address: *mut c_void) {
        let former = std::ptr::null_mut();
        if api!(RedisModule_ModuleTypeReplaceValue(self.raw, self.kind, address, former)) != OK {
            // It is open for a change, and its type was seen: the server has no reason left. What it
            // still points to is gone.
            std::process::abort();
        }
        self.account = address;
    }

    /// Puts an account into the key, and tells whether the server took it.
    pub(super) fn put(&mut self, account: Box<Account>) -> bool {
        let address = stored::handed_over(account);
        if api!(RedisModule_ModuleTypeSetValue(self.raw, self.kind, address)) == OK {
            self.account = address;
            return true;
        }
        // SAFETY: the server did not take it, so it is still ours.
        drop(unsafe { stored::taken_back(address) });
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
