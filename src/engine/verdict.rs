//! Every answer the engine gives.
//!
//! Answers are figures; how they are written on the wire is the command floor's. A denial is an
//! answer; a [`Refusal`] is not: it means that the command could not be done at all.

use std::borrow::Cow;
use std::ffi::CStr;

use super::hold::Hold;
use super::id::{Id, Name};
use super::lease::Lease;
use super::limit::{InForce, Limit, LimitName, Units};
use super::money::Money;
use super::slot::SPAN;
use super::standing::Reasons;
use super::time::Millis;

/// What FW.ADMIT, FW.PEEK and FW.QUOTA answer, in the order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is no such account.
    UnknownAccount,
    /// The account's standing forbids it.
    Suspended,
    /// It could never fit: more than the whole limit.
    TooLarge,
    /// The money does not fit, even with no other hold open.
    OverBudget,
    /// A rate window has no room.
    RateLimited,
    /// Too many holds are open.
    ConcurrencyLimited,
    /// The money fits alone, but not beside the open holds.
    InFlight,
    /// A quota has no room.
    QuotaExceeded,
    /// Everything fits, and everything was taken.
    Ok,
    /// It was admitted before, under the same hold; nothing was taken again.
    Duplicate,
}

impl Verdict {
    /// The word in replies.
    #[must_use]
    pub const fn word(self) -> &'static CStr {
        match self {
            Self::UnknownAccount => c"UNKNOWN_ACCOUNT",
            Self::Suspended => c"SUSPENDED",
            Self::TooLarge => c"TOO_LARGE",
            Self::OverBudget => c"OVER_BUDGET",
            Self::RateLimited => c"RATE_LIMITED",
            Self::ConcurrencyLimited => c"CONCURRENCY_LIMITED",
            Self::InFlight => c"IN_FLIGHT",
            Self::QuotaExceeded => c"QUOTA_EXCEEDED",
            Self::Ok => c"OK",
            Self::Duplicate => c"DUPLICATE",
        }
    }
}

/// What decided: a limit, a bound, or reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decider {
    /// Nothing is to be named.
    Nothing,
    /// A limit.
    Limit(LimitName),
    /// A bound of the product, or what is prepaid.
    Bound(&'static str),
    /// The reasons of a suspension.
    Reasons(Reasons),
}

impl Decider {
    /// The policy slot in replies.
    #[must_use]
    pub fn text(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Nothing => Cow::Borrowed(b""),
            Self::Limit(name) => name.text(),
            Self::Bound(name) => Cow::Borrowed(name.as_bytes()),
            Self::Reasons(reasons) => Cow::Borrowed(reasons.joined().as_bytes()),
        }
    }
}

/// A rate window as a reply shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its limit.
    pub limit: Limit<Units>,
    /// What is left of it.
    pub remaining: Limit<Units>,
    /// Until it is whole again.
    pub reset: Millis,
}

impl Shown {
    /// A window that does not limit.
    pub const UNLIMITED: Self =
        Self { limit: Limit::Unlimited, remaining: Limit::Unlimited, reset: Millis::ZERO };
}

/// When to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// There is nothing to wait for.
    Now,
    /// After exactly this span the same request would pass, if nobody else came.
    After(Millis),
    /// Waiting does not help.
    Never,
}

/// The answer of FW.ADMIT and FW.PEEK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The answer itself.
    pub verdict: Verdict,
    /// What decided it.
    pub policy: Decider,
    /// The tightest requests window.
    pub window: Shown,
    /// The tightest tokens window, if the request said how many tokens it reserves.
    pub tokens: Option<Shown>,
    /// When to come back.
    pub retry: Retry,
}

impl Admission {
    /// The answer to requests that were admitted, with so much left of the account's window.
    #[must_use]
    #[inline(always)]
    pub const fn plain(limit: Units, remaining: Units) -> Self {
        Self {
            verdict: Verdict::Ok,
            policy: Decider::Limit(LimitName::Requests),
            window: Shown { limit: Limit::At(limit), remaining: Limit::At(remaining), reset: SPAN },
            tokens: None,
            retry: Retry::Now,
        }
    }

    /// The limit and what is left of it, if it is such an answer.
    #[must_use]
    #[inline(always)]
    pub fn as_plain(&self) -> Option<(Units, Units)> {
        let Shown { limit: Limit::At(limit), remaining: Limit::At(remaining), reset } = self.window
        else {
            return None;
        };
        let is_plain = self.verdict == Verdict::Ok
            && reset == SPAN
            && self.tokens.is_none()
            && self.retry == Retry::Now
            && matches!(self.policy, Decider::Limit(LimitName::Requests));
        is_plain.then_some((limit, remaining))
    }
}

/// Whether a command did something or had been done before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Ok,
    /// It had been done under this id before.
    Duplicate,
    /// It was recorded for a hold that had lapsed.
    Late,
}

impl Outcome {
    /// The word in replies.
    #[must_use]
    pub const fn word(self) -> &'static CStr {
        match self {
            Self::Ok => c"OK",
            Self::Duplicate => c"DUPLICATE",
            Self::Late => c"LATE",
        }
    }
}

/// How an account stands after a money command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What the command came to.
    pub outcome: Outcome,
    /// Spent this month.
    pub spent: Money,
    /// The spend limit in force.
    pub limit: Limit<Money>,
    /// Set aside by open holds.
    pub held: Money,
    /// Credits and promo.
    pub credits: Money,
    /// The tier, or none.
    pub tier: Option<Name>,
    /// Why it is suspended, if it is.
    pub reasons: Reasons,
}

/// The answer of FW.QUOTA RESERVE and RENEW.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// The answer itself.
    pub verdict: Verdict,
    /// The lease's token; 0 if there is no lease.
    pub token: i64,
    /// What is left of its time; [`Millis::NEVER`] if it never lapses, zero if there is no lease.
    pub ttl: Millis,
    /// What decided it.
    pub policy: Decider,
    /// The limit of the quota named by `policy`, else of the first one concerned.
    pub limit: Limit<Units>,
    /// What is held of it.
    pub used: Units,
}

/// A limit as FW.QUOTAS shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitRow {
    /// Which limit.
    pub name: LimitName,
    /// What is in force.
    pub in_force: InForce,
    /// What is in use of it.
    pub used: Units,
}

/// A lease as FW.LEASES shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRow {
    /// The client's id.
    pub id: Id,
    /// What it holds, and until when.
    pub lease: Lease,
}

/// An open hold as FW.HOLDS shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRow {
    /// The client's id.
    pub id: Id,
    /// What it sets aside, and until when.
    pub hold: Hold,
}

/// Why a command could not be done. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such account.
    NoAccount,
    /// There is no such hold that is open or remembered.
    NoHold,
    /// There is no such lease, or it has lapsed.
    NoLease,
    /// The lease has another token: this one.
    Stale(i64),
    /// The id was used for something else.
    Conflict,
    /// A quota that neither the platform has nor a lease holds.
    UnknownQuota(Name),
    /// A VALUE above the MAX.
    AboveMax,
    /// A figure that would not fit.
    TooMuch(&'static str),
    /// A bound of the account is reached.
    Full(&'static str, usize),
}

impl From<super::ledger::TooMuch> for Refusal {
    fn from(too_much: super::ledger::TooMuch) -> Self {
        Self::TooMuch(too_much.0)
    }
}
