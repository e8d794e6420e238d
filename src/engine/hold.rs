//! One hold: money and tokens set aside for a request that runs.
//!
//! A hold is open until it is settled or voided, or lapses. What most holds lack (a partial charge,
//! tokens, a scope) lies behind one pointer. When it is now, and what it costs, is not known here.
//! Invariants: the reservation of tokens is never below what was reported of them; an open hold has
//! no more time left than its own time to live.

use super::id::Scope;
use super::limit::Units;
use super::money::Money;
use super::time::Millis;

/// Money set aside under an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// What was set aside at first.
    pub amount: Money,
    /// When it was admitted.
    pub admitted: Millis,
    /// The instant at which it lapses, or lapsed.
    pub lapses: Millis,
    /// Its time to live in ms, at most a day.
    ttl: u32,
    details: Option<Box<Details>>,
}

/// What only some holds have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Charged so far.
    pub charged: Money,
    /// Tokens reserved.
    pub tokens: Units,
    /// The largest count of tokens reported so far.
    pub reported: Units,
    /// The scope it was admitted in.
    pub scope: Option<Scope>,
    /// Whether the account's tokens window counted its admission.
    pub counted: bool,
    /// Whether the scope's tokens window counted its admission.
    pub counted_in_scope: bool,
}

impl Hold {
    /// A hold admitted at `now`.
    #[must_use]
    pub fn new(amount: Money, ttl: Millis, now: Millis) -> Self {
        Self { amount, admitted: now, lapses: now, ttl: 0, details: None }.renewed(ttl, now)
    }

    /// The same hold with other details.
    #[must_use]
    pub fn detailed(self, details: Details) -> Self {
        let details = (details != Details::default()).then(|| Box::new(details));
        Self { details, ..self }
    }

    /// What only some holds have.
    #[must_use]
    pub fn details(&self) -> Details {
        self.details.as_deref().cloned().unwrap_or_default()
    }

    /// The scope it was admitted in.
    #[must_use]
    pub fn scope(&self) -> Option<&Scope> {
        self.details.as_deref()?.scope.as_ref()
    }

    /// Charged so far.
    #[must_use]
    pub fn charged(&self) -> Money {
        self.details.as_deref().map_or(Money::ZERO, |details| details.charged)
    }

    /// What it still sets aside, while it is open.
    #[must_use]
    pub fn held(&self) -> Money {
        self.amount.minus(self.charged())
    }

    /// Its time to live: from its admission, and from each time it starts anew.
    #[must_use]
    pub fn ttl(&self) -> Millis {
        Millis(i64::from(self.ttl))
    }

    /// The same hold with its time started anew at `now`.
    #[must_use]
    pub fn renewed(self, ttl: Millis, now: Millis) -> Self {
        Self { lapses: now.plus(ttl), ttl: u32::try_from(ttl.0).unwrap_or(u32::MAX), ..self }
    }

    /// The hold as it is when the clock has gone back to `now`: if it had lapsed by `lapsed`, it
    /// lapsed no later than now; else it has no more left than its own time. Windows start empty,
    /// so none counts it any longer.
    #[must_use]
    pub fn rewound(self, lapsed: Millis, now: Millis) -> Self {
        let latest = if self.lapses <= lapsed { now } else { now.plus(self.ttl()) };
        let details = Details { counted: false, counted_in_scope: false, ..self.details() };
        let (admitted, lapses) = (self.admitted.min(now), self.lapses.min(latest));
        Self { admitted, lapses, ..self }.detailed(details)
    }

    /// The tokens window of this scope is gone: it counts the hold no longer.
    pub fn leave_window_of(&mut self, scope: &Scope) {
        if let Some(details) = &mut self.details
            && details.scope.as_ref() == Some(scope)
        {
            details.counted_in_scope = false;
        }
    }

    /// Memory it takes beyond its own size, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let scope = self.scope().map_or(0, Scope::heap_bytes);
        self.details.as_ref().map_or(0, |_| size_of::<Details>().saturating_add(scope))
    }

    /// Checks a hold of an account that was last changed at `latest`.
    ///
    /// # Errors
    /// Says, in a few words, what does not hold.
    pub fn check(&self, latest: Millis) -> Result<(), &'static str> {
        let ttl = self.ttl();
        if ttl < Millis(1) || ttl > Millis(super::bounds::HOLD_TTL_MS) {
            return Err("a hold's time to live is out of range");
        }
        let times = self.admitted >= Millis::ZERO && self.lapses >= Millis::ZERO;
        if !times || self.admitted > latest || self.lapses > latest.plus(ttl) {
            return Err("a hold's times are out of range");
        }
        match self.details.as_deref() {
            Some(details) if *details == Details::default() => Err("empty details are stored"),
            Some(details) if details.reported > details.tokens => {
                Err("a hold reserves fewer tokens than were reported")
            }
            _ => Ok(()),
        }
    }
}
