//! The clock: the server's, or one that tests move.

use redis_module::raw;

use super::ffi::api;
use crate::command::clock::Move;
use crate::engine::bounds::TEST_CLOCK_MS;
use crate::engine::time::Millis;

/// Where the time comes from.
#[derive(Default)]
pub(super) struct Clock {
    standing: Option<Millis>,
}

impl Clock {
    /// The time, read once for a command.
    pub(super) fn now(&self) -> Millis {
        self.standing.unwrap_or_else(server_time)
    }

    /// Moves the clock, or lets it run again; `None`, and nothing moved, beyond its range.
    pub(super) fn set(&mut self, to: Move) -> Option<i64> {
        let standing = match to {
            Move::To(time) => Some(time),
            Move::By(span) => Some(self.now().plus(span)),
            Move::Real => None,
        };
        if standing.is_some_and(|time| time > Millis(TEST_CLOCK_MS)) {
            return None;
        }
        self.standing = standing;
        Some(self.now().0)
    }
}

fn server_time() -> Millis {
    // SAFETY: a plain read of a pointer that is written once, at loading.
    match unsafe { raw::RedisModule_CachedMicroseconds } {
        // SAFETY: the server has the function, and it takes nothing.
        Some(cached) => Millis::clock(unsafe { cached() }.wrapping_div(1_000)),
        None => Millis::clock(api!(RedisModule_Milliseconds())),
    }
}
