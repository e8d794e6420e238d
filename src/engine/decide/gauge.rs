//! Gauges: the rate windows that limit a request, and how much of each it asks for.
//!
//! At most four apply: of requests and of tokens, of the account and of a scope. A window without a
//! limit is none: it never denies and counts nothing.

use super::present::Present;
use crate::engine::id::Scope;
use crate::engine::limit::{Limit, LimitName, Meter, Units};
use crate::engine::slot::SPAN;
use crate::engine::time::Millis;
use crate::engine::verdict::{Retry, Shown};
use crate::engine::window::Window;

/// What a request asks of rate windows.
pub struct Asks<'a> {
    /// Requests.
    pub requests: Units,
    /// Tokens, if it says how many.
    pub tokens: Option<Units>,
    /// The scope whose windows apply too.
    pub scope: Option<&'a Scope>,
}

/// A rate window that limits a request.
#[derive(Clone)]
struct Gauge<'a> {
    name: LimitName,
    limit: Units,
    asks: Units,
    used: Units,
    reset: Millis,
    window: Option<&'a Window>,
}

/// All of them, in the order in which they are named: requests, those of the scope, tokens, those of
/// the scope.
pub struct Gauges<'a>([Option<Gauge<'a>>; 4]);

impl<'a> Gauges<'a> {
    /// Those of a request.
    pub fn of(asks: &Asks<'_>, present: &Present<'a>) -> Self {
        let scoped = |meter, units| {
            let scope = asks.scope?.clone();
            Gauge::of(LimitName::Scoped(meter, scope), units, present)
        };
        let (requests, tokens) = (asks.requests, asks.tokens);
        Self([
            Gauge::of(LimitName::Requests, requests, present),
            scoped(Meter::Requests, requests),
            tokens.and_then(|tokens| Gauge::of(LimitName::Tokens, tokens, present)),
            tokens.and_then(|tokens| scoped(Meter::Tokens, tokens)),
        ])
    }

    /// The same after the request took what it asks for.
    pub fn after(&self) -> Self {
        Self(self.0.each_ref().map(|gauge| gauge.as_ref().map(Gauge::after)))
    }

    /// The first limit that is less than the request asks for.
    pub fn too_large(&self) -> Option<&LimitName> {
        let mut gauges = self.0.iter().flatten();
        gauges.find(|gauge| gauge.asks > gauge.limit).map(|gauge| &gauge.name)
    }

    /// The first of the longest waits until a window has room, if one has none.
    pub fn longest_wait(&self, now: Millis) -> Option<(&LimitName, Retry)> {
        let mut longest: Option<(&LimitName, Millis)> = None;
        for gauge in self.0.iter().flatten() {
            if let Some(wait) = gauge.wait(now)
                && longest.is_none_or(|(_, known)| wait > known)
            {
                longest = Some((&gauge.name, wait));
            }
        }
        longest.map(|(name, wait)| (name, Retry::After(wait)))
    }

    /// What the request takes from the account's own window (0) or the scope's (1).
    pub fn taken(&self, meter: Meter, place: usize) -> Units {
        let gauge = self.of_meter(meter).get(place).and_then(Option::as_ref);
        gauge.map_or(Units::ZERO, |gauge| gauge.asks)
    }

    /// The limited window with the fewest remaining, the scope's on a tie.
    pub fn tightest(&self, meter: Meter) -> (Option<&LimitName>, Shown) {
        let gauges = self.of_meter(meter).iter().flatten();
        // Of equals the first one is taken: the scope's.
        match gauges.rev().min_by_key(|gauge| gauge.remaining()) {
            Some(gauge) => (Some(&gauge.name), gauge.shown()),
            None => (None, Shown::UNLIMITED),
        }
    }

    fn of_meter(&self, meter: Meter) -> &[Option<Gauge<'a>>] {
        let (requests, tokens) = self.0.split_at(2);
        match meter {
            Meter::Requests => requests,
            Meter::Tokens => tokens,
        }
    }
}

impl<'a> Gauge<'a> {
    /// The gauge of a window, if it is limited.
    fn of(name: LimitName, asks: Units, present: &Present<'a>) -> Option<Self> {
        let Limit::At(limit) = present.in_force(&name).limit else { return None };
        let window = present.account.window(&name);
        let used = window.map_or(Units::ZERO, |window| window.used(present.now));
        let reset = window.map_or(Millis::ZERO, |window| window.reset(present.now));
        Some(Self { name, limit, asks, used, reset, window })
    }

    fn after(&self) -> Self {
        if self.asks.is_zero() {
            return self.clone();
        }
        // It fits the limit, so the sum fits.
        let used = self.used.plus(self.asks).unwrap_or(self.limit);
        Self { used, reset: SPAN, ..self.clone() }
    }

    fn remaining(&self) -> Units {
        self.limit.minus(self.used)
    }

    fn shown(&self) -> Shown {
        let remaining = Limit::At(self.remaining());
        Shown { limit: Limit::At(self.limit), remaining, reset: self.reset }
    }

    /// The time until the window has room, if it has none.
    fn wait(&self, now: Millis) -> Option<Millis> {
        if self.asks.is_zero() || Limit::At(self.limit).fits(self.used, self.asks) {
            return None;
        }
        let lacking = self.used.minus(self.limit.minus(self.asks));
        self.window.and_then(|window| window.frees(lacking, now))
    }
}
