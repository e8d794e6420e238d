//! What the commands reply: the same from RESP2 and RESP3.
//!
//! Where the wire says -1 a field is `None`: without a limit, never, or that waiting does not help.
//! Times are Unix milliseconds, durations milliseconds. Texts are bytes, mostly UTF-8: ids, names
//! and reasons may be any.

use std::collections::BTreeMap;

use bstr::{BStr, BString, ByteSlice};

use crate::{Money, http};

/// How a request is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It passed, and all was taken.
    Ok,
    /// It had passed already under this hold; nothing was taken again.
    Duplicate,
    /// There is no such account.
    UnknownAccount,
    /// There is a reason to suspend: [`Admission::reasons`].
    Suspended,
    /// It asks for more than a whole limit.
    TooLarge,
    /// The amount does not fit what is left of the month or the credits.
    OverBudget,
    /// A rate window has no room.
    RateLimited,
    /// Too many holds are open.
    ConcurrencyLimited,
    /// The amount fits alone, but not beside the open holds.
    InFlight,
    /// A quota does not fit.
    QuotaExceeded,
    /// A verdict of a newer module, which this client takes for a denial.
    Other(BString),
}

impl Verdict {
    /// The status of an HTTP response; 503 for a verdict that is not known.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Ok | Self::Duplicate => 200,
            Self::TooLarge => 400,
            Self::OverBudget => 402,
            Self::UnknownAccount => 404,
            Self::Suspended => 412,
            Self::RateLimited | Self::ConcurrencyLimited | Self::InFlight | Self::QuotaExceeded => {
                429
            }
            Self::Other(_) => 503,
        }
    }

    /// The word of the wire.
    pub fn as_bstr(&self) -> &BStr {
        let word: &[u8] = match self {
            Self::Ok => b"OK",
            Self::Duplicate => b"DUPLICATE",
            Self::UnknownAccount => b"UNKNOWN_ACCOUNT",
            Self::Suspended => b"SUSPENDED",
            Self::TooLarge => b"TOO_LARGE",
            Self::OverBudget => b"OVER_BUDGET",
            Self::RateLimited => b"RATE_LIMITED",
            Self::ConcurrencyLimited => b"CONCURRENCY_LIMITED",
            Self::InFlight => b"IN_FLIGHT",
            Self::QuotaExceeded => b"QUOTA_EXCEEDED",
            Self::Other(word) => word,
        };
        word.as_bstr()
    }
}

impl From<BString> for Verdict {
    fn from(word: BString) -> Self {
        const KNOWN: [Verdict; 10] = [
            Verdict::Ok,
            Verdict::Duplicate,
            Verdict::UnknownAccount,
            Verdict::Suspended,
            Verdict::TooLarge,
            Verdict::OverBudget,
            Verdict::RateLimited,
            Verdict::ConcurrencyLimited,
            Verdict::InFlight,
            Verdict::QuotaExceeded,
        ];
        let known = KNOWN.into_iter().find(|verdict| verdict.as_bstr() == word);
        known.unwrap_or(Self::Other(word))
    }
}

/// As on the wire: `RATE_LIMITED`.
impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self.as_bstr(), f)
    }
}

/// A rate window of 60 seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The most in any 60 seconds.
    pub limit: Option<u64>,
    /// What is left of it.
    pub remaining: Option<u64>,
    /// Until the window is whole again.
    pub reset_ms: u64,
}

/// The answer of ADMIT and PEEK. A denial is an answer too: look at [`Admission::admitted`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// How the request is judged.
    pub verdict: Verdict,
    /// Which limit decided, or the reasons of a suspension, comma-joined.
    pub policy: BString,
    /// The tightest requests window.
    pub requests: Window,
    /// 0 if it passed; `None` if waiting does not help.
    pub retry_after_ms: Option<u64>,
    /// The tightest tokens window, if tokens were asked for.
    pub tokens: Option<Window>,
}

impl Admission {
    /// Serve it: it passed now, or had passed already under this hold.
    pub fn admitted(&self) -> bool {
        matches!(self.verdict, Verdict::Ok | Verdict::Duplicate)
    }

    /// Why the account is suspended; empty if it is not that.
    pub fn reasons(&self) -> Vec<&BStr> {
        if self.verdict == Verdict::Suspended { split(&self.policy) } else { Vec::new() }
    }

    /// The status of the HTTP response.
    pub fn http_status(&self) -> u16 {
        self.verdict.http_status()
    }

    /// Whole seconds, rounded up, after which to come back; `None` if waiting does not help.
    pub fn retry_after(&self) -> Option<u64> {
        self.retry_after_ms.map(http::seconds)
    }

    /// Fields for the HTTP response, whatever the verdict; [`http`] has their units.
    pub fn headers(&self) -> http::Fields {
        http::fields(self)
    }
}

/// What came of a command about money. DUPLICATE and LATE are outcomes, and no errors.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Done.
    Ok,
    /// Done before under this id.
    Duplicate,
    /// Recorded, but the hold had lapsed.
    Late,
    /// An outcome of a newer module.
    Other(BString),
}

/// The answer of every command about money, and how the account stands after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoneyReply {
    /// What came of it.
    pub outcome: Outcome,
    /// This month, credits not deducted.
    pub spent: Money,
    /// Of this month.
    pub limit: Option<Money>,
    /// Set aside by open holds.
    pub held: Money,
    /// Bought and given together.
    pub credits: Money,
    /// The tier in force, or `none`.
    pub tier: BString,
    /// `active`, or the reasons of the suspension, comma-joined.
    pub standing: BString,
}

