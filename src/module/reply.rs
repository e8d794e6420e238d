//! Replies to the client at hand.
//!
//! What is owed of a reply is counted, so that one that fails half way is ended, and the client does
//! not take the next reply for the rest of this one.

use std::ffi::{CStr, c_int, c_long};

use super::ffi::{Ctx, OK, api, reply_error};
use super::prepared;
use crate::command::reply::{Phrase, Reply};
use crate::engine::limit::Units;
use crate::engine::money::Money;

/// Writes to the client of a context.
pub(super) struct Client {
    /// The command at hand.
    pub ctx: Ctx,
    /// How many elements are still to come.
    owed: usize,
}

impl Client {
    /// A client that is owed one reply.
    pub(super) fn new(ctx: Ctx) -> Self {
        Self { ctx, owed: 1 }
    }

    /// Replies an error in the place of each element that is still to come.
    pub(super) fn fail(&mut self, line: &str) -> c_int {
        for _ in 0..std::mem::take(&mut self.owed) {
            reply_error(self.ctx, line);
        }
        OK
    }

    fn paid(&mut self) {
        self.owed = self.owed.saturating_sub(1);
    }

    fn put_bulk(&mut self, bytes: &[u8]) {
        api!(RedisModule_ReplyWithStringBuffer(self.ctx, bytes.as_ptr().cast(), bytes.len()));
        self.paid();
    }

    fn owes(&mut self, elements: usize) {
        self.paid();
        self.owed = self.owed.saturating_add(elements);
    }
}

fn length(count: usize) -> c_long {
    c_long::try_from(count).unwrap_or(c_long::MAX)
}

impl Reply for Client {
    fn array(&mut self, elements: usize) {
        api!(RedisModule_ReplyWithArray(self.ctx, length(elements)));
        self.owes(elements);
    }

    fn map(&mut self, pairs: usize) {
        api!(RedisModule_ReplyWithMap(self.ctx, length(pairs)));
        self.owes(pairs.saturating_mul(2));
    }

    fn word(&mut self, word: &'static CStr) {
        if !prepared::word(self.ctx, word) {
            api!(RedisModule_ReplyWithSimpleString(self.ctx, word.as_ptr()));
        }
        self.paid();
    }

    fn bulk(&mut self, bytes: &[u8]) {
        fault!("reply");
        if prepared::bulk(self.ctx, bytes) {
            return self.paid();
        }
        self.put_bulk(bytes);
    }

    fn money(&mut self, money: Money) {
        // Of amounts 0 alone is among the replies that are kept.
        if money.is_zero() {
            return self.bulk(b"0");
        }
        fault!("reply");
        self.put_bulk(money.text().as_bytes());
    }

    fn integer(&mut self, number: i64) {
        if !prepared::integer(self.ctx, number) {
            api!(RedisModule_ReplyWithLongLong(self.ctx, number));
        }
        self.paid();
    }

    #[inline(always)]
    fn phrase(&mut self, phrase: Phrase<'_>) {
        if prepared::phrase(self.ctx, phrase) {
            self.owed = phrase.rest(self.owed);
            fault!("phrase");
        } else {
            phrase.write(self);
        }
    }

    fn whole_admission(&mut self, limit: Units, remaining: Units) -> bool {
        fault!("reply");
        let kept = prepared::admission(self.ctx, limit, remaining);
        if kept {
            self.paid();
        }
        kept
    }

    fn null(&mut self) {
        api!(RedisModule_ReplyWithNull(self.ctx));
        self.paid();
    }
}
