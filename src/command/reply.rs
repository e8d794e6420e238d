//! Replies: figures as the protocol has them.
//!
//! Counts and times are integers, amounts are decimal strings, absent things are Null. What came
//! from a client goes out as a bulk string only.

use std::ffi::CStr;

use super::args::Figure;
use crate::engine::id::Name;
use crate::engine::limit::{Limit, LimitName, Units};
use crate::engine::money::Money;
use crate::engine::slot::SPAN;
use crate::engine::standing::Reasons;
use crate::engine::time::Millis;
use crate::engine::verdict::{LimitRow, Outcome, Retry, Shown, Statement, Verdict};

/// The slots of a money command's reply.
pub const STATEMENT: &str = "result, spent, limit, held, credits, tier, standing";

/// Elements that lie side by side in replies, and that are often the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phrase<'a> {
    /// How the reply to a plain admission begins: six slots, of which the first three.
    Admitted(Units),
    /// How it ends: when the window is whole again, and that there is nothing to wait for.
    Whole,
    /// How the money reply begins: seven slots, of which the first.
    Outcome(Outcome),
    /// The spend limit.
    Limit(Limit<Money>),
    /// That nothing is prepaid; the tier, and the standing.
    Unfunded(Option<&'a Name>, Reasons),
    /// The spend limit, that nothing is held or prepaid, the tier, and the standing.
    AtRest(Limit<Money>, Option<&'a Name>, Reasons),
}

impl Phrase<'_> {
    /// Writes its elements one by one.
    pub fn write(self, out: &mut impl Reply) {
        match self {
            Self::Admitted(limit) => {
                out.array(6);
                out.word(Verdict::Ok.word());
                out.bulk(&LimitName::Requests.text());
                out.integer(limit.count());
            }
            Self::Whole => {
                out.integer(SPAN.0);
                out.retry(Retry::Now);
            }
            Self::Outcome(outcome) => {
                out.array(7);
                out.word(outcome.word());
            }
            Self::Limit(limit) => out.limit(limit.as_units(), Figure::Money),
            Self::Unfunded(tier, reasons) => {
                out.money(Money::ZERO);
                out.tier_and_standing(tier, reasons);
            }
            Self::AtRest(limit, tier, reasons) => {
                out.phrase(Self::Limit(limit));
                out.money(Money::ZERO);
                out.phrase(Self::Unfunded(tier, reasons));
            }
        }
    }

    /// How many elements of a reply are to come after it, if so many were before.
    #[must_use]
    pub const fn rest(self, owed: usize) -> usize {
        let (begins, says): (usize, usize) = match self {
            Self::Admitted(_) => (6, 4),
            Self::Whole => (0, 2),
            Self::Outcome(_) => (7, 2),
            Self::Limit(_) => (0, 1),
            Self::Unfunded(..) => (0, 3),
            Self::AtRest(..) => (0, 5),
        };
        owed.saturating_add(begins).saturating_sub(says)
    }
}

