//! Limits: how much of something an account may use.
//!
//! Every limit of an account is a VALUE (what the customer chose) within a MAX (what the operator
//! approved); which is in force is derived here and nowhere else. All limits are kept alike, as
//! [`Units`]: of requests, tokens, holds, GPUs or, for `spend`, nano-dollars.

use std::borrow::Cow;

use super::id::{Name, Scope};
use super::money::Money;

/// A count of what a limit is about. Never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Units(i64);

impl Units {
    /// None of it.
    pub const ZERO: Self = Self(0);
    /// As much as there can be.
    pub const MAX: Self = Self(i64::MAX);

    /// Takes a count; `None` if negative.
    #[must_use]
    pub const fn new(count: i64) -> Option<Self> {
        if count >= 0 { Some(Self(count)) } else { None }
    }

    /// Takes a count that cannot be negative.
    #[must_use]
    pub const fn of(count: u32) -> Self {
        Self(count as i64)
    }

    /// An amount of money, in nano-dollars.
    #[must_use]
    pub const fn of_money(money: Money) -> Self {
        Self(money.nanos())
    }

    /// The amount of money that these nano-dollars are.
    #[must_use]
    #[inline(always)]
    pub fn as_money(self) -> Money {
        Money::from_nanos(self.0).unwrap_or(Money::ZERO)
    }

    /// The count.
    #[must_use]
    pub const fn count(self) -> i64 {
        self.0
    }

    /// The sum, or `None` if it does not fit.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// What is left after taking `other` away, not below zero.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        let left = self.0.saturating_sub(other.0);
        if left > 0 { Self(left) } else { Self::ZERO }
    }

    /// Holds if there is none of it.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// What a limit counts: [`Units`] or [`Money`].
pub trait Amount: Copy + Ord + Default {
    /// What is left after taking `other` away, not below zero.
    #[must_use]
    fn minus(self, other: Self) -> Self;
}

impl Amount for Units {
    fn minus(self, other: Self) -> Self {
        Self::minus(self, other)
    }
}

impl Amount for Money {
    fn minus(self, other: Self) -> Self {
        Self::minus(self, other)
    }
}

/// How much is allowed. `Unlimited` is above every amount, also above the largest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit<T> {
    /// At most this much.
    At(T),
    /// Any amount.
    Unlimited,
}

impl<T: Amount> Limit<T> {
    /// Holds if `used` and `more` together are within the limit. No sum is formed, so nothing
    /// overflows.
    #[must_use]
    pub fn fits(self, used: T, more: T) -> bool {
        match self {
            Self::At(limit) => more <= limit && used <= limit.minus(more),
            Self::Unlimited => true,
        }
    }

    /// What is left of the limit when `used` of it is taken, not below zero.
    #[must_use]
    pub fn remaining(self, used: T) -> Self {
        match self {
            Self::At(limit) => Self::At(limit.minus(used)),
            Self::Unlimited => Self::Unlimited,
        }
    }
}

/// Who set the limit in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The customer, by VALUE.
    Customer,
    /// The operator, by MAX.
    Operator,
    /// The account's tier.
    Tier,
    /// The platform's settings.
    Platform,
}

impl Source {
    /// The word in replies.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Operator => "operator",
            Self::Tier => "tier",
            Self::Platform => "platform",
        }
    }
}

impl Limit<Units> {
    /// A limit of money from one in nano-dollars.
    #[must_use]
    #[inline(always)]
    pub fn as_money(self) -> Limit<Money> {
        match self {
            Self::At(nanos) => Limit::At(nanos.as_money()),
            Self::Unlimited => Limit::Unlimited,
        }
    }
}

impl Limit<Money> {
    /// The limit in nano-dollars.
    #[must_use]
    #[inline(always)]
    pub fn as_units(self) -> Limit<Units> {
        match self {
            Self::At(money) => Limit::At(Units::of_money(money)),
            Self::Unlimited => Limit::Unlimited,
        }
    }
}

