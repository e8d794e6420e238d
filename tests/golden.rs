//! What released versions wrote reads as it did, without a server: tests/golden/README.md.
//!
//! Every effect is applied to the account before it and must give the account after it; the version
//! that is written today gives back the very same bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, HashSet};
use std::mem::{Discriminant, discriminant};
use std::path::Path;

use fw_limits::codec;
use fw_limits::codec::wire::VERSION;
use fw_limits::engine::account::Account;
use fw_limits::engine::effect::{Change, Count, Effect, HoldChange, NewFigures, Onto};
use fw_limits::engine::index::Hashing;
use fw_limits::engine::{apply, fits};

/// The place of the version in a blob.
const VERSION_AT: usize = 1;

/// What effects there were.
#[derive(Default)]
struct Kinds {
    onto: HashSet<Discriminant<Onto>>,
    figures: HashSet<Discriminant<NewFigures>>,
    change: HashSet<Discriminant<Change>>,
    hold: HashSet<Discriminant<HoldChange>>,
    count: HashSet<Discriminant<Count>>,
    forgets: usize,
}

impl Kinds {
    fn see(&mut self, effect: &Effect) {
        self.onto.insert(discriminant(&effect.onto));
        self.figures.insert(discriminant(&effect.figures));
        self.change.insert(discriminant(&effect.change));
        self.forgets += usize::from(effect.forget.spends > 0);
        if let Change::Meter(meters) = &effect.change {
            self.hold.insert(discriminant(&meters.hold));
            self.count.insert(discriminant(&meters.tokens));
        }
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
    (0..text.len()).step_by(2).map(digit).collect()
}

fn encoded<T: ?Sized>(encode: fn(&T, &mut Vec<u8>), value: &T) -> Vec<u8> {
    let mut blob = Vec::new();
    encode(value, &mut blob);
    blob
}

/// Replays a version's history; replies with its accounts and the kinds of its effects.
fn replay(version: u8, text: &str) -> (BTreeMap<String, Box<Account>>, Kinds) {
    let hashing = Hashing::with_seeds([1, 2, 3, 4]);
    let mut accounts: BTreeMap<String, Box<Account>> = BTreeMap::new();
    let mut kinds = Kinds::default();
    let (mut command, mut key) = ("", "");
    for line in text.lines() {
        let Some((sign, rest)) = line.split_once(' ') else { continue };
        match sign {
            ">" => {
                command = rest;
                key = rest.split(' ').nth(1).unwrap_or_default();
            }
            "E" => {
                let blob = unhex(rest);
                assert_eq!(blob[VERSION_AT], version, "{command}");
                let effect = codec::effect::decode(&blob).expect(command);
                if version == VERSION {
                    assert_eq!(encoded(codec::effect::encode, &effect), blob, "{command}");
                }
                kinds.see(&effect);
                fits::fits(accounts.get(key).map(|account| &**account), &effect).expect(command);
                match accounts.get_mut(key) {
                    Some(account) => {
                        apply::apply(account, &effect, &hashing);
                    }
                    None => {
                        let account = apply::create(&effect, &hashing).expect(command);
                        accounts.insert(key.to_owned(), account);
                    }
                }
            }
            "A" => {
                let blob = unhex(rest);
                assert_eq!(blob[VERSION_AT], version, "{command}");
                let account = codec::account::decode(&blob, &hashing).expect(command);
                let written = encoded(codec::account::encode, &account);
                if version == VERSION {
                    assert_eq!(written, blob, "{command}");
                }
                let applied = encoded(codec::account::encode, &accounts[key]);
                assert_eq!(
                    applied, written,
                    "{command}: what the effect gives, and what was stored"
                );
            }
            _ => {}
        }
    }
    (accounts, kinds)
}

#[test]
fn what_released_versions_wrote_reads_as_it_did() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for version in 1..=VERSION {
        let file = folder.join(format!("version-{version}/history.txt"));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|why| {
            panic!("{}: {why}; tests/golden/README.md says how it is written", file.display())
        });
        let (accounts, kinds) = replay(version, &text);
        assert!(accounts.len() > 2 && kinds.forgets > 0, "{version}");
        // All that there are in version 1; a later one has more.
        let Kinds { onto, figures, change, hold, count, .. } = kinds;
        let kinds = [onto.len(), figures.len(), change.len(), hold.len(), count.len()];
        let all = [3, 3, 9, 3, 4];
        assert!(kinds.iter().zip(all).all(|(seen, all)| *seen >= all), "{version}: {kinds:?}");
    }
}
