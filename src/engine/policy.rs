//! The policy: the platform's figures, as one immutable snapshot.
//!
//! Every command is judged by the policy of its moment; what it decides is stored as figures, so a
//! replica needs no policy to follow. How figures are written in settings is not known here.
//! [`Policy::default`] is the default profile.

use super::id::Name;
use super::limit::{Limit, LimitName, Units};
use super::money::Money;
use super::month::Anchor;
use super::tier::{Tier, Tiers};
use super::time::Millis;

/// What a command does with an account that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewAccounts {
    /// It is unknown; only FW.SET and FW.TOPUP create it.
    Reject,
    /// It is as new, with a payment method on file.
    Open,
    /// It is as new, without a payment method: it is admitted on credits only.
    Prepaid,
}

/// The platform's figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What missing accounts are.
    pub new_accounts: NewAccounts,
    /// Requests per rate window.
    pub requests: Limit<Units>,
    /// Tokens per rate window.
    pub tokens: Limit<Units>,
    /// Open holds.
    pub concurrency: Limit<Units>,
    /// The tier table.
    pub tiers: Tiers,
    /// What can be leased, and how much of each; in the order of replies.
    pub quotas: Vec<(Name, Limit<Units>)>,
    /// The day on which spending periods begin.
    pub anchor: Anchor,
    /// Per cents of the spend limit whose crossing is an event; rising.
    pub thresholds: Vec<u8>,
    /// The time to live of a hold that names none.
    pub hold_ttl: Millis,
    /// The time to live of a lease that names none; zero never lapses.
    pub lease_ttl: Millis,
    /// How long closed and lapsed holds are remembered.
    pub hold_memory: Millis,
    /// How long spend ids are remembered.
    pub spend_memory: Millis,
    /// How long ids of top-ups, refunds and invoices are remembered.
    pub billing_memory: Millis,
}

impl Policy {
    /// The platform's limit of a quota; zero for one it does not have, or no longer has.
    #[must_use]
    pub fn quota(&self, name: &Name) -> Limit<Units> {
        let found = self.quotas.iter().find(|(quota, _)| quota == name);
        found.map_or(Limit::At(Units::ZERO), |(_, limit)| *limit)
    }

    /// The quota, if this is the limit of one that the platform does not have, or no longer has.
    #[must_use]
    pub fn lacks<'a>(&self, name: &'a LimitName) -> Option<&'a Name> {
        match name {
            LimitName::Quota(quota) if !self.has_quota(quota) => Some(quota),
            _ => None,
        }
    }

    /// Holds if the platform has a quota of this name.
    #[must_use]
    pub fn has_quota(&self, name: &Name) -> bool {
        self.quotas.iter().any(|(quota, _)| quota == name)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            new_accounts: NewAccounts::Reject,
            requests: Limit::At(Units::of(600)),
            tokens: Limit::Unlimited,
            concurrency: Limit::Unlimited,
            tiers: default_tiers(),
            quotas: default_quotas(),
            anchor: Anchor::FIRST,
            thresholds: vec![50, 80, 90, 100],
            hold_ttl: Millis(60_000),
            lease_ttl: Millis(600_000),
            hold_memory: Millis(600_000),
            spend_memory: Millis(86_400_000),
            billing_memory: Millis(3_456_000_000),
        }
    }
}

fn default_tiers() -> Tiers {
    let rows: [(&[u8], u32, u32); 4] = [
        (b"tier-1", 50, 0),
        (b"tier-2", 500, 100),
        (b"tier-3", 5_000, 1_000),
        (b"tier-4", 50_000, 10_000),
    ];
    let tier = |(name, limit, history): (&[u8], u32, u32)| {
        let limit = Limit::At(Money::dollars(limit));
        Name::new(name).map(|name| Tier { name, limit, history: Money::dollars(history) })
    };
    Tiers::new_checked(rows.into_iter().filter_map(tier).collect())
}

fn default_quotas() -> Vec<(Name, Limit<Units>)> {
    let rows: [(&[u8], u32); 3] = [(b"deployed-models", 100), (b"a100", 8), (b"h100", 8)];
    rows.into_iter()
        .filter_map(|(name, limit)| Some((Name::new(name)?, Limit::At(Units::of(limit)))))
        .collect()
}
