//! Arguments: any words of any command, against an account or none.

use super::begun;
use super::bench::{Bench, reads_back};
use super::input::Input;
use super::traffic;

const STEPS: usize = 12;

pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    under_traffic(Bench::new(input.pick(begun::accounts()).clone()), &mut input);
}

/// Takes the steps that are left in the input.
pub fn under_traffic(mut bench: Bench, input: &mut Input<'_>) {
    for _ in 0..STEPS {
        if input.is_empty() {
            break;
        }
        bench.take(&traffic::step(input));
    }
    if let Some(account) = &bench.account {
        reads_back(account);
    }
}
