//! The client against real servers with the module. `FW_MODULE` names it, else it is the debug build
//! beside the tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod async_holds;
mod cluster;
mod commands;
mod errors;
mod holds;
mod leases;
mod support;
