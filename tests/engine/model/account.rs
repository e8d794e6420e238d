//! The account in plain lists, and what becomes due as its time goes on.

use std::collections::{BTreeMap, BTreeSet};

use super::calendar;
use super::figures::{Figures, Mode};
use crate::script::Command;

/// A command clears away at most so many ids that are forgotten. The contract leaves the figure
/// open; it shows when a memory is lengthened.
const FORGET_AT_ONCE: usize = 16;
/// A clock further back than this takes the account along.
const STEP_BACK_MS: i64 = 60_000;

#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    pub(super) created: i64,
    pub(super) latest: i64,
    pub(super) period: (i64, i64),
    pub(super) spent: i128,
    pub(super) previous_spent: i128,
    pub(super) credits: i128,
    pub(super) promo: i128,
    pub(super) owed: i128,
    pub(super) history: i128,
    pub(super) payment_method: bool,
    pub(super) pinned: Option<String>,
    /// Every tier it ever had.
    pub(super) earned: BTreeSet<String>,
    pub(super) anchor: Option<u8>,
    pub(super) last_token: i64,
    /// VALUE and MAX of each limit that has one of them.
    pub(super) limits: BTreeMap<String, (Option<i128>, Option<i128>)>,
    pub(super) leases: BTreeMap<String, Lease>,
    pub(super) slots: Vec<Slot>,
    pub(super) spends: Vec<Remembered>,
    pub(super) billings: Vec<Remembered>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Lease {
    pub(super) token: i64,
    pub(super) counts: BTreeMap<String, i128>,
    pub(super) ttl: i64,
    /// `None` if it never lapses.
    pub(super) lapses: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slot {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) units: i128,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Remembered {
    pub(super) id: u32,
    pub(super) act: Act,
    pub(super) time: i64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Act {
    Spend(i128),
    TopUp(i128),
    Promo(i128),
}

impl Account {
    pub(super) fn fresh(command: &Command, figures: &Figures, clock: i64) -> Self {
        let said = match command {
            Command::Set { payment_method, .. } => *payment_method,
            _ => None,
        };
        let begins = calendar::last_at(figures.anchor, clock);
        Self {
            created: clock,
            latest: clock,
            period: (begins, calendar::next_after(figures.anchor, clock)),
            spent: 0,
            previous_spent: 0,
            credits: 0,
            promo: 0,
            owed: 0,
            history: 0,
            payment_method: said.unwrap_or(figures.new_accounts == Mode::Open),
            pinned: None,
            earned: BTreeSet::new(),
            anchor: None,
            last_token: 0,
            limits: BTreeMap::new(),
            leases: BTreeMap::new(),
            slots: Vec::new(),
            spends: Vec::new(),
            billings: Vec::new(),
        }
    }

    /// Brings the account to the clock's time, or follows a clock that stepped back, and does all
    /// that is due.
    pub(super) fn catch_up(&mut self, figures: &Figures, clock: i64) {
        if self.latest - clock > STEP_BACK_MS {
            self.step_back(figures, clock);
        }
        self.latest = self.latest.max(clock);
        let now = self.latest;
        self.leases.retain(|_, lease| lease.lapses.is_none_or(|lapses| lapses > now));
        self.slots.retain(|slot| slot.frees() > now);
        forget(&mut self.spends, now, figures.spend_memory);
        forget(&mut self.billings, now, figures.billing_memory);
        self.end_period(figures);
        self.rise(figures);
    }

    fn step_back(&mut self, figures: &Figures, now: i64) {
        self.latest = now;
        self.slots.clear();
        for lease in self.leases.values_mut() {
            lease.lapses = lease.lapses.map(|lapses| lapses.min(now + lease.ttl));
        }
        for act in self.spends.iter_mut().chain(&mut self.billings) {
            act.time = act.time.min(now);
        }
        let anchor = self.anchor_day(figures);
        let first_end = calendar::next_after(anchor, now);
        let second_end = calendar::next_after(anchor, first_end);
        if self.period.1 > second_end {
            self.period = (self.period.0.min(first_end), second_end);
        }
    }

    fn end_period(&mut self, figures: &Figures) {
        let (now, end) = (self.latest, self.period.1);
        if now < end {
            return;
        }
        let anchor = self.anchor_day(figures);
        let next_end = calendar::next_after(anchor, end);
        if now < next_end {
            self.previous_spent = self.spent;
            self.period = (end, next_end);
        } else {
            self.previous_spent = 0;
            self.period = (calendar::last_at(anchor, now), calendar::next_after(anchor, now));
        }
        self.spent = 0;
    }

    pub(super) fn anchor_day(&self, figures: &Figures) -> u8 {
        self.anchor.unwrap_or(figures.anchor)
    }
}

/// Clears away what was recorded first and is forgotten, a few at once.
fn forget(memory: &mut Vec<Remembered>, now: i64, span: i64) {
    let few = memory.iter().take(FORGET_AT_ONCE);
    let forgotten = few.take_while(|act| now >= act.time + span).count();
    memory.drain(..forgotten);
}
