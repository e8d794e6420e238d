//! What FW.EXPLAIN tells: every check of an FW.ADMIT, in figures, and what would help.
//!
//! Which checks there are is [`decide::explain`](super::decide::explain)'s to say; how they are
//! written is the command floor's.

use super::id::{Id, Name};
use super::limit::{InForce, Limit, LimitName, Units};
use super::money::Money;
use super::standing::Reason;
use super::time::Millis;
use super::verdict::{Admission, Decider, Verdict};

/// What FW.EXPLAIN tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What FW.ADMIT would answer, with windows as they are.
    pub admission: Admission,
    /// Whether there is such an account.
    pub existence: Existence,
    /// Every check, in the order of precedence.
    pub checks: Vec<Check>,
}

/// Whether there is such an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existence {
    /// There is.
    Exists,
    /// There is not; FW.ADMIT would create it.
    WouldBeCreated,
    /// There is not, and new ones are rejected.
    Rejected,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is checked, in figures.
    pub figures: Figures,
    /// What it denies a request with, if it fails.
    pub denial: Option<(Verdict, Decider)>,
    /// What would help, if it fails; each alone.
    pub ways: Vec<Way>,
}

/// What is checked, in figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Figures {
    /// The request was admitted before, under its hold.
    Admitted,
    /// No reason suspends the account.
    Active,
    /// An operator blocked it.
    Blocked(Option<Reason>),
    /// So many invoices failed.
    PaymentFailed(usize),
    /// There is no payment method, and no credits.
    NoPaymentMethod,
    /// What was spent has reached the limit.
    SpendLimit(Level),
    /// What is asked against the whole limit.
    Size(Level),
    /// An amount beside what was spent this month.
    Budget(Level),
    /// An amount and what is prepaid, where nothing else can be drawn on.
    Credits(Prepaid),
    /// A rate window.
    Window(Level),
    /// Open holds.
    Concurrency(Level),
    /// Open holds, against the bound of the product.
    Holds(usize),
    /// An amount beside what was spent and is held.
    Beside(Level),
}

/// A limit, what is used of it, and what is asked; `spend` in nano-dollars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// Which limit.
    pub name: LimitName,
    /// What is in force.
    pub in_force: InForce,
    /// What is used.
    pub used: Units,
    /// What is asked.
    pub asks: Units,
}

/// What is prepaid, and what is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepaid {
    /// Credits and promo.
    pub credits: Money,
    /// What open holds set aside of it.
    pub held: Money,
    /// What is asked.
    pub asks: Money,
}

/// What would help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// To wait so long.
    Wait(Millis),
    /// To wait until an open hold is settled; the nearest lapses in so long.
    AwaitHold(Millis),
    /// To wait for the next month, which begins in so long.
    AwaitMonth(Millis),
    /// To ask for no more than this.
    AskFor(Units),
    /// To raise VALUE, which may rise to this MAX.
    RaiseValue(Limit<Units>),
    /// To raise MAX.
    RaiseMax,
    /// To raise MAX, and then VALUE.
    RaiseBoth,
    /// To top up so much.
    TopUp(Money),
    /// To top up more than this, which is owed.
    TopUpBeyond(Money),
    /// To top up so much, which reaches this tier.
    ReachTier(Money, Name),
    /// To put a payment method on file.
    PaymentMethod,
    /// To pay this invoice.
    Pay(Id),
    /// To let the operator resume the account.
    Resume,
}

impl Check {
    /// One that passes.
    #[must_use]
    pub const fn passed(figures: Figures) -> Self {
        Self { figures, denial: None, ways: Vec::new() }
    }

    /// One that denies.
    #[must_use]
    pub const fn failed(figures: Figures, verdict: Verdict, policy: Decider) -> Self {
        Self { figures, denial: Some((verdict, policy)), ways: Vec::new() }
    }

    /// The same with ways out of it.
    #[must_use]
    pub fn helped(mut self, ways: impl IntoIterator<Item = Way>) -> Self {
        self.ways.extend(ways);
        self
    }
}
