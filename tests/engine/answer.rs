//! Answers in plain words and figures: what the engine and the model say is compared in this form.
//!
//! A limit without bound is [`UNLIMITED`]; -1 is as on the wire.

use crate::model::figures::UNLIMITED;

/// What a command came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub answer: Result<Answer, Error>,
    /// Whether the account changed.
    pub changes: bool,
    /// Whether the change takes something that a server without memory refuses.
    pub takes: bool,
    /// What is sent to whoever listens.
    pub events: Vec<&'static str>,
}

impl Said {
    /// An answer that changes nothing.
    pub const fn unchanged(answer: Result<Answer, Error>) -> Self {
        Self { answer, changes: false, takes: false, events: Vec::new() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Null.
    Nothing,
    Count(usize),
    Admission(Admission),
    Statement(Statement),
    Reservation(Reservation),
    Limit(LimitRow),
    Limits(Vec<LimitRow>),
    Leases(Vec<LeaseRow>),
    Holds(Vec<HoldRow>),
    Account(Box<AccountRow>),
    Log(Vec<LogRow>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    pub verdict: &'static str,
    pub policy: String,
    /// The tightest requests window.
    pub requests: Shown,
    /// The tightest tokens window, if TOKENS was given.
    pub tokens: Option<Shown>,
    pub retry_after: i64,
}

/// A rate window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub limit: i128,
    pub remaining: i128,
    pub reset: i64,
}

impl Shown {
    /// No window that limits.
    pub const NONE: Self = Self { limit: UNLIMITED, remaining: UNLIMITED, reset: 0 };
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub result: &'static str,
    pub spent: i128,
    pub limit: i128,
    pub held: i128,
    pub credits: i128,
    pub tier: String,
    pub standing: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    pub verdict: &'static str,
    pub token: i64,
    pub ttl: i64,
    pub policy: String,
    pub limit: i128,
    pub used: i128,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitRow {
    pub name: String,
    pub limit: i128,
    pub max: i128,
    pub used: i128,
    pub source: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRow {
    pub id: String,
    pub token: i64,
    pub quotas: Vec<(String, i128)>,
    pub ttl: i64,
    /// -1 if it never lapses.
    pub lapses: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRow {
    pub id: String,
    pub amount: i128,
    pub charged: i128,
    pub held: i128,
    pub tokens: i128,
    pub scope: Option<String>,
    pub admitted: i64,
    pub lapses: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    pub time: i64,
    pub event: &'static str,
    pub cause: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    pub statement: Statement,
    pub tier_source: &'static str,
    pub payment_method: bool,
    pub limit: LimitRow,
    pub credits: i128,
    pub promo: i128,
    pub owed: i128,
    pub history: i128,
    pub next_tier: Option<(String, i128)>,
    pub period: (i64, i64),
    pub previous_spent: i128,
    pub open_holds: usize,
    pub leases: usize,
    pub failed_invoices: usize,
    /// Why it is blocked, if it is.
    pub blocked: Option<String>,
    pub anchor: u8,
    pub created: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    NoAccount,
    NoHold,
    NoLease,
    Stale(i64),
    Conflict,
    UnknownQuota,
    NotAllowed,
    TooMuch,
    Full(usize),
}
