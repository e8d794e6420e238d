//! Arguments: a client's words, taken one after the other.
//!
//! Words are looked at where the server keeps them; nothing is copied. Positions in messages count
//! as a person does: the account is argument 1. Option names ignore case; names and ids do not.

use super::Doc;
use super::error::{Error, Shown};
use crate::engine::bounds::{HOLD_TTL_MS, ID_BYTES};
use crate::engine::id::{Id, IdBytes, Name, Scope};
use crate::engine::limit::{Limit, LimitName, Meter, Units};
use crate::engine::money::Money;
use crate::engine::policy::Policy;
use crate::engine::time::Millis;

/// Where a command's words are.
pub trait Words {
    /// How many there are, the command's name among them.
    fn count(&self) -> usize;

    /// A word; empty if there are not so many.
    fn word(&self, at: usize) -> &[u8];
}

impl Words for Vec<Vec<u8>> {
    fn count(&self) -> usize {
        self.len()
    }

    fn word(&self, at: usize) -> &[u8] {
        self.get(at).map_or(&[], Vec::as_slice)
    }
}

/// What is left of a command's words.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    words: &'a dyn Words,
    doc: &'a Doc,
    next: usize,
}

impl<'a> Iterator for Args<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.is_empty() {
            return None;
        }
        let word = self.words.word(self.next);
        self.next = self.next.saturating_add(1);
        Some(word)
    }
}

impl<'a> Args<'a> {
    /// The words after the first `skip`.
    #[must_use]
    pub fn after(skip: usize, words: &'a dyn Words, doc: &'a Doc) -> Self {
        Self { words, doc, next: skip }
    }

    /// Holds if all words were taken.
    #[must_use]
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.next >= self.words.count()
    }

    /// Takes a word that must be there.
    ///
    /// # Errors
    /// Says what is missing and how the command is written.
    pub fn need(&mut self, what: &str) -> Result<&'a [u8], Error> {
        self.next().ok_or_else(|| self.missing(what))
    }

    /// The error for something that should have come next.
    #[must_use]
    pub fn missing(&self, what: &str) -> Error {
        let at = self.next;
        Error::malformed(format!("{what} is missing at argument {at}; {}", self.usage()))
    }

    /// The error for options that contradict each other.
    #[must_use]
    pub fn against(&self, what: &str) -> Error {
        Error::malformed(format!("{what}; {}", self.usage()))
    }

    /// Holds if the word taken last is this one, in any case.
    #[must_use]
    #[inline(always)]
    pub fn is(word: &[u8], keyword: &str) -> bool {
        // Most differ in length, which takes no call to see.
        word.len() == keyword.len() && word.eq_ignore_ascii_case(keyword.as_bytes())
    }

    /// Puts an option's value in its place.
    ///
    /// # Errors
    /// Each option is given at most once, and its value must read.
    pub fn option<T>(
        &mut self,
        place: &mut Option<T>,
        read: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<(), Error> {
        if place.is_some() {
            return Err(self.wrong("is given twice"));
        }
        *place = Some(read(self)?);
        Ok(())
    }

    /// The error for a word that means nothing here.
    #[must_use]
    pub fn unknown(&self) -> Error {
        self.wrong("is unknown")
    }

    /// The error for the word taken last.
    #[must_use]
    pub fn wrong(&self, what: &str) -> Error {
        let at = self.next.saturating_sub(1);
        let word = Shown(self.words.word(at));
        Error::malformed(format!("argument {at} {word} {what}; {}", self.usage()))
    }

    /// Checks that all words were taken.
    ///
    /// # Errors
    /// Names the first word too many.
    pub fn end(&mut self) -> Result<(), Error> {
        match self.next() {
            None => Ok(()),
            Some(_) => Err(self.wrong("is one too many")),
        }
    }

    /// Takes a count of at most `most`.
    ///
    /// # Errors
    /// Anything but 1 to 19 digits, and anything above.
    pub fn number(&mut self, what: &str, most: i64) -> Result<i64, Error> {
        let word = self.need(what)?;
        match count(word) {
            Some(number) if number <= most => Ok(number),
            _ => Err(self.wrong(&format!("is not {what}, a whole number from 0 to {most}"))),
        }
    }

    /// Takes a count of units.
    ///
    /// # Errors
    /// Anything but 1 to 19 digits, at most 9223372036854775807.
    pub fn units(&mut self, what: &str) -> Result<Units, Error> {
        Ok(Units::new(self.number(what, i64::MAX)?).unwrap_or_default())
    }

    /// Takes a span of at most `most` ms.
    ///
    /// # Errors
    /// Anything else.
    pub fn millis(&mut self, what: &str, most: i64) -> Result<Millis, Error> {
        self.number(what, most).map(Millis)
    }

    /// Takes an amount of money.
    ///
    /// # Errors
    /// Anything but dollars with up to 9 decimals.
    pub fn money(&mut self) -> Result<Money, Error> {
        let word = self.need("an amount")?;
        Money::parse(word).ok_or_else(|| self.wrong("is not an amount of dollars such as 12.5"))
    }

    /// Takes an amount of money above 0.
    ///
    /// # Errors
    /// Anything else.
    pub fn money_above_zero(&mut self) -> Result<Money, Error> {
        let money = self.money()?;
        if money.is_zero() { Err(self.wrong("must be above 0")) } else { Ok(money) }
    }

    /// Takes a span of at least 1 and at most `most` ms.
    ///
    /// # Errors
    /// Anything else.
    pub fn millis_above_zero(&mut self, what: &str, most: i64) -> Result<Millis, Error> {
        let span = self.millis(what, most)?;
        if span == Millis::ZERO { Err(self.wrong("must be above 0")) } else { Ok(span) }
    }

    /// Takes a scope.
    ///
    /// # Errors
    /// A scope has 1 to 128 bytes without spaces or control characters.
    pub fn scope(&mut self) -> Result<Scope, Error> {
        let word = self.need("a scope")?;
        let rule = "is not a scope of 1 to 128 bytes without spaces or control characters";
        Scope::new(word).ok_or_else(|| self.wrong(rule))
    }

    /// Takes the time to live of a hold.
    ///
    /// # Errors
    /// Anything but 1 to 86400000.
    pub fn hold_ttl(&mut self) -> Result<Millis, Error> {
        self.millis_above_zero("a time to live in ms", HOLD_TTL_MS)
    }

    /// Takes `[COUNT n]`, the rows of a view, and all words that are left.
    ///
    /// # Errors
    /// Anything else.
    pub fn rows(&mut self) -> Result<usize, Error> {
        /// Rows that are shown when no COUNT is given.
        const ROWS: i64 = 100;
        let mut count = None;
        while let Some(word) = self.next() {
            if Self::is(word, "COUNT") {
                self.option(&mut count, |args| args.number("a count of rows", i64::MAX))?;
            } else {
                return Err(self.unknown());
            }
        }
        Ok(usize::try_from(count.unwrap_or(ROWS)).unwrap_or(usize::MAX))
    }

    /// Takes an id.
    ///
    /// # Errors
    /// An id has 1 to 128 bytes.
    pub fn id(&mut self) -> Result<Id, Error> {
        self.id_bytes().map(IdBytes::id)
    }

    /// Takes an id and leaves it where it lies.
    ///
    /// # Errors
    /// Anything but 1 to 128 bytes.
    pub fn id_bytes(&mut self) -> Result<IdBytes<'a>, Error> {
        let word = self.need("an id")?;
        let wrong = || self.wrong(&format!("is not an id of 1 to {ID_BYTES} bytes"));
        IdBytes::new(word).ok_or_else(wrong)
    }

    /// Takes the name of a limit. Whether there is a quota of this name is not known here.
    ///
    /// # Errors
    /// Any other name.
    pub fn limit_name(&mut self) -> Result<LimitName, Error> {
        let word = self.need("the name of a limit")?;
        limit_name(word).ok_or_else(|| self.wrong("is not the name of a limit"))
    }

    /// Takes the name of a quota of the platform.
    ///
    /// # Errors
    /// Any other name.
    pub fn quota(&mut self, policy: &Policy) -> Result<Name, Error> {
        let word = self.need("a quota")?;
        let known = Name::new(word).filter(|name| policy.has_quota(name));
        known.ok_or_else(|| self.wrong("is not a quota; fw.quotas names them"))
    }

    /// Takes a limit: `unlimited`, or a figure.
    ///
    /// # Errors
    /// Anything else.
    pub fn limit(&mut self, figure: Figure) -> Result<Limit<Units>, Error> {
        let word = self.need("a limit")?;
        if Self::is(word, "unlimited") {
            return Ok(Limit::Unlimited);
        }
        let units = match figure {
            Figure::Count => count(word).and_then(Units::new),
            Figure::Money => Money::parse(word).map(Units::of_money),
        };
        units.map(Limit::At).ok_or_else(|| self.wrong("is not a limit: a figure or 'unlimited'"))
    }

    fn usage(&self) -> String {
        format!("usage: {}", self.doc.forms().join(" | "))
    }
}

