//! The account in plain lists, and what becomes due as its time goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::calendar;
use super::figures::{Figures, Mode};
use crate::answer::LogRow;
use crate::script::{Command, id_text};

/// A command clears away at most so many ids that are forgotten. The contract leaves the figure
/// open; it shows when a memory is lengthened.
const FORGET_AT_ONCE: usize = 16;
/// A clock further back than this takes the account along.
const STEP_BACK_MS: i64 = 60_000;

/// A list that may become long: copies of an account share it until one of them changes it.
pub(super) type List<T> = Rc<Vec<T>>;

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
    /// Why it was suspended, if it was.
    pub(super) blocked: Option<String>,
    /// Invoices that failed and are neither paid nor voided.
    pub(super) failed: Vec<u32>,
    pub(super) last_token: i64,
    /// VALUE and MAX of each limit that has one of them.
    pub(super) limits: BTreeMap<String, (Option<i128>, Option<i128>)>,
    pub(super) leases: BTreeMap<String, Lease>,
    /// What was counted, by the name of the limit.
    pub(super) windows: BTreeMap<String, Vec<Slot>>,
    /// How many holds there ever were; each one's number tells it from others with its id.
    pub(super) holds_ever: u64,
    pub(super) open: List<Hold>,
    /// Holds that lapsed, in the order in which they did.
    pub(super) lapsed: List<Hold>,
    /// Holds that were closed, in the order in which they were.
    pub(super) closed: List<Closed>,
    pub(super) spends: List<Remembered>,
    pub(super) billings: List<Remembered>,
    /// The reasons that were told last, comma-joined.
    pub(super) told: String,
    /// The highest threshold told this month.
    pub(super) threshold: u8,
    /// Oldest first.
    pub(super) log: Vec<LogRow>,
    /// What is to be sent with the change that is being made.
    pub(super) events: Vec<&'static str>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Lease {
    pub(super) token: i64,
    pub(super) counts: BTreeMap<String, i128>,
    pub(super) ttl: i64,
    /// `None` if it never lapses.
    pub(super) lapses: Option<i64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) units: i128,
    /// The numbers of the holds whose admissions it took.
    pub(super) holds: Vec<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub(super) id: u32,
    pub(super) number: u64,
    pub(super) amount: i128,
    /// What PARTIAL charged so far.
    pub(super) charged: i128,
    /// The tokens reserved.
    pub(super) tokens: i128,
    /// The most TOKENS that a PARTIAL reported.
    pub(super) reported: i128,
    pub(super) scope: Option<String>,
    pub(super) ttl: i64,
    pub(super) admitted: i64,
    pub(super) lapses: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    pub(super) id: u32,
    pub(super) number: u64,
    /// What it cost; `None` if it was voided.
    pub(super) settled: Option<i128>,
    pub(super) time: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered {
    pub(super) id: u32,
    pub(super) act: Act,
    pub(super) time: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Spend(i128),
    TopUp(i128),
    Promo(i128),
    Refund(i128),
    Paid(i128),
    Voided,
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
            blocked: None,
            failed: Vec::new(),
            last_token: 0,
            limits: BTreeMap::new(),
            leases: BTreeMap::new(),
            windows: BTreeMap::new(),
            holds_ever: 0,
            open: List::default(),
            lapsed: List::default(),
            closed: List::default(),
            spends: List::default(),
            billings: List::default(),
            told: String::new(),
            threshold: 0,
            log: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Brings the account to the clock's time, or follows a clock that stepped back, and does all
    /// that is due. Tells whether it followed the clock back.
    pub(super) fn catch_up(&mut self, figures: &Figures, clock: i64) -> bool {
        let follows = self.latest - clock > STEP_BACK_MS;
        if follows {
            self.step_back(figures, clock);
        }
        self.latest = self.latest.max(clock);
        let now = self.latest;
        self.leases.retain(|_, lease| lease.lapses.is_none_or(|lapses| lapses > now));
        for slots in self.windows.values_mut() {
            slots.retain(|slot| slot.frees() > now);
        }
        self.lapse();
        self.forget(figures);
        let (had, end) = (self.had_tier(figures), self.period.1);
        self.end_period(figures);
        self.rise(figures);
        self.notice_due(&had, end, figures);
        follows
    }

    /// Moves the holds whose time has come to those that lapsed.
    fn lapse(&mut self) {
        let now = self.latest;
        if self.open.iter().all(|hold| hold.lapses > now) {
            return;
        }
        let (mut lapsed, open): (Vec<Hold>, Vec<Hold>) =
            self.open.iter().cloned().partition(|hold| hold.lapses <= now);
        in_order(&mut lapsed);
        self.open = Rc::new(open);
        Rc::make_mut(&mut self.lapsed).extend(lapsed);
    }

    /// Clears away what is forgotten, a few of each kind at once.
    pub(super) fn forget(&mut self, figures: &Figures) {
        let now = self.latest;
        forget(&mut self.spends, |act| now >= act.time + figures.spend_memory);
        forget(&mut self.billings, |act| now >= act.time + figures.billing_memory);
        forget(&mut self.lapsed, |hold| now >= hold.lapses + figures.hold_memory);
        forget(&mut self.closed, |hold| now >= hold.time + figures.hold_memory);
    }

    fn step_back(&mut self, figures: &Figures, now: i64) {
        // What had lapsed at the latest time was moved by the command that made it the latest.
        self.latest = now;
        self.windows.clear();
        for lease in self.leases.values_mut() {
            lease.lapses = lease.lapses.map(|lapses| lapses.min(now + lease.ttl));
        }
        for hold in Rc::make_mut(&mut self.open) {
            hold.admitted = hold.admitted.min(now);
            hold.lapses = hold.lapses.min(now + hold.ttl);
        }
        for hold in Rc::make_mut(&mut self.lapsed) {
            hold.admitted = hold.admitted.min(now);
            hold.lapses = hold.lapses.min(now);
        }
        in_order(Rc::make_mut(&mut self.lapsed).as_mut_slice());
        for hold in Rc::make_mut(&mut self.closed) {
            hold.time = hold.time.min(now);
        }
        for row in &mut self.log {
            row.time = row.time.min(now);
        }
        for acts in [&mut self.spends, &mut self.billings] {
            for act in Rc::make_mut(acts) {
                act.time = act.time.min(now);
            }
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
        self.threshold = 0;
    }

    pub(super) fn anchor_day(&self, figures: &Figures) -> u8 {
        self.anchor.unwrap_or(figures.anchor)
    }
}

/// Sorts holds by their lapse; those that lapse together by id.
pub(super) fn in_order(holds: &mut [Hold]) {
    holds.sort_by_cached_key(|hold| (hold.lapses, id_text(hold.id)));
}

/// Clears away a few of those that were recorded first and are forgotten.
fn forget<T: Clone>(memory: &mut List<T>, is_forgotten: impl Fn(&T) -> bool) {
    let few = memory.iter().take(FORGET_AT_ONCE);
    let forgotten = few.take_while(|kept| is_forgotten(kept)).count();
    if forgotten > 0 {
        Rc::make_mut(memory).drain(..forgotten);
    }
}
