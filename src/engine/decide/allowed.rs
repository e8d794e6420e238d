//! The limits of an account as they are now: what is in force, and what is used of it.

use super::present::Present;
use crate::engine::limit::{InForce, Limit, LimitName, Override, Source, Units};
use crate::engine::money::Money;
use crate::engine::verdict::LimitRow;
use crate::engine::window::Window;

impl Present<'_> {
    /// A limit as it is in force.
    #[must_use]
    #[inline(always)]
    pub fn in_force(&self, name: &LimitName) -> InForce {
        self.in_force_with(name, self.account.own(name))
    }

    /// A limit as it would be in force with this of the account's own. What it has of a quota that
    /// left the platform counts for nothing.
    #[must_use]
    #[inline(always)]
    pub fn in_force_with(&self, name: &LimitName, own: Option<Override>) -> InForce {
        let (platform, source) = self.platform_limit(name);
        match own {
            Some(own) if self.policy.lacks(name).is_none() => own.in_force(platform, source),
            _ => Override::default().in_force(platform, source),
        }
    }

    /// What holds where the account has nothing of its own, and where that figure comes from. A
    /// quota that left the platform reads 0, whatever was set for it.
    #[must_use]
    #[inline(always)]
    fn platform_limit(&self, name: &LimitName) -> (Limit<Units>, Source) {
        let platform = match name {
            LimitName::Requests => self.policy.requests,
            LimitName::Tokens => self.policy.tokens,
            LimitName::Concurrency => self.policy.concurrency,
            LimitName::Spend => return (self.tier_limit().as_units(), Source::Tier),
            LimitName::Quota(quota) => self.policy.quota(quota),
            LimitName::Scoped(..) => Limit::Unlimited,
        };
        (platform, Source::Platform)
    }

    /// What is in use of a limit.
    #[must_use]
    pub fn used(&self, name: &LimitName) -> Units {
        match name {
            LimitName::Requests | LimitName::Tokens | LimitName::Scoped(..) => {
                let used = |window: &Window| window.used(self.now);
                self.account.window(name).map_or(Units::ZERO, used)
            }
            LimitName::Concurrency => {
                Units::new(i64::try_from(self.open().count).unwrap_or(i64::MAX)).unwrap_or_default()
            }
            LimitName::Spend => {
                // Judged before: the sum fits.
                let used = self.record().ledger.spent.plus(self.held());
                Units::of_money(used.unwrap_or(Money::MAX))
            }
            LimitName::Quota(quota) => self.quota_used(quota),
        }
    }

    /// A limit with what is in use of it.
    #[must_use]
    pub fn limit_row(&self, name: LimitName) -> LimitRow {
        LimitRow { in_force: self.in_force(&name), used: self.used(&name), name }
    }

    /// The spend limit in force.
    #[must_use]
    #[inline(always)]
    pub fn spend_limit(&self) -> Limit<Money> {
        self.in_force(&LimitName::Spend).limit.as_money()
    }

    /// What the tier in force allows in a month.
    #[must_use]
    #[inline(always)]
    pub fn tier_limit(&self) -> Limit<Money> {
        match (self.pinned(), self.earned()) {
            (Some((_, limit)), _) => limit,
            (None, Some(row)) => row.limit,
            (None, None) => self.policy.tiers.first_limit(),
        }
    }
}
