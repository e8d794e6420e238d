//! Money as the module counts it: whole nano-dollars. There is no float and no rounding.

use std::fmt;
use std::str::FromStr;

const NANOS: u64 = 1_000_000_000;
const DECIMALS: usize = 9;
/// The most digits before the point.
const DIGITS: usize = 10;

/// An amount of dollars, 0 to 9223372036.854775807, exact to a nano-dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(u64);

/// A text that is no amount of money: 1 to 10 digits, then optionally a point and 1 to 9 digits, at
/// most 9223372036.854775807.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("money is 0 to 9223372036.854775807 dollars in digits, with at most 9 decimals")]
pub struct NotMoney;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The most that the module can count: 9223372036.854775807 dollars.
    pub const MAX: Self = Self(i64::MAX.unsigned_abs());

    /// Nano-dollars; `None` above [`Money::MAX`].
    pub const fn from_nanos(nanos: u64) -> Option<Self> {
        if nanos > Self::MAX.0 { None } else { Some(Self(nanos)) }
    }

    /// Whole dollars; `None` above [`Money::MAX`].
    pub const fn from_dollars(dollars: u64) -> Option<Self> {
        match dollars.checked_mul(NANOS) {
            Some(nanos) => Self::from_nanos(nanos),
            None => None,
        }
    }

    /// The amount in nano-dollars.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// The sum; `None` if it is above [`Money::MAX`].
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        // Two amounts always fit in a u64.
        Self::from_nanos(self.0 + other.0)
    }

    /// The difference; `None` if it is below nothing.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// So many times the amount, such as tokens at a price; `None` if it is above [`Money::MAX`].
    pub const fn checked_mul(self, times: u64) -> Option<Self> {
        match self.0.checked_mul(times) {
            Some(nanos) => Self::from_nanos(nanos),
            None => None,
        }
    }
}

/// In the module's own form: no sign, no exponent, no trailing zeros.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, nanos) = (self.0 / NANOS, self.0 % NANOS);
        if nanos == 0 {
            return f.pad(&dollars.to_string());
        }
        let decimals = format!("{nanos:0DECIMALS$}");
        f.pad(&format!("{dollars}.{}", decimals.trim_end_matches('0')))
    }
}

impl FromStr for Money {
    type Err = NotMoney;

    fn from_str(text: &str) -> Result<Self, NotMoney> {
        let (dollars, decimals) = match text.split_once('.') {
            Some((dollars, decimals)) => (dollars, decimals),
            None => (text, "0"),
        };
        let dollars = digits(dollars, DIGITS)?;
        let missing = DECIMALS.saturating_sub(decimals.len());
        let zeros = (0..missing).fold(1, |power: u64, _| power * 10);
        let nanos = digits(decimals, DECIMALS)? * zeros;
        let whole = Self::from_dollars(dollars).ok_or(NotMoney)?;
        Self::from_nanos(whole.0 + nanos).ok_or(NotMoney)
    }
}

/// 1 to `most` digits and nothing else: `parse` alone would take a sign.
fn digits(text: &str, most: usize) -> Result<u64, NotMoney> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || text.len() > most {
        return Err(NotMoney);
    }
    text.parse().map_err(|_| NotMoney)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_and_print_exactly() {
        for (text, nanos) in [
            ("0", 0),
            ("50", 50 * NANOS),
            ("0.0000125", 12_500),
            ("0.000000001", 1),
            ("9223372036.854775807", i64::MAX.unsigned_abs()),
        ] {
            let money: Money = text.parse().unwrap();
            assert_eq!((money.nanos(), money.to_string().as_str()), (nanos, text));
        }
        assert_eq!("007.50".parse::<Money>().unwrap().to_string(), "7.5");
        assert_eq!(format!("{:>6}", Money(500_000_000)), "   0.5");
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            ".",
            ".5",
            "5.",
            "+5",
            "-5",
            "1e3",
            " 5",
            "nan",
            "1.0000000001",
            "1.-5",
            "1.+5",
            "9223372036.854775808",
            "9223372037",
            "12345678901",
            "1.2.3",
            "٣",
        ] {
            assert_eq!(text.parse::<Money>(), Err(NotMoney), "{text}");
        }
    }

    #[test]
    fn sums_are_checked() {
        let one = Money::from_dollars(1).unwrap();
        assert_eq!(Money::MAX.checked_add(Money(1)), None);
        assert_eq!(Money::MAX.checked_add(Money::ZERO), Some(Money::MAX));
        assert_eq!(Money::ZERO.checked_sub(one), None);
        assert_eq!(one.checked_mul(3).unwrap().to_string(), "3");
        assert_eq!(Money::MAX.checked_mul(2), None);
        assert_eq!(Money::from_dollars(u64::MAX), None);
    }
}
