//! Accounts and effects as bytes.
//!
//! Two blobs: an account as it is stored ([`account`]) and an effect as it is propagated
//! ([`effect`]). Each begins with what it is and its version, and ends with a checksum. Reading
//! checks everything, because RESTORE is open to whoever may call it: bytes that read at all are an
//! account that keeps its invariants. Both halves of a format stand in one file.

#![forbid(unsafe_code)]

pub mod wire;

mod parts;

mod hold;
mod log;

mod record;

pub mod account;
pub mod effect;
