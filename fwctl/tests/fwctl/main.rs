//! The built program against real servers: what it prints, and how it ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[allow(dead_code)]
#[path = "../../../tests/support"]
mod support {
    pub mod answer;
    pub mod scenario;
    pub mod server;
}

mod accounts;
mod cluster;
mod dashboard;
mod ends;
mod faces;
mod metrics;
mod packaging;
mod program;
mod tls;
mod top;
mod transcripts;
mod watch;
