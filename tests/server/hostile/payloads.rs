//! Payloads that nobody saved: RESTORE of changed bytes under good checksums, ours and the
//! server's, and traffic on what loaded.

use fw_limits::codec::wire::Kind;

use super::edit::edited;
use super::input::Input;
use super::traffic::{self, Step};
use super::{bytes, rounds};
use crate::support::answer::Answer;
use crate::support::history::Random;
use crate::support::scenario::START;
use crate::support::server::Server;

const PAYLOADS: usize = 1_500;
/// What a dump begins with: the type of a value, and the module's type.
const HEAD: usize = 10;
/// What comes after the account: the end of the value, then the server's version and checksum.
const VERSION: usize = 2;
const CHECKSUM: usize = 8;
/// The sign of a string in a module's value, and of the value's end.
const STRING: u8 = 2 + 3;
const END: u8 = 0;

/// A dump, taken apart.
pub struct Dump {
    head: Vec<u8>,
    pub account: Vec<u8>,
    version: Vec<u8>,
}

impl Dump {
    pub fn of(payload: &[u8]) -> Self {
        let (rest, checksum) = payload.split_at(payload.len() - CHECKSUM);
        assert_eq!(crc64(rest).to_le_bytes(), checksum, "the server's checksum is known");
        let (rest, version) = rest.split_at(rest.len() - VERSION);
        let (head, value) = rest.split_at(HEAD);
        assert_eq!((value[0], value[value.len() - 1]), (STRING, END));
        // Six, fourteen or 32 bits of length, by the first two bits.
        let length = match value[1] >> 6 {
            0 => 1,
            1 => 2,
            _ => 5,
        };
        let account = value[1 + length..value.len() - 1].to_vec();
        Self { head: head.to_vec(), account, version: version.to_vec() }
    }

    fn payload(&self, account: &[u8]) -> Vec<u8> {
        let length = u32::try_from(account.len()).expect("a short account").to_be_bytes();
        let value = [&[STRING, 0x80], length.as_slice(), account, &[END]].concat();
        self.sealed(&value)
    }

    fn sealed(&self, value: &[u8]) -> Vec<u8> {
        let mut all = [&self.head, value, &self.version].concat();
        all.extend_from_slice(&crc64(&all).to_le_bytes());
        all
    }
}

/// The server's checksum: CRC-64 with the Jones polynomial, bits reversed.
fn crc64(bytes: &[u8]) -> u64 {
    const POLYNOMIAL: u64 = 0x95ac_9329_ac4b_c9b5;
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u64::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 }
        })
    })
}

fn restore(server: &mut Server, payload: Vec<u8>) -> Answer {
    server.run(&[b"RESTORE".into(), b"k".into(), b"0".into(), payload, b"REPLACE".into()])
}

/// Accounts after some random commands.
fn dumps(server: &mut Server, random: &mut Random) -> Vec<Dump> {
    server.must(&format!("FW.CLOCK SET {START}"));
    (0..400).for_each(|_| drop(server.ask(&random.command())));
    let keys = ["a", "b", "c", "d{x}"].map(|key| server.ask(&format!("DUMP {key}")));
    let dumps: Vec<Dump> = keys
        .iter()
        .filter_map(|dump| match dump {
            Answer::Text(payload) => Some(Dump::of(payload)),
            _ => None,
        })
        .collect();
    assert!(!dumps.is_empty());
    dumps
}

#[test]
fn a_changed_payload_under_good_checksums_is_refused_or_lives_on_as_a_sound_account() {
    let lines = ["appendfsync no", "aof-use-rdb-preamble no", "rdbcompression no"];
    let mut server = Server::start(&lines);
    let mut random = Random::new();
    let mut dumps = dumps(&mut server, &mut random);
    let (mut loaded, mut refused) = (0, 0);
    for number in 0..rounds(PAYLOADS) {
        if number % 500 == 499 {
            dumps = self::dumps(&mut server, &mut random);
        }
        let at = random.below(dumps.len() as u64);
        let dump = &dumps[usize::try_from(at).unwrap()];
        let chosen = bytes(&mut random, 160);
        let mut input = Input::new(&chosen);
        let account = edited(Kind::Account, &dump.account, &mut input);
        if restore(&mut server, dump.payload(&account)).line() == "OK" {
            loaded += 1;
            use_it(&mut server, &mut input);
        } else {
            refused += 1;
        }
    }
    assert!(loaded > refused / 20 && refused > loaded / 20, "{loaded} loaded, {refused} refused");
    assert_eq!(server.info("fw", "fw_divergences"), "0");
    let before = server.digest();
    server.must("DEBUG RELOAD");
    assert_eq!(server.digest(), before, "after a reload");
    server.restart();
    assert_eq!(server.digest(), before, "after a replay");
    assert_eq!(server.info("fw", "fw_divergences"), "0");
}

/// Some traffic on an account that loaded, and every view of it.
fn use_it(server: &mut Server, input: &mut Input<'_>) {
    for _ in 0..6 {
        if input.is_empty() {
            break;
        }
        match traffic::step(input) {
            Step::Command(words) if words.first().is_some_and(|name| name.starts_with(b"FW.")) => {
                server.run(&words);
            }
            Step::Clock(ms) if ms > 0 => drop(server.ask(&format!("FW.CLOCK ADVANCE {ms}"))),
            _ => {}
        }
    }
    server.picture("k");
}

#[test]
fn a_payload_that_is_no_account_is_refused_and_leaves_the_key() {
    let mut server = Server::start(&["appendonly no", "save \"\"", "rdbcompression no"]);
    server.must("FW.ADMIT k");
    let Answer::Text(payload) = server.must("DUMP k") else { panic!("a payload") };
    let dump = Dump::of(&payload);
    let before = server.picture("k");
    let account = dump.account.as_slice();
    let short = u8::try_from(account.len()).expect("a plain account is short");
    let cut = &account[..account.len() - 1];
    let values: [Vec<u8>; 9] = [
        vec![],
        vec![END],
        vec![STRING],
        [&[STRING, 0x40, 0], &[END][..]].concat(),
        [&[STRING, 0x40, short - 1], cut, &[END]].concat(),
        [&[STRING, 0x40, short], account, &[STRING]].concat(),
        [&[STRING, 0x40, short], account].concat(),
        [&[END + 1, 0x40, short], account, &[END]].concat(),
        [&[STRING, 0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], account].concat(),
    ];
    for value in values {
        let answer = restore(&mut server, dump.sealed(&value));
        assert!(matches!(answer, Answer::Error(_)), "{} {answer:?}", value.escape_ascii());
        assert_eq!(server.picture("k"), before);
    }
    assert_eq!(restore(&mut server, dump.payload(account)).line(), "OK");
    assert_eq!(server.picture("k"), before);
}
