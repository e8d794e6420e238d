//! The money that an account may still set aside, and what a request asks of it.
//!
//! What does not fit is judged here, in the order of [`Verdict`]; which rule comes before which is for
//! FW.ADMIT to say.

use super::present::Present;
use crate::engine::bounds::HOLDS;
use crate::engine::lapse::Open;
use crate::engine::limit::{Limit, LimitName, Units};
use crate::engine::money::Money;
use crate::engine::verdict::{Decider, Refusal, Retry, Verdict};

/// How a request is judged.
pub(super) struct Judged {
    pub verdict: Verdict,
    /// What decided; the tightest requests window where nothing did.
    pub policy: Option<Decider>,
    pub retry: Retry,
}

/// The money an account may still set aside, and what is asked of it.
pub struct Purse {
    /// What is asked.
    pub amount: Money,
    limit: Limit<Money>,
    /// Spent this month.
    pub spent: Money,
    /// Set aside by open holds.
    pub held: Money,
    /// How many holds are open.
    pub open: usize,
    /// What is prepaid, where nothing else is to be drawn on.
    pub credits: Limit<Money>,
}

impl Purse {
    #[inline(always)]
    pub(super) fn of(present: &Present<'_>, amount: Money) -> Self {
        let record = present.record();
        let Open { count, held } = present.open();
        let credits = match record.payment_method {
            true => Limit::Unlimited,
            false => Limit::At(record.ledger.prepaid().unwrap_or(Money::MAX)),
        };
        let (limit, spent) = (present.spend_limit(), record.ledger.spent);
        Self { amount, limit, spent, held, open: count, credits }
    }

    /// The limit that is less than the request asks for, however little is used of it.
    pub(super) fn too_large(&self, present: &Present<'_>) -> Option<LimitName> {
        let none = Limit::At(Units::ZERO);
        if present.in_force(&LimitName::Concurrency).limit == none {
            return Some(LimitName::Concurrency);
        }
        (!self.limit.fits(Money::ZERO, self.amount)).then_some(LimitName::Spend)
    }

    /// What the amount does not fit when so much is held by others.
    pub(super) fn lacks(&self, held: Money) -> Option<Decider> {
        // What is spent and held fits together in every account.
        let used = self.spent.plus(held).unwrap_or(Money::MAX);
        if !self.limit.fits(used, self.amount) {
            return Some(Decider::Limit(LimitName::Spend));
        }
        (!self.credits.fits(held, self.amount)).then_some(Decider::Bound("credits"))
    }

    /// Checks that what is spent and held fits with the amount, also without a limit.
    pub(super) fn check_sum(&self) -> Result<(), Refusal> {
        let sum = self.spent.plus(self.held).and_then(|sum| sum.plus(self.amount));
        sum.map(|_| ()).ok_or(Refusal::TooMuch("spent and held"))
    }

    /// Why the hold cannot be opened beside those that are open.
    pub(super) fn beside_open_holds(&self, present: &Present<'_>) -> Option<Judged> {
        let deny = |verdict, policy| {
            let retry = Retry::After(present.nearest_lapse());
            Some(Judged { verdict, policy: Some(policy), retry })
        };
        let limit = present.in_force(&LimitName::Concurrency).limit;
        let open = Units::new(i64::try_from(self.open).unwrap_or(i64::MAX)).unwrap_or_default();
        if !limit.fits(open, Units::of(1)) {
            return deny(Verdict::ConcurrencyLimited, Decider::Limit(LimitName::Concurrency));
        }
        if self.open >= HOLDS {
            return deny(Verdict::ConcurrencyLimited, Decider::Bound("holds"));
        }
        self.lacks(self.held).and_then(|policy| deny(Verdict::InFlight, policy))
    }
}