impl MoneyReply {
    /// Whether the account may go on.
    pub fn active(&self) -> bool {
        self.standing == "active"
    }

    /// Why the account is suspended; empty if it is active.
    pub fn reasons(&self) -> Vec<&BStr> {
        if self.active() { Vec::new() } else { split(&self.standing) }
    }
}

/// The answer of RESERVE and RENEW.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// How it is judged.
    pub verdict: Verdict,
    /// Of the lease; 0 if there is none.
    pub token: u64,
    /// Left; `None`: never lapses; 0 if there is no lease.
    pub ttl_ms: Option<u64>,
    /// The quota that did not fit, or the reasons of a suspension, comma-joined.
    pub policy: BString,
    /// Of that quota, else of the first one.
    pub limit: Option<u64>,
    /// Of the same quota, after the command.
    pub used: u64,
}

impl Reservation {
    /// Whether the counts are held.
    pub fn reserved(&self) -> bool {
        self.verdict == Verdict::Ok
    }

    /// Why the account is suspended; empty if it is not that.
    pub fn reasons(&self) -> Vec<&BStr> {
        if self.verdict == Verdict::Suspended { split(&self.policy) } else { Vec::new() }
    }

    /// The status of the HTTP response.
    pub fn http_status(&self) -> u16 {
        self.verdict.http_status()
    }
}

/// Everything about an account (FW.GET).
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the README of the module has the fields")]
pub struct Account {
    pub tier: BString,
    pub tier_source: BString,
    pub standing: BString,
    pub blocked_reason: Option<BString>,
    pub payment_method: bool,
    pub spent: Money,
    pub held: Money,
    pub limit: Option<Money>,
    pub limit_source: BString,
    pub remaining: Option<Money>,
    pub credits: Money,
    pub promo: Money,
    pub owed: Money,
    pub history: Money,
    pub next_tier: Option<BString>,
    pub next_tier_gap: Option<Money>,
    pub period_start_ms: u64,
    pub period_end_ms: u64,
    pub previous_spent: Money,
    pub open_holds: u64,
    pub leases: u64,
    pub failed_invoices: u64,
    pub anchor_day: u64,
    pub created_ms: u64,
}

impl Account {
    /// Whether the account may be served.
    pub fn active(&self) -> bool {
        self.standing == "active"
    }

    /// Why the account is suspended; empty if it is active.
    pub fn reasons(&self) -> Vec<&BStr> {
        if self.active() { Vec::new() } else { split(&self.standing) }
    }
}

/// A figure of a limit: money for `spend`, a count for all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Requests, tokens, holds, or units of a quota.
    Count(u64),
    /// Dollars.
    Money(Money),
}

impl From<u64> for Figure {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<Money> for Figure {
    fn from(money: Money) -> Self {
        Self::Money(money)
    }
}

/// One limit (a row of FW.QUOTAS). `None` is unlimited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Such as `requests`, `spend`, `h100`, `tokens@llama-70b`.
    pub name: BString,
    /// In force.
    pub limit: Option<Figure>,
    /// What the operator approved, or the platform's figure.
    pub max: Option<Figure>,
    /// Of `spend`: spent and held.
    pub used: Figure,
    /// Never below 0.
    pub remaining: Option<Figure>,
    /// Who decided: `customer`, `operator`, `tier` or `platform`.
    pub source: BString,
}

/// A hold that is open (a row of FW.HOLDS).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenHold {
    /// Its id.
    pub id: BString,
    /// Set aside at first.
    pub amount: Money,
    /// By PARTIAL.
    pub charged: Money,
    /// Still set aside.
    pub held: Money,
    /// Reserved in the tokens windows.
    pub tokens: u64,
    /// The model it was admitted for.
    pub scope: Option<BString>,
    /// When it was admitted.
    pub admitted_ms: u64,
    /// When it lapses.
    pub lapses_ms: u64,
}

/// A lease that is held (a row of FW.LEASES).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldLease {
    /// Its id.
    pub id: BString,
    /// Its token.
    pub token: u64,
    /// Names and counts.
    pub quotas: BTreeMap<BString, u64>,
    /// Its own, not what is left; `None`: never lapses.
    pub ttl_ms: Option<u64>,
    /// When it lapses.
    pub lapses_ms: Option<u64>,
}

/// A change of standing, tier or limits (a row of FW.LOG).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// When.
    pub time_ms: u64,
    /// `created`, `suspended`, `resumed`, `tier` or `limit`.
    pub event: BString,
    /// Why.
    pub cause: BString,
}

/// A row of the tier table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Its name.
    pub name: BString,
    /// What may be spent in a month.
    pub limit: Option<Money>,
    /// What earns it.
    pub history: Money,
}

/// Every check of an ADMIT, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What FW.PEEK would answer.
    pub verdict: Verdict,
    /// Which limit decides, or the reasons.
    pub policy: BString,
    /// The checks in their order, one line each.
    pub checks: Vec<BString>,
}

fn split(reasons: &BString) -> Vec<&BStr> {
    reasons.split_str(",").map(ByteSlice::as_bstr).collect()
}
