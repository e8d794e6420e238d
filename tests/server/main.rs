//! Tests against real servers: what clients, disks and replicas see.
//!
//! Every test has a server of its own on the test clock, started from the checkout's redis.conf.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod acl;
mod counts;
mod docs;
mod events;
mod golden;
mod help;
mod hostile;
mod identity;
mod limits;
mod load;
mod log;
mod panics;
mod persistence;
mod prepared;
mod promised;
mod race;
mod refusals;
mod replication;
mod retries;
mod scenarios;
mod settings;
mod shapes;
mod warnings;
