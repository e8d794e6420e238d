//! Replies: figures as the protocol has them.
//!
//! Counts and times are integers, amounts are decimal strings, absent things are Null. What came
//! from a client goes out as a bulk string only.

use std::ffi::CStr;

use super::args::Figure;
use crate::engine::limit::{Limit, LimitName, Units};
use crate::engine::money::Money;
use crate::engine::time::Millis;
use crate::engine::verdict::{LimitRow, Retry, Shown, Statement};

/// The slots of a money command's reply.
pub const STATEMENT: &str = "result, spent, limit, held, credits, tier, standing";

/// Where a reply goes.
pub trait Reply {
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

    /// All that is replied to a plain admission, if that is at hand; false if it has to be written.
    fn admission(&mut self, _limit: Units, _remaining: Units) -> bool {
        false
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
        self.array(7);
        self.word(statement.outcome.word());
        self.money(statement.spent);
        self.limit(statement.limit.as_units(), Figure::Money);
        self.money(statement.held);
        self.money(statement.credits);
        self.bulk(statement.tier.as_ref().map_or(&b"none"[..], |tier| tier.as_bytes()));
        self.bulk(statement.reasons.standing().as_bytes());
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
