//! Money: exact amounts of dollars.
//!
//! An amount is an i64 of nano-dollars, never negative; no float comes near it. On the wire it is a
//! decimal string: 1 to 10 digits, then optionally a point and 1 to 9 digits.
//! Invariant: `0 <= nanos`.

use std::fmt;

const NANOS_PER_DOLLAR: i64 = 1_000_000_000;
const FRACTION_DIGITS: usize = 9;
const WHOLE_DIGITS: usize = 10;

/// An amount of dollars, exact to a nano-dollar, 0 to 9223372036.854775807.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(i64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The least amount above nothing: a nano-dollar.
    pub const LEAST: Self = Self(1);
    /// The largest amount there is.
    pub const MAX: Self = Self(i64::MAX);

    /// Takes whole dollars, held below [`Money::MAX`].
    #[must_use]
    pub const fn dollars(whole: u32) -> Self {
        Self((whole as i64).saturating_mul(NANOS_PER_DOLLAR))
    }

    /// Takes nano-dollars; `None` if negative.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Option<Self> {
        if nanos >= 0 { Some(Self(nanos)) } else { None }
    }

    /// The amount in nano-dollars.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Reads the wire form; `None` for any other form and for more than [`Money::MAX`].
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (whole, fraction) = match text.iter().position(|&byte| byte == b'.') {
            Some(point) => (text.get(..point)?, Some(text.get(point.checked_add(1)?..)?)),
            None => (text, None),
        };
        if whole.is_empty() || whole.len() > WHOLE_DIGITS {
            return None;
        }
        let mut nanos = digits(whole)?;
        for place in 0..FRACTION_DIGITS {
            let digit = match fraction.and_then(|digits| digits.get(place)) {
                Some(&byte) => decimal(byte)?,
                None => 0,
            };
            nanos = nanos.checked_mul(10)?.checked_add(digit)?;
        }
        if fraction.is_some_and(|digits| digits.is_empty() || digits.len() > FRACTION_DIGITS) {
            return None;
        }
        Some(Self(nanos))
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

    /// Holds if there is nothing of it.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The wire form, without trailing zeros and without an allocation.
    #[must_use]
    pub fn text(self) -> MoneyText {
        let mut text = MoneyText { bytes: [b'0'; MoneyText::LONGEST], start: 0, end: 0 };
        text.write(self.0);
        text
    }
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0_i64, |sum, &byte| sum.checked_mul(10)?.checked_add(decimal(byte)?))
}

fn decimal(byte: u8) -> Option<i64> {
    byte.is_ascii_digit().then(|| i64::from(byte.wrapping_sub(b'0')))
}

impl fmt::Display for Money {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(std::str::from_utf8(self.text().as_bytes()).unwrap_or(""))
    }
}

/// An amount in its wire form, on the stack.
pub struct MoneyText {
    bytes: [u8; Self::LONGEST],
    start: usize,
    end: usize,
}

impl MoneyText {
    const LONGEST: usize = WHOLE_DIGITS + 1 + FRACTION_DIGITS;

    /// The text's bytes, all ASCII.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or(b"")
    }

    /// Writes from the right: the fraction without its trailing zeros, the point, the dollars.
    fn write(&mut self, nanos: i64) {
        self.end = Self::LONGEST;
        self.start = Self::LONGEST;
        // Unsigned, since dividing by a constant is cheaper then: a money reply has four amounts.
        let nanos = nanos.unsigned_abs();
        let mut fraction = nanos.wrapping_rem(NANOS_PER_DOLLAR.unsigned_abs());
        if fraction > 0 {
            let mut places = FRACTION_DIGITS;
            for (zeros, power) in [(3, 1_000), (3, 1_000), (1, 10), (1, 10)] {
                if fraction.wrapping_rem(power) == 0 {
                    fraction = fraction.wrapping_div(power);
                    places = places.saturating_sub(zeros);
                }
            }
            self.put_digits(fraction, places);
            self.put(b'.');
        }
        self.put_digits(nanos.wrapping_div(NANOS_PER_DOLLAR.unsigned_abs()), 1);
    }

    /// Puts `value` in front, padded with zeros to at least `width` digits.
    fn put_digits(&mut self, mut value: u64, width: usize) {
        let mut written = 0_usize;
        while value > 0 || written < width {
            let [digit, ..] = value.wrapping_rem(10).to_le_bytes();
            self.put(b'0'.wrapping_add(digit));
            value = value.wrapping_div(10);
            written = written.saturating_add(1);
        }
    }

    fn put(&mut self, byte: u8) {
        let before = self.start.saturating_sub(1);
        if let Some(place) = self.bytes.get_mut(before) {
            *place = byte;
            self.start = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        Money::parse(text.as_bytes()).map(|money| money.to_string())
    }

    #[test]
    fn an_amount_is_replied_as_short_as_it_can_be() {
        for (given, replied) in [
            ("50", "50"),
            ("0", "0"),
            ("000", "0"),
            ("0.0000125", "0.0000125"),
            ("1.500000000", "1.5"),
            ("0000000007.10", "7.1"),
            ("9223372036.854775807", "9223372036.854775807"),
            ("0.000000001", "0.000000001"),
            ("100.000000001", "100.000000001"),
        ] {
            assert_eq!(shown(given).as_deref(), Some(replied), "{given}");
        }
    }

    #[test]
    fn every_other_form_is_refused() {
        for text in [
            "",
            ".",
            ".5",
            "5.",
            "+1",
            "-1",
            "1e3",
            " 1",
            "1 ",
            "1,5",
            "nan",
            "inf",
            "0x1",
            "1.2.3",
            "9223372036.854775808",
            "9999999999",
            "00000000001",
            "1.0000000000",
            "1\0",
            "١",
        ] {
            assert_eq!(Money::parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn every_amount_reads_back_as_itself() {
        let mut nanos = 1_i64;
        while let Some(next) = nanos.checked_mul(3) {
            for near in [nanos, nanos + 1, nanos - 1] {
                let money = Money(near);
                assert_eq!(Money::parse(money.text().as_bytes()), Some(money), "{near}");
            }
            nanos = next;
        }
        assert_eq!(Money::parse(Money::MAX.text().as_bytes()), Some(Money::MAX));
    }

    #[test]
    fn a_sum_that_does_not_fit_is_none_and_nothing_goes_below_zero() {
        assert_eq!(Money::MAX.plus(Money(1)), None);
        assert_eq!(Money(3).minus(Money(5)), Money::ZERO);
    }
}
