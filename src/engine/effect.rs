//! Effects: every change of an account, as plain data.
//!
//! A decision ends in an effect; applying it needs no clock, no policy and no luck, so the primary,
//! its replicas and a replay of the AOF reach the same bytes. An effect carries results (new
//! figures), not requests.

use super::account::Record;
use super::id::{Id, Name};
use super::lease::Lease;
use super::limit::{LimitName, Override, Units};
use super::memory::Entry;
use super::time::Millis;

/// A change of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The account's latest time after it.
    pub time: Millis,
    /// What the account was before.
    pub onto: Onto,
    /// Its plain figures after it, if they change.
    pub after: Option<Box<After>>,
    /// How many remembered ids to clear away first.
    pub forget: Forget,
    /// What changes beside plain figures.
    pub change: Change,
}

/// What an effect is applied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onto {
    /// An account that stands.
    Standing,
    /// An account whose clock has gone back: windows start empty, nothing keeps more time than its
    /// own.
    Rewound,
    /// Nothing: the effect creates the account.
    Nothing,
}

/// The plain figures of an account after an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    /// The figures.
    pub record: Record,
    /// The names of tiers that the account had earned before a higher one: they stay earned,
    /// whatever becomes of the higher one.
    pub former_tiers: Vec<Name>,
}

/// How many of the ids recorded first are to be forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forget {
    /// Spend ids.
    pub spends: u8,
    /// Billing ids.
    pub billings: u8,
}

/// What changes beside plain figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// Requests were admitted.
    Admit(Units),
    /// An id was used. The entry's time is the effect's.
    Remember(Box<Entry>),
    /// A limit of the account's own was set, or dropped if it is at its default.
    Limit(Box<(LimitName, Override)>),
    /// A lease was reserved or renewed.
    Lease(Box<(Id, Lease)>),
    /// Leases were released.
    Release(Vec<Id>),
}
