#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(feature = "aio")]
mod aio;
mod arguments;
pub mod command;
pub mod commands;
mod error;
mod hold;
pub mod http;
mod lease;
mod limits;
mod methods;
mod money;
mod read;
pub mod replies;

#[cfg(feature = "aio")]
pub use aio::{AsyncHold, AsyncLease, AsyncLimits};
pub use arguments::{Ask, Bound, Change, Charge, Credit, Fields, Invoice, Quotas, Renewal, Terms};
pub use command::Command;
pub use error::Error;
pub use hold::{Hold, Opened, Settlement};
pub use lease::{Lease, Leased, Orders, Stop, Why};
pub use limits::Limits;
pub use money::{Money, NotMoney};
pub use replies::{
    Account, Admission, Explanation, Figure, HeldLease, Limit, LogEntry, MoneyReply, OpenHold,
    Outcome, Reservation, Tier, Verdict, Window,
};

/// What a call comes to: its reply, or the error that kept it from one. A denial is a reply.
pub type Result<T> = std::result::Result<T, Error>;
