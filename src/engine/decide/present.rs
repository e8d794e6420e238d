//! The account as it is now: what is due counts as done, and nothing is stored.
//!
//! A month that ended and a tier that is earned are done in a copy of the plain figures, made only
//! when something is due; what lapsed is passed over by the lists that hold it. Rules change the
//! copy further, and it becomes the effect's.

use std::sync::Arc;

use crate::engine::account::{Account, Record};
use crate::engine::effect::{After, Change, Effect, NewFigures, Onto};
use crate::engine::id::{Id, Name};
use crate::engine::lapse::Open;
use crate::engine::lease::{Lease, Leases};
use crate::engine::ledger::Ledger;
use crate::engine::limit::{Limit, Source, Units};
use crate::engine::money::Money;
use crate::engine::month::{Anchor, Skipped};
use crate::engine::policy::Policy;
use crate::engine::standing::Reasons;
use crate::engine::time::Millis;
use crate::engine::verdict::{Outcome, Refusal, Statement};

/// An account at one instant, under one policy.
pub struct Present<'a> {
    /// The account as stored.
    pub account: &'a Account,
    /// The platform's figures.
    pub policy: &'a Policy,
    /// The account's time.
    pub now: Millis,
    /// What lapses up to then has lapsed: now, or the latest time of an account whose clock has
    /// gone back since.
    pub through: Millis,
    /// The plain figures, where they are not those stored.
    pub(super) after: Option<Arc<After>>,
    /// The rank of the tier earned, by all that the account ever earned.
    rank: Option<usize>,
    outlook: Outlook,
}

/// What a change makes of the account beside its plain figures; absent where it changes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outlook {
    /// Set aside by open holds.
    pub held: Option<Money>,
    /// Whether an operator blocks it.
    pub blocked: Option<bool>,
    /// Whether it has a failed invoice.
    pub payment_failed: Option<bool>,
}

/// When an account is seen.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The account's time.
    pub now: Millis,
    /// What lapses up to then has lapsed.
    pub through: Millis,
}

impl<'a> Present<'a> {
    /// Sees an account at a moment, which is not before its latest time.
    #[must_use]
    #[inline(always)]
    pub fn new(account: &'a Account, policy: &'a Policy, moment: Moment) -> Self {
        let mut present = Self::stored(account, policy, moment);
        present.see_what_is_due();
        present
    }

    /// As stored: the first step of [`Self::new`], for whoever keeps it where it was made.
    #[inline(always)]
    pub(super) fn stored(account: &'a Account, policy: &'a Policy, moment: Moment) -> Self {
        let (Moment { now, through }, outlook) = (moment, Outlook::default());
        Self { account, policy, now, through, after: None, rank: None, outlook }
    }

    /// The second: what is due is seen before anything is asked.
    #[inline(always)]
    pub(super) fn see_what_is_due(&mut self) {
        if self.account.record.period.is_over(self.now) {
            self.begin_period();
        }
        self.settle();
    }

