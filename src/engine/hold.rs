//! One hold: money and tokens set aside for a request that runs.
//!
//! A hold is open until it is settled or voided, or lapses. What most holds lack (a partial charge,
//! tokens, a scope, time started anew) lies behind one pointer. When it is now, and what it costs,
//! is not known here.
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
    /// The instant at which it lapses, or lapsed.
    pub lapses: Millis,
    rest: Option<Box<Rest>>,
    /// Its time to live in ms, at most a day.
    ttl: u32,
}

/// What cannot be told from the other figures. Absent where they tell it: a hold that was never
/// changed was admitted its time to live before it lapses.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rest {
    admitted: Millis,
    details: Details,
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
        Self { amount, lapses: now.plus(ttl), ttl: in_32_bits(ttl), rest: None }
    }

    /// A hold that has no more than most.
    #[must_use]
    #[inline(always)]
    pub(super) fn plain(amount: Money, ttl: Millis, lapses: Millis) -> Self {
        Self { amount, lapses, ttl: in_32_bits(ttl), rest: None }
    }

    /// The same hold with these parts.
    fn made_of(self, lapses: Millis, rest: Rest) -> Self {
        let admitted = lapses.since(self.ttl());
        let is_told = rest.admitted == admitted && rest.details == Details::default();
        Self { lapses, rest: (!is_told).then(|| Box::new(rest)), ..self }
    }

    fn rest(&self) -> Rest {
        Rest { admitted: self.admitted(), details: self.details() }
    }

    /// When it was admitted.
    #[must_use]
    pub fn admitted(&self) -> Millis {
        let told = || self.lapses.since(self.ttl());
        self.rest.as_deref().map_or_else(told, |rest| rest.admitted)
    }

    /// The same hold with another lapse.
    #[must_use]
    pub fn lapsing_at(self, lapses: Millis) -> Self {
        let rest = self.rest();
        self.made_of(lapses, rest)
    }

    /// The same hold with other details.
    #[must_use]
    pub fn detailed(self, details: Details) -> Self {
        let (lapses, admitted) = (self.lapses, self.admitted());
        self.made_of(lapses, Rest { admitted, details })
    }

    /// What only some holds have.
    #[must_use]
    pub fn details(&self) -> Details {
        self.detail().cloned().unwrap_or_default()
    }

    /// The same, where it lies.
    #[must_use]
    pub fn detail(&self) -> Option<&Details> {
        self.rest.as_deref().map(|rest| &rest.details)
    }

    /// The scope it was admitted in.
    #[must_use]
    pub fn scope(&self) -> Option<&Scope> {
        self.rest.as_deref()?.details.scope.as_ref()
    }

    /// Charged so far.
    #[must_use]
    pub fn charged(&self) -> Money {
        self.rest.as_deref().map_or(Money::ZERO, |rest| rest.details.charged)
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
        let rest = self.rest();
        Self { ttl: in_32_bits(ttl), ..self }.made_of(now.plus(ttl), rest)
    }

    /// The hold as it is when the clock has gone back to `now`: if it had lapsed by `lapsed`, it
    /// lapsed no later than now; else it has no more left than its own time. Windows start empty,
    /// so none counts it any longer.
    #[must_use]
    pub fn rewound(self, lapsed: Millis, now: Millis) -> Self {
        let latest = if self.lapses <= lapsed { now } else { now.plus(self.ttl()) };
        let details = Details { counted: false, counted_in_scope: false, ..self.details() };
        let rest = Rest { admitted: self.admitted().min(now), details };
        let lapses = self.lapses.min(latest);
        self.made_of(lapses, rest)
    }

    /// The tokens window of this scope is gone: it counts the hold no longer.
    pub fn leave_window_of(&mut self, scope: &Scope) {
        if let Some(rest) = &mut self.rest
            && rest.details.scope.as_ref() == Some(scope)
        {
            rest.details.counted_in_scope = false;
        }
    }

    /// Memory it takes beyond its own size, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let scope = self.scope().map_or(0, Scope::heap_bytes);
        self.rest.as_ref().map_or(0, |_| size_of::<Rest>().saturating_add(scope))
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
        let admitted = self.admitted();
        let times = admitted >= Millis::ZERO && self.lapses >= Millis::ZERO;
        if !times || admitted > latest || self.lapses > latest.plus(ttl) {
            return Err("a hold's times are out of range");
        }
        if self.clone().lapsing_at(self.lapses) != *self {
            return Err("a hold stores what need not be stored");
        }
        let details = self.rest.as_deref().map(|rest| &rest.details);
        if details.is_some_and(|details| details.reported > details.tokens) {
            return Err("a hold reserves fewer tokens than were reported");
        }
        Ok(())
    }
}

/// Times to live are at most a day.
fn in_32_bits(ttl: Millis) -> u32 {
    u32::try_from(ttl.0).unwrap_or(u32::MAX)
}
