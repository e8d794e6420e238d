//! The clock: the server's, or one that tests move; and whether it jumped.

use std::time::Instant;

use redis_module::raw;

use super::ffi::api;
use crate::command::clock::Move;
use crate::engine::bounds::{CLOCK_STEP_MS, TEST_CLOCK_MS};
use crate::engine::time::Millis;

/// Where the time comes from.
#[derive(Default)]
pub(super) struct Clock {
    standing: Option<Millis>,
    /// The server's time and the monotonic clock when they were last compared.
    seen: Option<Reading>,
    /// How often it jumped.
    pub steps: u64,
}

/// Both clocks at one instant.
#[derive(Clone, Copy)]
struct Reading {
    wall: Millis,
    monotonic: Instant,
}

impl Reading {
    /// How much further the wall clock went than the monotonic one since `before`.
    fn drift(self, before: Self) -> Millis {
        let passed = self.monotonic.saturating_duration_since(before.monotonic).as_millis();
        let passed = i64::try_from(passed).unwrap_or(i64::MAX);
        self.wall.since(before.wall).since(Millis(passed))
    }
}

/// A jump of the clock against the monotonic one, in ms; negative if it went back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step(pub i64);

impl Clock {
    /// The time, read once for a command.
    pub(super) fn now(&self) -> Millis {
        self.standing.unwrap_or_else(server_time)
    }

    /// Moves the clock, or lets it run again, and tells whether that is a jump; `None`, and nothing
    /// moved, beyond its range.
    pub(super) fn set(&mut self, to: Move) -> Option<(Millis, Option<Step>)> {
        let before = self.now();
        let standing = match to {
            Move::To(time) => Some(time),
            Move::By(span) => Some(before.plus(span)),
            Move::Real => None,
        };
        if standing.is_some_and(|time| time > Millis(TEST_CLOCK_MS)) {
            return None;
        }
        self.standing = standing;
        // The server's clock is compared with itself alone.
        self.seen = None;
        let now = self.now();
        Some((now, self.count(now.since(before))))
    }

    /// Compares the server's time with the monotonic clock, and tells whether it jumped since the
    /// last time.
    pub(super) fn watch(&mut self) -> Option<Step> {
        if self.standing.is_some() {
            return None;
        }
        let now = Reading { wall: server_time(), monotonic: Instant::now() };
        let before = self.seen.replace(now)?;
        self.count(now.drift(before))
    }

    fn count(&mut self, jump: Millis) -> Option<Step> {
        let jumped = jump.0.unsigned_abs() > CLOCK_STEP_MS.unsigned_abs();
        self.steps = self.steps.saturating_add(u64::from(jumped));
        jumped.then_some(Step(jump.0))
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_jump_is_what_the_monotonic_clock_does_not_explain() {
        let before = Reading { wall: Millis(1_000_000), monotonic: Instant::now() };
        let after = |wall, passed| Reading {
            wall: Millis(wall),
            monotonic: before.monotonic + Duration::from_millis(passed),
        };
        // Both went on for an hour: the server was busy or asleep.
        assert_eq!(after(4_600_000, 3_600_000).drift(before), Millis(0));
        assert_eq!(after(1_060_101, 100).drift(before), Millis(60_001));
        assert_eq!(after(900_000, 100).drift(before), Millis(-100_100));
    }

    #[test]
    fn more_than_a_minute_in_either_direction_is_counted() {
        let mut clock = Clock::default();
        assert_eq!(clock.count(Millis(60_000)), None);
        assert_eq!(clock.count(Millis(-60_000)), None);
        assert_eq!(clock.count(Millis(60_001)), Some(Step(60_001)));
        assert_eq!(clock.count(Millis(-60_001)), Some(Step(-60_001)));
        assert_eq!(clock.steps, 2);
    }
}
