//! Replies to the client at hand.

use std::ffi::c_long;

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

    fn word(&mut self, word: &'static str) {
        let mut text = [0_u8; 32];
        // A word of ours is shorter, so the NUL that ends it is there.
        let room = text.len().saturating_sub(1);
        for (place, byte) in text.iter_mut().take(room).zip(word.bytes()) {
            *place = byte;
        }
        api!(RedisModule_ReplyWithSimpleString(self.0, text.as_ptr().cast()));
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
