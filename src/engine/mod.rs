//! The rules: what an account is, what it may do, and how it changes.
//!
//! Knows no Redis, no clock, no settings store, no randomness and no I/O; all it needs is an
//! argument. A request is judged by reading ([`decide`]) and takes effect as data ([`effect`],
//! [`apply`]). Within this floor a file imports only files declared above it.

#![forbid(unsafe_code)]

pub mod bounds;
pub mod id;
pub mod money;
pub mod time;

pub mod blocks;
pub mod few;
pub mod index;
pub mod limit;

pub mod month;
pub mod slot;

pub mod window;

pub mod act;
pub mod hold;
pub mod lapse;
pub mod many_ids;

pub mod many_holds;

pub mod lease;
pub mod ledger;
pub mod memory;
pub mod standing;
pub mod tier;

pub mod log;

pub mod policy;

pub mod extras;

pub mod parts;

pub mod account;

pub mod effect;
pub mod verdict;

pub mod explanation;

pub mod fits;

pub mod apply;
pub mod decide;
pub mod view;
