//! What the fuzz targets do with the bytes they are given; the histories are in tests/engine.

pub mod account;
pub mod arguments;
pub mod effect;

mod begun;
mod bench;
mod edit;
mod input;
mod traffic;
