//! What the views say: FW.GET, FW.QUOTAS, FW.HOLDS, FW.LEASES and FW.LOG.
//!
//! Views are requests that never have an effect. They show what is due as done, and answer nothing
//! for an account that does not exist.

use std::collections::BTreeSet;

use super::bounds::LOG_ROWS;
use super::decide::present::Present;
use super::decide::{Decision, Missing, Request};
use super::id::Name;
use super::limit::{LimitName, Source};
use super::log::{Cause, Event, Row};
use super::money::Money;
use super::month::{Anchor, Period};
use super::policy::Policy;
use super::standing::Reason;
use super::time::Millis;
use super::verdict::{HoldRow, LeaseRow, LimitRow, Outcome, Refusal, Statement};

/// FW.GET: everything about the account.
pub struct ViewAccount;

/// What FW.GET shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// What the money commands reply too.
    pub statement: Statement,
    /// Who decides the tier.
    pub tier_source: Source,
    /// Whether a payment method is on file.
    pub payment_method: bool,
    /// The spend limit, its source, and what is used of it.
    pub limit: LimitRow,
    /// Credits bought.
    pub credits: Money,
    /// Credits given.
    pub promo: Money,
    /// Used beyond credits and not yet paid.
    pub owed: Money,
    /// What tiers are earned by.
    pub history: Money,
    /// The tier above the one earned, and the history it lacks.
    pub next_tier: Option<(Name, Money)>,
    /// The spending period.
    pub period: Period,
    /// Spent in the period before.
    pub previous_spent: Money,
    /// Why an operator blocked it, if one did.
    pub blocked: Option<Reason>,
    /// Open holds.
    pub open_holds: usize,
    /// Living leases.
    pub leases: usize,
    /// Failed invoices.
    pub failed_invoices: usize,
    /// The anchor day in force.
    pub anchor: Anchor,
    /// When the account was created.
    pub created: Millis,
}

/// FW.QUOTAS: every limit, or one.
pub struct ViewLimits {
    /// Which one, if not all.
    pub name: Option<LimitName>,
}

/// FW.HOLDS: the holds that are open, soonest lapse first.
pub struct ViewHolds {
    /// How many rows at most.
    pub count: usize,
}

/// FW.LEASES: what is held, by id.
pub struct ViewLeases {
    /// How many rows at most.
    pub count: usize,
}

/// FW.LOG: what changed of standing, tier and limits, newest first.
pub struct ViewLog {
    /// How many rows at most.
    pub count: usize,
}

impl Request for ViewAccount {
    type Answer = Option<AccountRow>;

    fn missing(&self, _policy: &Policy) -> Missing<Self::Answer> {
        Missing::Answer(None)
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Self::Answer>, Refusal> {
        let record = present.record();
        let ledger = record.ledger;
        Ok(Decision::unchanged(Some(AccountRow {
            statement: present.statement(Outcome::Ok),
            tier_source: present.tier().1,
            payment_method: record.payment_method,
            limit: present.limit_row(LimitName::Spend),
            credits: ledger.credits,
            promo: ledger.promo,
            owed: ledger.owed,
            history: ledger.history,
            next_tier: present.next_tier().map(|(name, gap)| (name.clone(), gap)),
            period: record.period,
            previous_spent: ledger.previous_spent,
            blocked: present.account.blocked().cloned(),
            open_holds: present.open().count,
            failed_invoices: present.account.failed().map_or(0, BTreeSet::len),
            leases: present.account.leases().map_or(0, |leases| leases.count(present.now)),
            anchor: present.anchor(),
            created: present.account.created(),
        })))
    }
}

/// What FW.QUOTAS shows.
pub enum Limits {
    /// The limit that was asked for.
    One(LimitRow),
    /// Every limit.
    All(Vec<LimitRow>),
}

impl Request for ViewLimits {
    type Answer = Option<Limits>;

