//! The commands without a server: accounts in a map, a clock that is told, settings in a value.
//!
//! After every change the account's bytes are read back and written again, and the effect goes, as
//! bytes, to a second map that knows no commands, as a replica's; all three must agree.

use std::collections::HashMap;

use fw_limits::codec;
use fw_limits::command::args::{Args, Words};
use fw_limits::command::error::Error;
use fw_limits::command::reply::Reply;
use fw_limits::command::setting::{SETTINGS, Settings};
use fw_limits::command::{Command, Doc, Host, Keyless, Visitor, clock};
use fw_limits::engine::account::Account;
use fw_limits::engine::apply;
use fw_limits::engine::decide::{Rules, judge};
use fw_limits::engine::effect::Effect;
use fw_limits::engine::fits;
use fw_limits::engine::index::Hashing;
use fw_limits::engine::time::Millis;

use super::answer::Answer;
use super::scenario::{START, Target};

/// Accounts, and what the commands need beside them.
#[derive(Clone)]
pub struct Memory {
    accounts: HashMap<Vec<u8>, Box<Account>>,
    copies: HashMap<Vec<u8>, Box<Account>>,
    settings: Settings,
    clock: i64,
    hashing: Hashing,
    events: Vec<String>,
}

impl Default for Memory {
    fn default() -> Self {
        let mut memory = Self {
            accounts: HashMap::new(),
            copies: HashMap::new(),
            settings: Settings::default(),
            clock: START,
            hashing: Hashing::with_seeds([1, 2, 3, 4]),
            events: Vec::new(),
        };
        memory.reset();
        memory
    }
}

impl Target for Memory {
    fn reset(&mut self) {
        self.accounts.clear();
        self.copies.clear();
        self.settings = Settings { test_clock: true, ..Settings::default() };
        self.set("fw.new-accounts", "open");
        self.clock = START;
    }

    fn set(&mut self, name: &str, value: &str) {
        let short = name.strip_prefix("fw.").unwrap_or_default();
        let setting = SETTINGS.iter().find(|setting| setting.name == short);
        let setting = setting.unwrap_or_else(|| panic!("no setting {name}"));
        (setting.set)(&mut self.settings, value.as_bytes()).expect("a value that reads");
    }

    fn clock(&mut self, ms: i64) {
        self.clock = ms;
    }

    fn run(&mut self, words: &[Vec<u8>]) -> Answer {
        let mut call = Call { memory: self, words: words.to_vec(), answer: None };
        fw_limits::commands(&mut call);
        call.answer.unwrap_or_else(|| Answer::Error("ERR unknown command".to_owned()))
    }

    fn events(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events)
    }

    fn image(&mut self, key: &[u8]) -> Vec<u8> {
        self.accounts.get(key).map(|account| bytes(account)).unwrap_or_default()
    }
}

impl Memory {
    fn put(&mut self, key: &[u8], effect: &Effect) {
        let mut blob = Vec::new();
        codec::effect::encode(effect, &mut blob);
        let read = codec::effect::decode(&blob).expect("an effect reads back");
        assert_eq!(read, *effect, "an effect reads back as it was");
        self.events.extend(effect.events().map(|event| format!("fw.{}", event.word())));
        for (accounts, effect) in [(&mut self.accounts, effect), (&mut self.copies, &read)] {
            fits::fits(accounts.get(key).map(|account| &**account), effect)
                .expect("an effect fits");
            match accounts.get_mut(key) {
                Some(account) => {
                    apply::apply(account, effect, &self.hashing);
                }
                None => {
                    let account = apply::create(effect, &self.hashing).expect("it creates");
                    accounts.insert(key.to_vec(), account);
                }
            }
        }
        let stored = bytes(&self.accounts[key]);
        let read = codec::account::decode(&stored, &self.hashing).expect("an account reads back");
        assert_eq!(bytes(&read), stored, "an account reads back as it was");
        assert_eq!(bytes(&self.copies[key]), stored, "a replica has the same bytes");
    }
}

fn bytes(account: &Account) -> Vec<u8> {
    let mut out = Vec::new();
    codec::account::encode(account, &mut out);
    out
}

struct Call<'m> {
    memory: &'m mut Memory,
    words: Vec<Vec<u8>>,
    answer: Option<Answer>,
}

impl Call<'_> {
    fn is(&self, doc: &Doc) -> bool {
        self.words.word(0).eq_ignore_ascii_case(doc.name.as_bytes())
    }

    fn finish(&mut self, ran: Result<Recording, Error>) {
        self.answer = Some(match ran {
            Ok(recording) => recording.answer(),
            Err(error) => Answer::Error(error.line()),
        });
    }

    fn ask<C: Command>(&mut self) -> Result<Recording, Error> {
        let mut args = Args::after(1, &self.words, &C::DOC);
        let key = args.need("an account")?;
        let policy = self.memory.settings.policy.clone();
        let request = C::parse(args, &policy)?;
        let rules = Rules {
            policy: &policy,
            clock: Millis(self.memory.clock),
            hashing: &self.memory.hashing,
        };
        let decision =
            judge(&request, self.memory.accounts.get(key).map(|account| &**account), &rules)?;
        if let Some(effect) = &decision.effect {
            self.memory.put(key, effect);
        }
        let mut out = Recording::default();
        C::reply(&decision.answer, &mut out);
        Ok(out)
    }
}

impl Visitor for Call<'_> {
    fn command<C: Command>(&mut self) {
        if self.is(&C::DOC) {
            let ran = self.ask::<C>();
            self.finish(ran);
        }
    }

    fn keyless<C: Keyless>(&mut self) {
        if self.is(&C::DOC) {
            let words = self.words.clone();
            let mut out = Recording::default();
            let ran = C::run(Args::after(1, &words, &C::DOC), self.memory, &mut out);
            self.finish(ran.map(|()| out));
        }
    }
}

impl Host for Memory {
    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn move_clock(&mut self, to: clock::Move) -> Option<i64> {
        self.clock = match to {
            clock::Move::To(time) => time.0,
            clock::Move::By(span) => self.clock + span.0,
            clock::Move::Real => START,
        };
        Some(self.clock)
    }
}

/// A reply as it was written, piece by piece.
#[derive(Default)]
struct Recording(Vec<Piece>);

enum Piece {
    List(usize),
    One(Answer),
}

impl Recording {
    fn answer(self) -> Answer {
        let mut pieces = self.0.into_iter();
        let answer = tree(&mut pieces);
        assert!(pieces.next().is_none(), "one reply, and no more");
        answer
    }
}

fn tree(pieces: &mut impl Iterator<Item = Piece>) -> Answer {
    match pieces.next().expect("as many elements as were said") {
        Piece::One(answer) => answer,
        Piece::List(count) => Answer::List((0..count).map(|_| tree(pieces)).collect()),
    }
}

impl Reply for Recording {
    fn array(&mut self, elements: usize) {
        self.0.push(Piece::List(elements));
    }

    fn map(&mut self, pairs: usize) {
        self.0.push(Piece::List(pairs * 2));
    }

    fn word(&mut self, word: &'static std::ffi::CStr) {
        self.bulk(word.to_bytes());
    }

    fn bulk(&mut self, bytes: &[u8]) {
        self.0.push(Piece::One(Answer::Text(bytes.to_vec())));
    }

    fn integer(&mut self, number: i64) {
        self.0.push(Piece::One(Answer::Int(number)));
    }

    fn null(&mut self) {
        self.0.push(Piece::One(Answer::Nil));
    }
}