/// How the figures of a limit are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// As a count.
    Count,
    /// As an amount of money.
    Money,
}

impl Figure {
    /// How this limit's are.
    #[must_use]
    pub fn of(name: &LimitName) -> Self {
        if *name == LimitName::Spend { Self::Money } else { Self::Count }
    }
}

/// Reads 1 to 19 digits, at most 9223372036854775807.
#[must_use]
pub fn count(word: &[u8]) -> Option<i64> {
    const DIGITS: usize = 19;
    if word.is_empty() || word.len() > DIGITS {
        return None;
    }
    word.iter().try_fold(0_i64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte.wrapping_sub(b'0')))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

fn limit_name(word: &[u8]) -> Option<LimitName> {
    let scoped = |meter, scope| Scope::new(scope).map(|scope| LimitName::Scoped(meter, scope));
    match word {
        b"requests" => Some(LimitName::Requests),
        b"tokens" => Some(LimitName::Tokens),
        b"concurrency" => Some(LimitName::Concurrency),
        b"spend" => Some(LimitName::Spend),
        [b'r', b'e', b'q', b'u', b'e', b's', b't', b's', b'@', scope @ ..] => {
            scoped(Meter::Requests, scope)
        }
        [b't', b'o', b'k', b'e', b'n', b's', b'@', scope @ ..] => scoped(Meter::Tokens, scope),
        quota => Name::new(quota).map(LimitName::Quota),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_one_to_nineteen_digits() {
        assert_eq!(count(b"0009223372036854775807"), None);
        assert_eq!(count(b"9223372036854775807"), Some(i64::MAX));
        for word in [&b""[..], b"9223372036854775808", b"-1", b"+1", b"1.0", b" 1", b"1\0"] {
            assert_eq!(count(word), None, "{word:?}");
        }
    }

    #[test]
    fn limits_are_named_as_in_replies() {
        assert_eq!(limit_name(b"spend"), Some(LimitName::Spend));
        let scope = Scope::new(b"m/x").expect("a scope");
        assert_eq!(limit_name(b"tokens@m/x"), Some(LimitName::Scoped(Meter::Tokens, scope)));
        assert_eq!(limit_name(b"requests@"), None);
        assert_eq!(limit_name(b"Spend"), None);
        assert_eq!(limit_name(b"spend@x"), None);
    }
}
