//! What the server tests share: servers, scenarios, answers as text.

pub mod answer;
pub mod scenario;
pub mod server;