    /// The same account with other plain figures.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(&mut After)) -> Self {
        let mut changed = self.expecting(self.outlook);
        change(changed.after_mut());
        changed.settle();
        changed
    }

    /// The same account with this to come of it.
    #[must_use]
    pub fn expecting(&self, outlook: Outlook) -> Self {
        Self {
            account: self.account,
            policy: self.policy,
            now: self.now,
            through: self.through,
            after: self.after.clone(),
            rank: self.rank,
            outlook,
        }
    }

    /// The plain figures now.
    #[must_use]
    #[inline(always)]
    pub fn record(&self) -> &Record {
        self.after.as_deref().map_or(&self.account.record, |after| &after.record)
    }

    /// The plain figures as an effect carries them.
    #[must_use]
    pub fn after(&self) -> After {
        let stored = || After::of(self.account);
        self.after.as_deref().cloned().unwrap_or_else(stored)
    }

    /// Holds if the figures are those of another view of the same account.
    #[must_use]
    pub fn is_as(&self, other: &Self) -> bool {
        self.record() == other.record() && self.pinned_name() == other.pinned_name()
    }

    /// The figures, if they are not those stored.
    pub(super) fn changed(&self) -> Option<Arc<After>> {
        let changed = self.after.as_ref().filter(|after| !after.is_as(self.account));
        changed.cloned()
    }

    /// The effect that stores what is due, these figures, and one change more.
    #[must_use]
    pub fn effect(&self, change: Change) -> Effect {
        let after = if self.is_quiet(&change) { self.changed() } else { self.told(&change) };
        let figures = after.map_or(NewFigures::Kept, |after| NewFigures::of(after, self.account));
        let adds = change.remembers().map(|entry| entry.act.space().kept());
        let forget = self.forget(adds, change.hold().map(|(id, _)| id));
        Effect { time: self.now, onto: Onto::Standing, figures, forget, change }
    }

    /// The anchor day in force.
    #[must_use]
    pub fn anchor(&self) -> Anchor {
        self.record().anchor.unwrap_or(self.policy.anchor)
    }

    /// The tier in force, and who set it. A pinned tier that left the table counts as not pinned.
    #[must_use]
    pub fn tier(&self) -> (Option<&Name>, Source) {
        match self.pinned() {
            Some((name, _)) => (Some(name), Source::Operator),
            None => (self.earned().map(|row| &row.name), Source::Tier),
        }
    }

    /// The tier earned, whatever is pinned.
    #[must_use]
    #[inline(always)]
    pub fn earned(&self) -> Option<&crate::engine::tier::Tier> {
        self.rank.and_then(|rank| self.policy.tiers.row(rank))
    }

    /// The tier above the one earned, and the history it lacks.
    #[must_use]
    pub fn next_tier(&self) -> Option<(&Name, Money)> {
        let next = self.rank.map_or(0, |rank| rank.saturating_add(1));
        let row = self.policy.tiers.row(next)?;
        Some((&row.name, row.history.minus(self.record().ledger.history)))
    }

    /// The lowest tier above the one earned that allows so much in a month, and the history it
    /// lacks. The first tier is not earned by history.
    #[must_use]
    pub fn tier_that_allows(&self, amount: Money) -> Option<(&Name, Money)> {
        let above = self.rank.map_or(1, |rank| rank.saturating_add(1));
        let mut rows = self.policy.tiers.rows().iter().skip(above);
        let row = rows.find(|row| row.limit.fits(Money::ZERO, amount))?;
        Some((&row.name, row.history.minus(self.record().ledger.history)))
    }

    /// Holds if the account follows a clock that went back, which is stored with a change only: what
    /// has its time started anew is a change then, though it looks the same.
    #[must_use]
    pub fn follows_back(&self) -> bool {
        self.through > self.now
    }

    /// The holds that are open, as stored.
    #[must_use]
    pub fn open(&self) -> Open {
        self.account.parts.open(self.through)
    }

    /// Set aside by open holds.
    #[must_use]
    pub fn held(&self) -> Money {
        self.outlook.held.unwrap_or_else(|| self.open().held)
    }

    /// The time until the nearest open hold lapses, 1 to 1,000 ms.
    #[must_use]
    pub fn nearest_lapse(&self) -> Millis {
        let parts = &self.account.parts;
        let nearest = if self.follows_back() {
            // Each has no more than its own time left, whatever their order was.
            let open = parts.holds_after(self.through);
            open.map(|(_, hold)| self.as_of_now(hold).lapses).min()
        } else {
            parts.next_lapse(self.through)
        };
        let left = nearest.map_or(Millis(1), |lapses| lapses.since(self.now));
        left.clamp(Millis(1), Millis(1_000))
    }

    /// Checks that what is spent and what is held fit together.
    ///
    /// # Errors
    /// [`Refusal::TooMuch`] if not.
    pub fn check_held(&self) -> Result<(), Refusal> {
        let sum = self.record().ledger.spent.plus(self.held());
        sum.map(|_| ()).ok_or(Refusal::TooMuch("spent and held"))
    }

    /// Why the account is suspended, if it is.
    #[must_use]
    #[inline(always)]
    pub fn reasons(&self) -> Reasons {
        self.reasons_within(self.spend_limit())
    }

    /// Why the account is suspended, if it is, under this spend limit.
    #[must_use]
    #[inline(always)]
    pub fn reasons_within(&self, limit: Limit<Money>) -> Reasons {
        self.reasons_with(&self.record().ledger, limit)
    }

    /// The same with another ledger.
    #[inline(always)]
    pub(super) fn reasons_with(&self, ledger: &Ledger, limit: Limit<Money>) -> Reasons {
        let no_payment = !self.record().payment_method && ledger.has_no_credits();
        let spent = match limit {
            Limit::At(limit) => ledger.spent >= limit,
            Limit::Unlimited => false,
        };
        let reasons = Reasons::NONE
            .with(Reasons::NO_PAYMENT_METHOD, no_payment)
            .with(Reasons::SPEND_LIMIT, spent);
        let (account, outlook) = (self.account, self.outlook);
        let failed = || account.failed().is_some_and(|failed| !failed.is_empty());
        reasons
            .with(Reasons::BLOCKED, outlook.blocked.unwrap_or_else(|| account.blocked().is_some()))
            .with(Reasons::PAYMENT_FAILED, outlook.payment_failed.unwrap_or_else(failed))
    }

    /// A living lease.
    #[must_use]
    pub fn lease(&self, id: &Id) -> Option<&'a Lease> {
        self.account.leases()?.living(id, self.now)
    }

    /// How much of a quota is held.
    #[must_use]
    pub fn quota_used(&self, quota: &Name) -> Units {
        self.account.leases().map_or(Units::ZERO, |leases: &Leases| leases.used(quota, self.now))
    }

    /// How the account stands, as the money commands reply it.
    #[must_use]
    pub fn statement(&self, outcome: Outcome) -> Statement {
        let (limit, held) = (self.spend_limit(), self.held());
        Statement {
            outcome,
            reasons: self.reasons(),
            ..self.active(&self.record().ledger, limit, held)
        }
    }

    /// How the account stands with this ledger, if it is active and nothing was done before.
    #[inline(always)]
    pub(super) fn active(&self, ledger: &Ledger, limit: Limit<Money>, held: Money) -> Statement {
        Statement {
            outcome: Outcome::Ok,
            spent: ledger.spent,
            limit,
            held,
            credits: ledger.prepaid().unwrap_or(Money::MAX),
            tier: self.tier().0.cloned(),
            reasons: Reasons::NONE,
        }
    }

    /// Holds if this much history, no less than now, earns no other tier.
    #[inline(always)]
    pub(super) fn keeps_tier(&self, history: Money) -> bool {
        self.policy.tiers.risen(self.rank, history) == self.rank
    }

    #[cold]
    fn begin_period(&mut self) {
        let anchor = self.anchor();
        let now = self.now;
        let record = &mut self.after_mut().record;
        let (period, skipped) = record.period.follow(anchor, now);
        record.ledger.previous_spent = match skipped {
            Skipped::No => record.ledger.spent,
            Skipped::Yes => Money::ZERO,
        };
        record.ledger.spent = Money::ZERO;
        record.told.threshold = 0;
        record.period = period;
    }

    /// Finds the tier earned and, if it is higher than the one stored, puts it into the figures.
    #[inline(always)]
    fn settle(&mut self) {
        let tiers = &self.policy.tiers;
        let Record { earned, payment_method, ledger, .. } = self.record();
        let known = earned.as_ref().and_then(|name| tiers.rank(name));
        let before = self.former_rank().max(known);
        let first = payment_method.then_some(0);
        self.rank = tiers.risen(before.max(first), ledger.history);
        if self.rank > before {
            self.rise(first);
        } else if first.is_some() && !self.account.record.payment_method {
            self.keep_first();
        }
    }

    /// Keeps the first tier, which a payment method has just earned beside a higher one.
    #[cold]
    fn keep_first(&mut self) {
        let first = self.policy.tiers.row(0).map(|row| row.name.clone());
        self.keep_former(first);
    }

    /// Keeps tiers that were earned, beside the one that is stored.
    fn keep_former(&mut self, names: impl IntoIterator<Item = Name>) {
        let kept = self.account.former_tiers();
        let after = self.after_mut();
        for name in names {
            // A tier can rise twice: by what was due, and by the command.
            if !kept.contains(&name) && !after.former_tiers.contains(&name) {
                after.former_tiers.push(name);
            }
        }
    }

    /// The rank of the highest tier earned before the one stored.
    #[inline(always)]
    fn former_rank(&self) -> Option<usize> {
        let new = self.after.as_deref().map_or(&[][..], |after| &after.former_tiers);
        if new.is_empty() && self.account.former_tiers().is_empty() {
            return None;
        }
        let rank = |name| self.policy.tiers.rank(name);
        self.account.former_tiers().iter().chain(new).filter_map(rank).max()
    }

    /// Puts a tier just earned into the figures. `first` is the rank that a payment method earns.
    #[cold]
    fn rise(&mut self, first: Option<usize>) {
        let (rank, tiers) = (self.rank, &self.policy.tiers);
        let earned = rank.and_then(|rank| tiers.row(rank)).map(|row| row.name.clone());
        // The new one may leave the table, and those below it get higher thresholds: they are
        // kept, since nothing earned is ever taken away. The first is not earned by history.
        let passed = tiers.rows().get(1..rank.unwrap_or(1)).unwrap_or_default();
        let paid = tiers.row(0).filter(|_| first.is_some() && rank > first);
        let passed = passed.iter().chain(paid).map(|row| row.name.clone());
        let stored = std::mem::replace(&mut self.after_mut().record.earned, earned);
        self.keep_former(stored.into_iter().chain(passed));
    }

    fn after_mut(&mut self) -> &mut After {
        let account = self.account;
        Arc::make_mut(self.after.get_or_insert_with(|| Arc::new(After::of(account))))
    }

    #[inline(always)]
    fn pinned_name(&self) -> Option<&Name> {
        let stored = || self.account.pinned();
        self.after.as_deref().map_or_else(stored, |after| after.pinned.as_ref())
    }

    #[inline(always)]
    pub(super) fn pinned(&self) -> Option<(&Name, Limit<Money>)> {
        let name = self.pinned_name()?;
        if name.as_bytes() == b"unlimited" {
            return Some((name, Limit::Unlimited));
        }
        let rank = self.policy.tiers.rank(name)?;
        self.policy.tiers.row(rank).map(|row| (name, row.limit))
    }
}