    fn missing(&self, policy: &Policy) -> Missing<Self::Answer> {
        match self.name.as_ref().and_then(|name| policy.lacks(name)) {
            // No lease holds it either.
            Some(quota) => Missing::Refuse(Refusal::UnknownQuota(quota.clone())),
            None => Missing::Answer(None),
        }
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Self::Answer>, Refusal> {
        let shown = match &self.name {
            Some(LimitName::Quota(quota)) if !is_known(present, quota) => {
                return Err(Refusal::UnknownQuota(quota.clone()));
            }
            Some(name) => Limits::One(present.limit_row(name.clone())),
            None => {
                let names = all_limits(present).into_iter();
                Limits::All(names.map(|name| present.limit_row(name)).collect())
            }
        };
        Ok(Decision::unchanged(Some(shown)))
    }
}

impl Request for ViewHolds {
    type Answer = Option<Vec<HoldRow>>;

    fn missing(&self, _policy: &Policy) -> Missing<Self::Answer> {
        Missing::Answer(None)
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Self::Answer>, Refusal> {
        let open = present.account.parts.holds_after(present.through);
        let row = |(id, hold)| HoldRow { id, hold: present.as_of_now(hold) };
        let mut rows: Vec<HoldRow> = if present.through > present.now {
            open.map(row).collect()
        } else {
            open.take(self.count).map(row).collect()
        };
        if present.through > present.now {
            // With less time left, they may lapse in another order.
            rows.sort_by(|a, b| (a.hold.lapses, &a.id).cmp(&(b.hold.lapses, &b.id)));
            rows.truncate(self.count);
        }
        Ok(Decision::unchanged(Some(rows)))
    }
}

impl Request for ViewLeases {
    type Answer = Option<Vec<LeaseRow>>;

    fn missing(&self, _policy: &Policy) -> Missing<Self::Answer> {
        Missing::Answer(None)
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Self::Answer>, Refusal> {
        let Some(leases) = present.account.leases() else {
            return Ok(Decision::unchanged(Some(Vec::new())));
        };
        let row = |(id, lease): (&super::id::Id, &super::lease::Lease)| LeaseRow {
            id: id.clone(),
            lease: lease.clone(),
        };
        let rows = leases.all_living(present.now).take(self.count).map(row).collect();
        Ok(Decision::unchanged(Some(rows)))
    }
}

impl Request for ViewLog {
    type Answer = Option<Vec<Row>>;

    fn missing(&self, _policy: &Policy) -> Missing<Self::Answer> {
        Missing::Answer(None)
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Self::Answer>, Refusal> {
        let account = present.account;
        let created = Row {
            time: account.created(),
            event: Event::Created,
            cause: Cause::of(&[b"first command"]),
        };
        let due = present.due_news();
        let rows = due.iter().rev().chain(account.log().iter().rev());
        let rows = rows.chain(std::iter::once(&created)).take(self.count.min(LOG_ROWS));
        Ok(Decision::unchanged(Some(rows.cloned().collect())))
    }
}

fn is_known(present: &Present<'_>, quota: &Name) -> bool {
    present.policy.has_quota(quota) || !present.quota_used(quota).is_zero()
}

/// The names of all limits: the account-wide ones, the platform's quotas, those that left the
/// platform while leases hold them, and the scopes that have limits.
fn all_limits(present: &Present<'_>) -> Vec<LimitName> {
    use LimitName::{Concurrency, Quota, Requests, Scoped, Spend, Tokens};
    let mut names = vec![Requests, Tokens, Concurrency, Spend];
    names.extend(present.policy.quotas.iter().map(|(quota, _)| Quota(quota.clone())));
    let held = present.account.leases().into_iter().flat_map(|leases| leases.quotas());
    let gone = held.filter(|quota| !present.policy.has_quota(quota) && is_known(present, quota));
    names.extend(gone.map(|quota| Quota(quota.clone())));
    names.extend(present.account.own_limits().filter(|name| matches!(name, Scoped(..))).cloned());
    names
}
