//! What the module keeps between commands.
//!
//! The server runs commands, settings and loading on one thread at a time, under its own lock.

use std::cell::RefCell;

use redis_module::raw;

use super::clock::Clock;
use super::ffi::MainThread;
use super::telemetry::Counters;
use super::warnings::WARNINGS;
use crate::command::setting::{SETTINGS, Settings};
use crate::engine::index::Hashing;

/// All that the module keeps.
pub(super) struct State {
    pub settings: Settings,
    /// The strings last shown by CONFIG GET, which the server does not free.
    pub shown: [*mut raw::RedisModuleString; SETTINGS.len()],
    pub clock: Clock,
    pub counters: Counters,
    /// Which of the warnings hold.
    pub warnings: [bool; WARNINGS.len()],
    pub hashing: Hashing,
    pub account_type: *mut raw::RedisModuleType,
    /// Room for the bytes of an effect, kept so that the hot path allocates nothing.
    pub scratch: Vec<u8>,
}

static STATE: MainThread<Option<State>> = MainThread(RefCell::new(None));

/// Begins with the defaults and a seed of this process's own.
pub(super) fn begin() {
    use std::hash::BuildHasher;
    let random = std::collections::hash_map::RandomState::new();
    let seed = |n: u64| random.hash_one(n);
    *STATE.0.borrow_mut() = Some(State {
        settings: Settings::default(),
        shown: [std::ptr::null_mut(); SETTINGS.len()],
        clock: Clock::default(),
        counters: Counters::default(),
        warnings: Default::default(),
        hashing: Hashing::with_seeds([seed(1), seed(2), seed(3), seed(4)]),
        account_type: std::ptr::null_mut(),
        scratch: Vec::new(),
    });
}

/// Lends the state; `None` if it is lent already or the module has not begun.
pub(super) fn with<T>(body: impl FnOnce(&mut State) -> T) -> Option<T> {
    let mut state = STATE.0.try_borrow_mut().ok()?;
    state.as_mut().map(body)
}
