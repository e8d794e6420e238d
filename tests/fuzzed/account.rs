//! Account bytes: what reads is a sound account, is written as it reads, and survives traffic.

use fw_limits::codec::account::decode;
use fw_limits::codec::wire::Kind;

use super::arguments::under_traffic;
use super::begun;
use super::bench::{Bench, encoded, hashing, reads_back};
use super::edit::edited;
use super::input::Input;

pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let Some(account) = input.pick(begun::accounts()) else { return };
    let blob = edited(Kind::Account, &encoded(account), &mut input);
    let Ok(account) = decode(&blob, &hashing()) else { return };
    assert_eq!(account.check(), Ok(()));
    reads_back(&account);
    under_traffic(Bench::new(Some(account)), &mut input);
}
