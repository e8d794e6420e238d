//! What the server tests share: servers, scenarios, answers as text.

pub mod answer;
pub mod history;
pub mod proxy;
pub mod release;
pub mod scenario;
pub mod server;
