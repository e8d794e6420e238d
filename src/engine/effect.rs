//! Effects: every change of an account, as plain data.
//!
//! A decision ends in an effect; applying it needs no clock, no policy and no luck, so the primary,
//! its replicas and a replay of the AOF reach the same bytes. An effect carries results (new
//! figures), not requests.

use std::sync::Arc;

use super::account::{Account, Record};
use super::act::{Entry, Kept};
use super::hold::Hold;
use super::id::{Id, Name, Scope};
use super::lease::Lease;
use super::ledger::Ledger;
use super::limit::{LimitName, Override, Units};
use super::log::{Event, Row};
use super::standing::Reason;
use super::time::Millis;

/// A change of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The account's latest time after it.
    pub time: Millis,
    /// What the account was before.
    pub onto: Onto,
    /// Its plain figures after it.
    pub figures: NewFigures,
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

/// What becomes of the plain figures of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewFigures {
    /// They stay as they are.
    Kept,
    /// The ledger changes, on an account that stands, and there is nothing to tell.
    Ledger(Ledger),
    /// All are told. Shared, because rules look at them from several sides before they become the
    /// effect's.
    All(Arc<After>),
}

/// The plain figures of an account after an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    /// The figures.
    pub record: Record,
    /// The tier the operator pinned: a tier's name, or `unlimited`.
    pub pinned: Option<Name>,
    /// The largest token ever given to a lease.
    pub last_token: i64,
    /// The names of tiers that the account had earned before a higher one: they stay earned,
    /// whatever becomes of the higher one.
    pub former_tiers: Vec<Name>,
    /// What there is to tell, in its order.
    pub news: Vec<Row>,
}

/// How many of the ids recorded first are to be forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forget {
    /// Spend ids.
    pub spends: u8,
    /// Billing ids.
    pub billings: u8,
    /// Holds that were closed.
    pub closed: u8,
    /// Holds that lapsed.
    pub lapsed: u8,
    /// How many of all these are forgotten before their time, to make room.
    pub early: u8,
}

/// What changes beside plain figures.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "what a hold needs asks for no memory")]
pub enum Change {
    /// Nothing.
    None,
    /// Requests were admitted, and counted in the account's window alone.
    Admit(Units),
    /// Windows counted, and a hold changed.
    Meter(Meters),
    /// An id was used. The entry's time is the effect's.
    Remember(Box<Entry>),
    /// A limit of the account's own was set, or dropped if it is at its default.
    Limit(Box<(LimitName, Override)>),
    /// A lease was reserved or renewed.
    Lease(Box<(Id, Lease)>),
    /// Leases were released.
    Release(Vec<Id>),
    /// An operator blocked the account, or unblocked it.
    Block(Option<Reason>),
    /// An invoice failed.
    Fail(Box<Id>),
}

/// What windows counted, and what became of a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meters {
    /// Requests, in the account's window.
    pub requests: Units,
    /// Tokens, in the account's window.
    pub tokens: Count,
    /// The same in a scope's windows.
    pub scope: Option<Box<ScopeMeters>>,
    /// The hold.
    pub hold: HoldChange,
}

/// What the windows of a scope counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeMeters {
    /// Which scope.
    pub scope: Scope,
    /// Requests.
    pub requests: Units,
    /// Tokens.
    pub tokens: Count,
}

/// What a window counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Count {
    /// Nothing.
    #[default]
    None,
    /// So much more, at the effect's time.
    Now(Units),
    /// So much more, in the slot that took what was admitted at that time.
    Raise(Units, Millis),
    /// So much less, in the slot that took what was admitted at that time.
    Lower(Units, Millis),
}

/// What became of a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoldChange {
    /// There was none.
    None,
    /// It is now this.
    Put(Id, Hold),
    /// It was settled or voided. The entry's time is the effect's.
    Close(Entry),
}

impl After {
    /// The figures of an account as they are, and nothing that is new.
    #[must_use]
    pub fn of(account: &Account) -> Self {
        let record = account.record.clone();
        let (pinned, last_token) = (account.pinned().cloned(), account.last_token());
        Self { record, pinned, last_token, former_tiers: Vec::new(), news: Vec::new() }
    }

    /// Holds if an account has these figures already.
    #[must_use]
    pub fn is_as(&self, account: &Account) -> bool {
        self.record == account.record
            && self.pinned.as_ref() == account.pinned()
            && self.last_token == account.last_token()
    }

    /// Checks the figures for an account that was last changed at `latest`.
    ///
    /// # Errors
    /// Says, in a few words, what does not hold.
    pub fn check(&self, latest: Millis) -> Result<(), &'static str> {
        self.record.check(latest)?;
        if self.last_token < 0 { Err("a token is negative") } else { Ok(()) }
    }
}

impl NewFigures {
    /// What is told of figures that are not those of an account.
    #[must_use]
    pub fn of(after: Arc<After>, account: &Account) -> Self {
        let mut stored = After::of(account);
        stored.record.ledger = after.record.ledger;
        if *after == stored { Self::Ledger(stored.record.ledger) } else { Self::All(after) }
    }

    /// The figures, if all are told.
    #[must_use]
    pub fn all(&self) -> Option<&After> {
        match self {
            Self::All(after) => Some(after),
            Self::Kept | Self::Ledger(_) => None,
        }
    }

    /// The ledger after the effect, if it is told.
    #[must_use]
    pub fn ledger(&self) -> Option<&Ledger> {
        match self {
            Self::Kept => None,
            Self::Ledger(ledger) => Some(ledger),
            Self::All(after) => Some(&after.record.ledger),
        }
    }

    /// Tells all, of an account that has the figures of `stored` beside those told.
    pub fn complete(&mut self, stored: impl FnOnce() -> Arc<After>) {
        if matches!(self, Self::All(_)) {
            return;
        }
        let mut after = stored();
        if let Self::Ledger(ledger) = self {
            Arc::make_mut(&mut after).record.ledger = *ledger;
        }
        *self = Self::All(after);
    }
}

impl Effect {
    /// What is sent to whoever listens to the account, in its order.
    pub fn events(&self) -> impl Iterator<Item = Event> {
        let created = (self.onto == Onto::Nothing).then_some(Event::Created);
        let after = self.figures.all();
        let news = after.into_iter().flat_map(|after| &after.news).map(|row| row.event);
        created.into_iter().chain(news).filter(|event| event.is_sent())
    }
}

impl Forget {
    /// How many of one memory.
    #[must_use]
    pub const fn of(self, kept: Kept) -> u8 {
        match kept {
            Kept::Spends => self.spends,
            Kept::Billings => self.billings,
            Kept::Closed => self.closed,
        }
    }
}

impl Change {
    /// The id that is remembered from now on.
    #[must_use]
    pub fn remembers(&self) -> Option<&Entry> {
        match self {
            Self::Remember(entry) => Some(entry),
            Self::Meter(meters) => match &meters.hold {
                HoldChange::Close(entry) => Some(entry),
                _ => None,
            },
            _ => None,
        }
    }

    /// The hold as it is from now on.
    #[must_use]
    pub fn hold(&self) -> Option<(&Id, &Hold)> {
        match self {
            Self::Meter(meters) => match &meters.hold {
                HoldChange::Put(id, hold) => Some((id, hold)),
                _ => None,
            },
            _ => None,
        }
    }
}
