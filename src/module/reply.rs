//! Replies to the client at hand.

use std::ffi::{CStr, c_long};

use super::ffi::{Ctx, api};
use crate::command::reply::Reply;

/// Writes to the client of a context.
pub(super) struct Client(pub Ctx);

fn length(count: usize) -> c_long {
    c_long::try_from(count).unwrap_or(c_long::MAX)
}

impl Reply for Client {
    fn array(&mut self, elements: usize) {
        api!(RedisModule_ReplyWithArray(self.0, length(elements)));
    }

    fn map(&mut self, pairs: usize) {
        api!(RedisModule_ReplyWithMap(self.0, length(pairs)));
    }

    fn word(&mut self, word: &'static CStr) {
        api!(RedisModule_ReplyWithSimpleString(self.0, word.as_ptr()));
    }

    fn bulk(&mut self, bytes: &[u8]) {
        api!(RedisModule_ReplyWithStringBuffer(self.0, bytes.as_ptr().cast(), bytes.len()));
    }

    fn integer(&mut self, number: i64) {
        api!(RedisModule_ReplyWithLongLong(self.0, number));
    }

    fn null(&mut self) {
        api!(RedisModule_ReplyWithNull(self.0));
    }
}