/// Which limit. The order is that of replies, but for quotas, which follow the platform's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LimitName {
    /// Requests per 60 s.
    Requests,
    /// Tokens per 60 s.
    Tokens,
    /// Open holds.
    Concurrency,
    /// Money per month, in nano-dollars.
    Spend,
    /// Units of a quota held by leases.
    Quota(Name),
    /// Requests or tokens per 60 s within a scope.
    Scoped(Meter, Scope),
}

impl LimitName {
    /// The account's own limit of a window.
    #[must_use]
    pub const fn of(meter: Meter) -> Self {
        match meter {
            Meter::Requests => Self::Requests,
            Meter::Tokens => Self::Tokens,
        }
    }

    /// The name in commands and replies.
    #[must_use]
    pub fn text(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Requests => Cow::Borrowed(b"requests"),
            Self::Tokens => Cow::Borrowed(b"tokens"),
            Self::Concurrency => Cow::Borrowed(b"concurrency"),
            Self::Spend => Cow::Borrowed(b"spend"),
            Self::Quota(name) => Cow::Borrowed(name.as_bytes()),
            Self::Scoped(Meter::Requests, scope) => {
                Cow::Owned([b"requests@", scope.as_bytes()].concat())
            }
            Self::Scoped(Meter::Tokens, scope) => {
                Cow::Owned([b"tokens@", scope.as_bytes()].concat())
            }
        }
    }
}

/// What a rate window counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meter {
    /// Requests.
    Requests,
    /// Tokens.
    Tokens,
}

/// What an account has of its own for one limit, over the platform's figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Override {
    /// What the customer chose.
    pub value: Option<Limit<Units>>,
    /// What the operator approved.
    pub max: Option<Limit<Units>>,
}

/// A limit as it stands: what is in force, its MAX, and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InForce {
    /// What is enforced.
    pub limit: Limit<Units>,
    /// What VALUE may rise to.
    pub max: Limit<Units>,
    /// Who set it.
    pub source: Source,
}

impl Override {
    /// Holds if the account has nothing of its own for this limit.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The limit in force: VALUE if set and not above MAX, else MAX, which defaults to `platform`,
    /// a figure that comes from `source`.
    #[must_use]
    #[inline(always)]
    pub fn in_force(&self, platform: Limit<Units>, source: Source) -> InForce {
        let (max, source) = match self.max {
            Some(max) => (max, Source::Operator),
            None => (platform, source),
        };
        match self.value {
            Some(value) if value <= max => InForce { limit: value, max, source: Source::Customer },
            _ => InForce { limit: max, max, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(count: u32) -> Limit<Units> {
        Limit::At(Units::of(count))
    }

    #[test]
    fn what_fits_is_told_without_a_sum() {
        assert!(at(5).fits(Units::of(3), Units::of(2)));
        assert!(!at(5).fits(Units::of(3), Units::of(3)));
        assert!(!at(5).fits(Units::of(9), Units::ZERO));
        let largest = Limit::At(Units(i64::MAX));
        assert!(!largest.fits(Units(i64::MAX), Units(i64::MAX)));
        assert!(Limit::Unlimited.fits(Units(i64::MAX), Units(i64::MAX)));
    }

    #[test]
    fn unlimited_is_above_the_largest_amount() {
        assert!(Limit::Unlimited > Limit::At(Units(i64::MAX)));
    }

    #[test]
    fn value_is_in_force_within_max_and_max_otherwise() {
        let platform = at(600);
        let mut own = Override::default();
        let row = own.in_force(platform, Source::Platform);
        assert_eq!((row.limit, row.max, row.source), (platform, platform, Source::Platform));
        own.value = Some(at(100));
        let row = own.in_force(platform, Source::Platform);
        assert_eq!((row.limit, row.max, row.source), (at(100), platform, Source::Customer));
        own.max = Some(at(50));
        let row = own.in_force(platform, Source::Platform);
        assert_eq!((row.limit, row.max, row.source), (at(50), at(50), Source::Operator));
        own.max = Some(at(100));
        assert_eq!(own.in_force(platform, Source::Platform).source, Source::Customer);
    }
}
