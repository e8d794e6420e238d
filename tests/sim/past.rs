//! What happened, as clients and the contract see it: a tree of changes.
//!
//! Each change of an account is an entry, and knows the one before it. Nodes that received the same
//! changes are at the same entry, and have the same bytes. What a crash or a failover loses stays
//! in the tree, on a branch that no node is at.

use std::cell::Cell;
use std::rc::Rc;

use fw_limits::engine::act::Space;

use crate::model::Act;

/// Where an account is: an entry, or [`NOWHERE`] before the first.
pub type Place = usize;
/// No account.
pub const NOWHERE: Place = 0;

pub struct Past {
    entries: Vec<Entry>,
}

pub struct Entry {
    pub account: usize,
    pub before: Place,
    pub sent: Sent,
    /// The account's time.
    pub time: i64,
    /// Whether the clock had gone back.
    pub rewound: bool,
    pub fact: Fact,
    pub counted: Vec<Counted>,
    /// What was charged.
    pub charged: i128,
    /// The account's books afterwards.
    pub book: Book,
    /// A hash of the account's bytes, once a node told it.
    pub hash: Cell<Option<u64>>,
}

/// What is sent to replicas and the AOF.
#[derive(Clone)]
pub enum Sent {
    Effect(Rc<[u8]>),
    /// RESTORE with its payload.
    Account(Rc<[u8]>),
    Delete,
}

/// What a change means.
#[derive(Clone, Debug)]
pub enum Fact {
    Nothing,
    /// An id was used.
    Did(Space, u32, Act),
    /// An invoice failed.
    Failed(u32),
    /// A hold is now this; its TTL began at `since`.
    Hold {
        id: u32,
        amount: i128,
        charged: i128,
        since: i64,
        ttl: i64,
    },
    /// A hold was settled for an amount, or voided.
    Closed {
        id: u32,
        settled: Option<i128>,
    },
}

/// What a window counted. Windows are numbered as the run met them.
#[derive(Clone, Copy, Debug)]
pub enum Counted {
    Units {
        window: usize,
        at: i64,
        units: i128,
    },
    /// The window is gone, with its limit.
    Dropped(usize),
}

/// The figures that follow from the facts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Book {
    pub exists: bool,
    pub spent: i128,
    /// Spent in months that are over.
    pub archived: i128,
    /// What refunds took off what was spent.
    pub taken_off: i128,
    pub credits: i128,
    pub promo: i128,
    pub owed: i128,
    pub history: i128,
    pub last_token: i64,
    pub period: (i64, i64),
}

impl Entry {
    /// The account as it was at this entry, brought back.
    pub fn repeated(&self) -> Self {
        Self {
            account: self.account,
            before: NOWHERE,
            sent: Sent::Delete,
            time: self.time,
            rewound: false,
            fact: Fact::Nothing,
            counted: Vec::new(),
            charged: 0,
            book: self.book,
            hash: self.hash.clone(),
        }
    }
}

impl Book {
    pub fn charge(&mut self, amount: i128) {
        let from_promo = amount.min(self.promo);
        let from_credits = (amount - from_promo).min(self.credits);
        let unpaid = amount - from_promo - from_credits;
        self.promo -= from_promo;
        self.credits -= from_credits;
        self.owed += unpaid;
        self.history += unpaid;
        self.spent += amount;
    }

    pub fn act(&mut self, act: Act) {
        match act {
            Act::Spend(amount) => self.charge(amount),
            Act::TopUp(amount) => {
                let pays = amount.min(self.owed);
                self.owed -= pays;
                self.credits += amount - pays;
                self.history += amount - pays;
            }
            Act::Promo(amount) => self.promo += amount,
            Act::Refund(amount) => {
                let pays = amount.min(self.owed);
                self.owed -= pays;
                self.credits += amount - pays;
                let off = amount.min(self.spent);
                self.spent -= off;
                self.taken_off += off;
            }
            Act::Paid(amount) => self.owed -= amount.min(self.owed),
            Act::Voided => {}
        }
    }

    /// All that was ever charged.
    pub fn charged_ever(&self) -> i128 {
        self.spent + self.archived + self.taken_off
    }
}

impl Past {
    pub fn new() -> Self {
        let nothing = Entry {
            account: 0,
            before: NOWHERE,
            sent: Sent::Delete,
            time: 0,
            rewound: false,
            fact: Fact::Nothing,
            counted: Vec::new(),
            charged: 0,
            book: Book::default(),
            hash: Cell::new(Some(0)),
        };
        Self { entries: vec![nothing] }
    }

    pub fn at(&self, place: Place) -> &Entry {
        &self.entries[place]
    }

    pub fn add(&mut self, entry: Entry) -> Place {
        self.entries.push(entry);
        self.entries.len() - 1
    }

    /// The way to a place, from the first entry.
    pub fn way_to(&self, place: Place) -> Vec<Place> {
        let mut way = Vec::new();
        let mut at = place;
        while at != NOWHERE {
            way.push(at);
            at = self.at(at).before;
        }
        way.reverse();
        way
    }
}
