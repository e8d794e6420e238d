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
#[derive(Clone, Copy)]
pub struct Asks<'a> {
    /// Requests.
    pub requests: Units,
    /// Tokens, if it says how many.
    pub tokens: Option<Units>,
    /// The scope whose windows apply too.
    pub scope: Option<&'a Scope>,
}

/// Whose window it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The account's own.
    Account,
    /// That of the scope.
    Scope,
}

/// A rate window that limits a request.
#[derive(Clone, Copy)]
struct Gauge<'a> {
    meter: Meter,
    whose: Whose,
    limit: Units,
    used: Units,
    window: &'a Window,
}

/// All of them.
pub struct Gauges<'a> {
    asks: Asks<'a>,
    now: Millis,
    requests: Option<Gauge<'a>>,
    requests_in_scope: Option<Gauge<'a>>,
    tokens: Option<Gauge<'a>>,
    tokens_in_scope: Option<Gauge<'a>>,
}

/// Whether windows are shown before or after the request took what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// As they are now.
    Before,
    /// As they are then.
    After,
}

impl<'a> Gauges<'a> {
    /// Those of a request.
    #[inline(always)]
    pub fn of(asks: Asks<'a>, present: &Present<'a>) -> Self {
        let scoped = |meter| {
            let name = LimitName::Scoped(meter, asks.scope?.clone());
            Gauge::of(meter, Whose::Scope, &name, present)
        };
        let mut gauges = Self {
            asks,
            now: present.now,
            requests: Gauge::of(Meter::Requests, Whose::Account, &LimitName::Requests, present),
            requests_in_scope: scoped(Meter::Requests),
            tokens: None,
            tokens_in_scope: None,
        };
        if asks.tokens.is_some() {
            gauges.tokens = Gauge::of(Meter::Tokens, Whose::Account, &LimitName::Tokens, present);
            gauges.tokens_in_scope = scoped(Meter::Tokens);
        }
        gauges
    }

    /// The first limit that is less than the request asks for.
    #[inline(always)]
    pub fn too_large(&self) -> Option<LimitName> {
        let gauge = self.all().find(|gauge| self.asks(gauge.meter) > gauge.limit)?;
        Some(self.name(gauge))
    }

    /// The first of the longest waits until a window has room, if one has none.
    #[inline(always)]
    pub fn longest_wait(&self) -> Option<(LimitName, Retry)> {
        let mut longest: Option<(&Gauge<'a>, Millis)> = None;
        for gauge in self.all() {
            if let Some(wait) = gauge.wait(self.asks(gauge.meter), self.now)
                && longest.is_none_or(|(_, known)| wait > known)
            {
                longest = Some((gauge, wait));
            }
        }
        longest.map(|(gauge, wait)| (self.name(gauge), Retry::After(wait)))
    }

    /// The time until a window has room, if it has none and is one of these.
    pub fn wait(&self, name: &LimitName) -> Option<Millis> {
        let gauge = self.all().find(|gauge| self.name(gauge) == *name)?;
        gauge.wait(self.asks(gauge.meter), self.now)
    }

    /// What the request takes from a window.
    #[inline(always)]
    pub fn taken(&self, meter: Meter, whose: Whose) -> Units {
        self.gauge(meter, whose).map_or(Units::ZERO, |gauge| self.asks(gauge.meter))
    }

    /// The limited window with the fewest remaining, the scope's on a tie.
    #[inline(always)]
    pub fn tightest(&self, meter: Meter, when: When) -> (LimitName, Shown) {
        let asks = self.asks(meter);
        let remaining = |gauge: &Gauge<'a>| gauge.remaining(asks, when);
        let tightest = match (self.gauge(meter, Whose::Account), self.gauge(meter, Whose::Scope)) {
            (Some(own), Some(scoped)) if remaining(own) < remaining(scoped) => own,
            (_, Some(scoped)) => scoped,
            (Some(own), None) => own,
            (None, None) => return (LimitName::of(meter), Shown::UNLIMITED),
        };
        (self.name(tightest), tightest.shown(asks, when, self.now))
    }

    /// In the order in which they are named.
    #[inline(always)]
    fn all(&self) -> impl Iterator<Item = &Gauge<'a>> {
        let (requests, tokens) = (&self.requests, &self.tokens);
        [requests, &self.requests_in_scope, tokens, &self.tokens_in_scope].into_iter().flatten()
    }

    #[inline(always)]
    fn gauge(&self, meter: Meter, whose: Whose) -> Option<&Gauge<'a>> {
        let gauge = match (meter, whose) {
            (Meter::Requests, Whose::Account) => &self.requests,
            (Meter::Requests, Whose::Scope) => &self.requests_in_scope,
            (Meter::Tokens, Whose::Account) => &self.tokens,
            (Meter::Tokens, Whose::Scope) => &self.tokens_in_scope,
        };
        gauge.as_ref()
    }

    #[inline(always)]
    fn asks(&self, meter: Meter) -> Units {
        match meter {
            Meter::Requests => self.asks.requests,
            Meter::Tokens => self.asks.tokens.unwrap_or_default(),
        }
    }

    #[inline(always)]
    fn name(&self, gauge: &Gauge<'_>) -> LimitName {
        match (gauge.whose, self.asks.scope) {
            (Whose::Scope, Some(scope)) => LimitName::Scoped(gauge.meter, scope.clone()),
            _ => LimitName::of(gauge.meter),
        }
    }
}

impl<'a> Gauge<'a> {
    /// The gauge of a window, if it is limited.
    #[inline(always)]
    fn of(meter: Meter, whose: Whose, name: &LimitName, present: &Present<'a>) -> Option<Self> {
        let Limit::At(limit) = present.in_force(name).limit else { return None };
        let window = present.account.window(name).unwrap_or(&Window::NONE);
        Some(Self { meter, whose, limit, used: window.used(present.now), window })
    }

    #[inline(always)]
    fn remaining(&self, asks: Units, when: When) -> Units {
        let left = self.limit.minus(self.used);
        if when == When::After { left.minus(asks) } else { left }
    }

    #[inline(always)]
    fn shown(&self, asks: Units, when: When, now: Millis) -> Shown {
        let takes = when == When::After && !asks.is_zero();
        let reset = if takes { SPAN } else { self.window.reset(now) };
        let remaining = Limit::At(self.remaining(asks, when));
        Shown { limit: Limit::At(self.limit), remaining, reset }
    }

    /// The time until the window has room, if it has none.
    #[inline(always)]
    fn wait(&self, asks: Units, now: Millis) -> Option<Millis> {
        if asks.is_zero() || Limit::At(self.limit).fits(self.used, asks) {
            return None;
        }
        let lacking = self.used.minus(self.limit.minus(asks));
        self.window.frees(lacking, now)
    }
}
