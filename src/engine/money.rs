//! Money: exact amounts of dollars.
//!
//! An amount is an i64 of nano-dollars, never negative; no float comes near it. On the wire it is a
//! decimal string: 1 to 10 digits, then optionally a point and 1 to 9 digits.
//! Invariant: `0 <= nanos`.

use std::fmt;

const NANOS_PER_DOLLAR: i64 = 1_000_000_000;
const FRACTION_DIGITS: usize = 9;
const WHOLE_DIGITS: usize = 10;
/// Powers of ten: what the last decimal given is worth in nanos, where so many of the nine are not.
const TENS: [i64; FRACTION_DIGITS + 1] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, NANOS_PER_DOLLAR];

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
            Some(point) => (text.get(..point)?, text.get(point.checked_add(1)?..)?),
            None => (text, &[][..]),
        };
        let ends_in_point = fraction.is_empty() && whole.len() < text.len();
        if whole.is_empty() || whole.len() > WHOLE_DIGITS || ends_in_point {
            return None;
        }
        let place = TENS.get(FRACTION_DIGITS.checked_sub(fraction.len())?)?;
        let nanos = digits(fraction)?.checked_mul(*place)?;
        digits(whole)?.checked_mul(NANOS_PER_DOLLAR)?.checked_add(nanos).map(Self)
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
    #[inline(always)]
    pub fn text(self) -> MoneyText {
        // Unsigned, since dividing by a constant is cheaper then.
        let mut text = MoneyText { bytes: [0; MoneyText::ROOM], end: 0 };
        text.write(self.0.unsigned_abs());
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
    bytes: [u8; Self::ROOM],
    end: usize,
}

impl MoneyText {
    /// Ten digits, the point and nine digits, and what is written eight at once and not used.
    const ROOM: usize = 32;

    /// The text's bytes, all ASCII.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.end).unwrap_or(b"")
    }

    /// Writes where the text lies: what is written in small pieces is not copied in large ones.
    fn write(&mut self, nanos: u64) {
        let dollar = NANOS_PER_DOLLAR.unsigned_abs();
        let (whole, fraction) = (nanos.wrapping_div(dollar), nanos.wrapping_rem(dollar));
        let (high, low) = (whole.wrapping_div(EIGHT), whole.wrapping_rem(EIGHT));
        if high > 0 {
            self.put_number(eight_digits(high));
            self.put(ascii(eight_digits(low)), 8);
        } else {
            self.put_number(eight_digits(low));
        }
        if fraction > 0 {
            let eight = eight_digits(fraction.wrapping_div(10));
            let ninth = fraction.wrapping_rem(10);
            self.put(u64::from(b'.'), 1);
            // Zeros at the end are left out.
            let zeros = if ninth > 0 { 0 } else { eight.leading_zeros() / 8 };
            self.put(ascii(eight), 8_u32.saturating_sub(zeros));
            self.put(ascii(ninth), u32::from(ninth > 0));
        }
    }

    /// Appends a number of eight digits without the zeros before it.
    fn put_number(&mut self, digits: u64) {
        let zeros = (digits.trailing_zeros() / 8).min(7);
        self.put(ascii(digits >> (8 * zeros)), 8_u32.saturating_sub(zeros));
    }

    /// Appends so many of eight bytes, of which the first lies lowest.
    fn put(&mut self, text: u64, count: u32) {
        if let Some(place) = self.bytes.get_mut(self.end..).and_then(<[u8]>::first_chunk_mut) {
            *place = text.to_le_bytes();
            self.end = self.end.saturating_add(count as usize);
        }
    }
}

/// So much has nine digits.
const EIGHT: u64 = 100_000_000;

/// Digits as text.
fn ascii(digits: u64) -> u64 {
    digits.wrapping_add(u64::from_le_bytes([b'0'; 8]))
}

/// The digits of a number below 100,000,000, a byte each, the first one lowest: halves first, then pairs
/// of digits, then digits, each time all of them at once.
fn eight_digits(number: u64) -> u64 {
    let split = |all: u64, at: u64, by: u64, shift: u32, bits: u32, mask: u64| {
        let above = (all.wrapping_mul(by) >> bits) & mask;
        above | all.wrapping_sub(above.wrapping_mul(at)) << shift
    };
    let halves = number.wrapping_div(10_000) | number.wrapping_rem(10_000) << 32;
    // By 5,243 and 2^19 it is divided by 100, by 103 and 2^10 by 10: exact for what comes here.
    let pairs = split(halves, 100, 5_243, 16, 19, 0x0000_007f_0000_007f);
    split(pairs, 10, 103, 8, 10, 0x000f_000f_000f_000f)
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
