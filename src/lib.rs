#![doc = include_str!("ARCHITECTURE.md")]

pub mod codec;
pub mod command;
pub mod engine;
pub mod module;

pub use command::commands;
