//! One account under commands: judged, applied, and looked at from all sides after each.

use fw_limits::codec;
use fw_limits::command::args::{Args, Words};
use fw_limits::command::error::Error;
use fw_limits::command::reply::Reply;
use fw_limits::command::setting::{SETTINGS, Settings};
use fw_limits::command::{Access, Command, Host, Keyless, Visitor, clock};
use fw_limits::engine::account::Account;
use fw_limits::engine::apply;
use fw_limits::engine::decide::{Rules, judge};
use fw_limits::engine::effect::Effect;
use fw_limits::engine::fits::fits;
use fw_limits::engine::index::Hashing;
use fw_limits::engine::time::Millis;

use super::traffic::Step;

/// Where every bench begins: 2026-03-10T12:00:00Z.
pub const START: i64 = 1_773_144_000_000;
/// The longest error line: a usage of several forms.
const LONGEST_LINE: usize = 600;
/// Printable characters of a client's word that an error may show.
const SHOWN: usize = 32;

/// An account or none, and what judges it.
pub struct Bench {
    pub account: Option<Box<Account>>,
    /// Each effect, with the account it belongs to, if they are to be kept.
    pub kept: Option<Vec<(Option<Box<Account>>, Effect)>>,
    settings: Settings,
    clock: i64,
    hashing: Hashing,
}

pub fn hashing() -> Hashing {
    Hashing::with_seeds([1, 2, 3, 4])
}

pub fn encoded(account: &Account) -> Vec<u8> {
    let mut out = Vec::new();
    codec::account::encode(account, &mut out);
    out
}

impl Bench {
    pub fn new(account: Option<Box<Account>>) -> Self {
        let settings = Settings { test_clock: true, ..Settings::default() };
        let clock = account.as_ref().map_or(START, |account| account.latest.0);
        Self { account, kept: None, settings, clock, hashing: hashing() }
    }

    pub fn take(&mut self, step: &Step) {
        match step {
            Step::Command(words) => {
                fw_limits::commands(&mut Call { bench: self, words });
            }
            Step::Clock(by) => self.clock = self.clock.saturating_add(*by).max(0),
            Step::Setting(name, value) => self.set(name, value),
        }
    }

    pub fn set(&mut self, name: &str, value: &str) {
        let found = SETTINGS.iter().find(|setting| setting.name == name).expect("a setting");
        (found.set)(&mut self.settings, value.as_bytes()).expect("a value that reads");
    }

    /// Applies an effect that was decided here, as a primary and as a replica do.
    fn change(&mut self, effect: &Effect) {
        if let Some(kept) = &mut self.kept {
            kept.push((self.account.clone(), effect.clone()));
        }
        assert_eq!(fits(self.account.as_deref(), effect), Ok(()), "{effect:?}\n{:?}", self.account);
        let mut blob = Vec::new();
        codec::effect::encode(effect, &mut blob);
        assert_eq!(codec::effect::decode(&blob).as_ref(), Ok(effect), "an effect reads back");
        applied(&mut self.account, effect);
    }
}

/// Applies an effect that fits, and looks at what it leaves.
pub fn applied(account: &mut Option<Box<Account>>, effect: &Effect) {
    match account {
        Some(account) => drop(apply::apply(account, effect, &hashing())),
        None => *account = apply::create(effect, &hashing()),
    }
    let account = account.as_ref().expect("an account");
    assert_eq!(account.check(), Ok(()), "{effect:?}\n{account:?}");
    assert!(account.bytes() > 0 && account.allocations() > 0);
}

/// What is stored reads back as the same account, and is written as the same bytes.
pub fn reads_back(account: &Account) {
    let stored = encoded(account);
    let read = codec::account::decode(&stored, &hashing());
    let read = read.unwrap_or_else(|damage| panic!("{damage:?}: {account:?}"));
    assert_eq!(encoded(&read), stored, "{account:?}");
}

/// A command at the bench.
struct Call<'b, 'w> {
    bench: &'b mut Bench,
    words: &'w Vec<Vec<u8>>,
}

impl Call<'_, '_> {
    fn is(&self, name: &str) -> bool {
        self.words.word(0).eq_ignore_ascii_case(name.as_bytes())
    }

    fn ask<C: Command>(&mut self) -> Result<(), Error> {
        let doc = &C::DOC;
        Args::after(1, self.words, doc).need("key")?;
        let policy = self.bench.settings.policy.clone();
        let request = C::parse(Args::after(2, self.words, doc), &policy)?;
        let clock = Millis::clock(self.bench.clock);
        let rules = Rules { policy: &policy, clock, hashing: &self.bench.hashing.clone() };
        let decision = judge(&request, self.bench.account.as_deref(), &rules)?;
        if let Some(effect) = &decision.effect {
            assert_eq!(C::ACCESS, Access::Write, "{} only reads", doc.name);
            self.bench.change(effect);
        }
        let _ = C::tally(&decision.answer);
        let mut written = Written::default();
        C::reply(&decision.answer, &mut written);
        assert!(written.is_whole, "{}", doc.name);
        Ok(())
    }

    fn finish(&self, ran: Result<(), Error>) {
        let Err(error) = ran else { return };
        let line = error.line();
        let clean = line.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        assert!(clean && line.len() <= LONGEST_LINE, "{line:?}");
        for word in self.words.iter().filter(|word| word.len() > SHOWN) {
            let long = line.as_bytes().windows(word.len()).any(|part| part == word.as_slice());
            assert!(!long, "{line:?}");
        }
    }
}

impl Visitor for Call<'_, '_> {
    fn command<C: Command>(&mut self) {
        if self.is(C::DOC.name) {
            let ran = self.ask::<C>();
            self.finish(ran);
        }
    }

    fn keyless<C: Keyless>(&mut self) {
        if self.is(C::DOC.name) {
            let mut written = Written::default();
            let ran = C::run(Args::after(1, self.words, &C::DOC), self.bench, &mut written);
            assert_eq!(ran.is_ok(), written.is_whole, "{}", C::DOC.name);
            self.finish(ran);
        }
    }
}

impl Host for Bench {
    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn move_clock(&mut self, to: clock::Move) -> Option<i64> {
        self.clock = match to {
            clock::Move::To(time) => time.0,
            clock::Move::By(span) => self.clock.checked_add(span.0)?,
            clock::Move::Real => START,
        };
        Some(self.clock)
    }
}

/// A reply of which only the form is kept: exactly one, with as many elements as it says.
#[derive(Default)]
struct Written {
    /// Elements still to come, of each list that is not whole yet.
    open: Vec<usize>,
    is_whole: bool,
}

impl Written {
    fn element(&mut self, inside: usize) {
        assert!(!self.is_whole, "more than one reply");
        if inside > 0 {
            self.open.push(inside);
            return;
        }
        while let Some(left) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                return;
            }
            self.open.pop();
        }
        self.is_whole = true;
    }
}

impl Reply for Written {
    fn array(&mut self, elements: usize) {
        self.element(elements);
    }

    fn map(&mut self, pairs: usize) {
        self.element(pairs * 2);
    }

    fn word(&mut self, word: &'static std::ffi::CStr) {
        assert!(word.to_bytes().iter().all(u8::is_ascii_graphic), "{word:?}");
        self.element(0);
    }

    fn bulk(&mut self, _bytes: &[u8]) {
        self.element(0);
    }

    fn integer(&mut self, number: i64) {
        assert!(number >= -1, "{number}");
        self.element(0);
    }

    fn null(&mut self) {
        self.element(0);
    }
}