/// Where a reply goes.
pub trait Reply: Sized {
    /// Begins an array of so many elements.
    fn array(&mut self, elements: usize);
    /// Begins a map of so many pairs: a map in RESP3, a flat array in RESP2.
    fn map(&mut self, pairs: usize);
    /// One word of ours.
    fn word(&mut self, word: &'static CStr);
    /// Any bytes.
    fn bulk(&mut self, bytes: &[u8]);
    /// An integer.
    fn integer(&mut self, number: i64);
    /// Nothing.
    fn null(&mut self);

    /// Elements that are often the same, which may be at hand.
    fn phrase(&mut self, phrase: Phrase<'_>) {
        phrase.write(self);
    }

    /// All that is replied to a plain admission, if that is at hand; false if it has to be written.
    fn whole_admission(&mut self, _limit: Units, _remaining: Units) -> bool {
        false
    }

    /// All that is replied to a plain admission.
    fn admission(&mut self, limit: Units, remaining: Units) {
        if self.whole_admission(limit, remaining) {
            return;
        }
        self.phrase(Phrase::Admitted(limit));
        self.integer(remaining.count());
        self.phrase(Phrase::Whole);
    }

    /// An amount of money.
    fn money(&mut self, money: Money) {
        self.bulk(money.text().as_bytes());
    }

    /// A count of rows.
    fn length(&mut self, count: usize) {
        self.integer(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// A limit as a bulk string, or `unlimited`.
    fn limit(&mut self, limit: Limit<Units>, figure: Figure) {
        match (limit, figure) {
            (Limit::Unlimited, _) => self.bulk(b"unlimited"),
            (Limit::At(units), Figure::Money) => self.money(units.as_money()),
            (Limit::At(units), Figure::Count) => self.bulk(units.count().to_string().as_bytes()),
        }
    }

    /// A limit as an integer; -1 is unlimited.
    fn integer_limit(&mut self, limit: Limit<Units>) {
        self.integer(match limit {
            Limit::At(units) => units.count(),
            Limit::Unlimited => -1,
        });
    }

    /// A rate window: limit, remaining, reset in ms.
    fn window(&mut self, window: Shown) {
        self.integer_limit(window.limit);
        self.integer_limit(window.remaining);
        self.integer(window.reset.0);
    }

    /// When to come back, in ms; -1 if waiting does not help.
    fn retry(&mut self, retry: Retry) {
        self.integer(match retry {
            Retry::Now => 0,
            Retry::After(span) => span.0,
            Retry::Never => -1,
        });
    }

    /// A span in ms; -1 for what never ends.
    fn span(&mut self, span: Millis) {
        self.integer(if span == Millis::NEVER { -1 } else { span.0 });
    }

    /// How an account stands: the money reply.
    fn statement(&mut self, statement: &Statement) {
        let Statement { outcome, spent, limit, held, credits, tier, reasons } = statement;
        self.phrase(Phrase::Outcome(*outcome));
        self.money(*spent);
        let (tier, reasons) = (tier.as_ref(), *reasons);
        if held.is_zero() && credits.is_zero() {
            return self.phrase(Phrase::AtRest(*limit, tier, reasons));
        }
        self.phrase(Phrase::Limit(*limit));
        self.money(*held);
        if credits.is_zero() {
            return self.phrase(Phrase::Unfunded(tier, reasons));
        }
        self.money(*credits);
        self.tier_and_standing(tier, reasons);
    }

    /// The tier, and the standing.
    fn tier_and_standing(&mut self, tier: Option<&Name>, reasons: Reasons) {
        self.bulk(tier.map_or(&b"none"[..], Name::as_bytes));
        self.bulk(reasons.standing().as_bytes());
    }

    /// One row of FW.QUOTAS.
    fn limit_row(&mut self, row: &LimitRow) {
        let figure = Figure::of(&row.name);
        self.map(6);
        self.bulk(b"name");
        self.limit_name(&row.name);
        self.bulk(b"limit");
        self.limit(row.in_force.limit, figure);
        self.bulk(b"max");
        self.limit(row.in_force.max, figure);
        self.bulk(b"used");
        self.limit(Limit::At(row.used), figure);
        self.bulk(b"remaining");
        self.limit(row.in_force.limit.remaining(row.used), figure);
        self.bulk(b"source");
        self.bulk(row.in_force.source.word().as_bytes());
    }

    /// The name of a limit.
    fn limit_name(&mut self, name: &LimitName) {
        self.bulk(&name.text());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many elements are still to come.
    struct Owed(usize);

    impl Reply for Owed {
        fn array(&mut self, elements: usize) {
            self.0 = self.0 - 1 + elements;
        }

        fn map(&mut self, pairs: usize) {
            self.array(2 * pairs);
        }

        fn word(&mut self, _: &'static CStr) {
            self.0 -= 1;
        }

        fn bulk(&mut self, _: &[u8]) {
            self.0 -= 1;
        }

        fn integer(&mut self, _: i64) {
            self.0 -= 1;
        }

        fn null(&mut self) {
            self.0 -= 1;
        }
    }

    #[test]
    fn a_phrase_knows_what_is_to_come_after_it() {
        let (limit, active) = (Limit::Unlimited, Reasons::NONE);
        for phrase in [
            Phrase::Admitted(Units::of(600)),
            Phrase::Whole,
            Phrase::Outcome(Outcome::Late),
            Phrase::Limit(limit),
            Phrase::Unfunded(None, active),
            Phrase::AtRest(limit, None, active),
        ] {
            let owed = 10;
            let mut written = Owed(owed);
            phrase.write(&mut written);
            assert_eq!(phrase.rest(owed), written.0, "{phrase:?}");
        }
    }
}
