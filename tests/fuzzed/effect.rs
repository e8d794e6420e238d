//! Effect bytes: what reads is written as it reads; what fits an account leaves a sound one.

use fw_limits::codec::effect::{decode, encode};
use fw_limits::codec::wire::Kind;
use fw_limits::engine::account::Account;
use fw_limits::engine::effect::Effect;
use fw_limits::engine::fits::fits;

use super::arguments::under_traffic;
use super::begun;
use super::bench::{Bench, applied, reads_back};
use super::edit::edited;
use super::input::Input;

pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (own, first) = input.pick(begun::effects());
    let Some(first) = read(first, &mut input) else { return };
    // A second one meets what the first one left.
    let second = input.pick(begun::effects());
    let second = read(&second.1, &mut input);
    let mut left = None;
    for account in begun::accounts().iter().chain([own]) {
        let mut account = account.clone();
        for effect in [Some(&first), second.as_ref()].into_iter().flatten() {
            if take(&mut account, effect) {
                left.clone_from(&account);
            }
        }
    }
    if left.is_some() {
        under_traffic(Bench::new(left), &mut input);
    }
}

/// An effect with edits, if it still reads.
fn read(effect: &Effect, input: &mut Input<'_>) -> Option<Effect> {
    let mut blob = Vec::new();
    encode(effect, &mut blob);
    let effect = decode(&edited(Kind::Effect, &blob, input)).ok()?;
    encode(&effect, &mut blob);
    assert_eq!(decode(&blob).as_ref(), Ok(&effect), "an effect reads back");
    Some(effect)
}

/// Applies an effect if it fits.
fn take(account: &mut Option<Box<Account>>, effect: &Effect) -> bool {
    let does_fit = fits(account.as_deref(), effect).is_ok();
    if does_fit {
        applied(account, effect);
        account.iter().for_each(|account| reads_back(account));
    }
    does_fit
}
