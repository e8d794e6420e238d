//! A client that remembers what it sent, and what was acknowledged.
//!
//! Its accounts are its own, so it knows the order of everything that happened to them. The rules
//! alone, without a server, say what each reply had to be, and which bytes are stored after it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use redis::Connection;

use crate::memory::Memory;
use crate::scenario::{Target, words};
use crate::support::history::Random;
use crate::support::server::{Server, answered};

/// Commands that are sent before the first of them is answered, at most.
const DEPTH: u64 = 8;
const ACCOUNTS: u64 = 3;
/// What a charge to the shared account costs: one cent.
pub const SHARED: &str = "shared";

type Words = Vec<Vec<u8>>;

/// One client.
pub struct Client {
    name: String,
    random: Random,
    number: u64,
    /// The accounts before the first of `sent`.
    before: Memory,
    clock: i64,
    sent: Vec<Words>,
    answers: Vec<String>,
    /// How many were answered; others look at it while the client runs.
    pub answered: Arc<AtomicUsize>,
    /// Charges to the shared account, sent and acknowledged.
    pub shared: (usize, usize),
}

/// How what is stored compares with what was sent.
#[derive(Debug, Default)]
pub struct Settled {
    /// Changes that were acknowledged.
    pub acknowledged: usize,
    /// Of these, changes that are not stored.
    pub lost: usize,
    /// Changes that are stored and were not acknowledged.
    pub unheard: usize,
}

impl Client {
    pub fn new(name: String) -> Self {
        Self {
            name,
            random: Random::new(),
            number: 0,
            before: Memory::default(),
            clock: 0,
            sent: Vec::new(),
            answers: Vec::new(),
            answered: Arc::default(),
            shared: (0, 0),
        }
    }

    /// Forgets what was sent; accounts have these names from now on.
    pub fn rename(&mut self, name: String) {
        self.name = name;
        self.before.reset();
        self.number = 0;
    }

    /// The time at which everything is decided that is sent from now on.
    pub fn set_clock(&mut self, ms: i64) {
        self.clock = ms;
        self.before.clock(ms);
    }

    pub fn keys(&self) -> Vec<String> {
        (0..ACCOUNTS).map(|at| format!("{}-{at}", self.name)).collect()
    }

    /// Sends and receives until the connection breaks, or `stop` many are answered.
    pub fn run(&mut self, mut connection: Connection, stop: usize) {
        while self.answered.load(Ordering::SeqCst) < stop {
            let batch: Vec<Words> =
                (0..=self.random.below(DEPTH)).map(|_| self.command()).collect();
            let mut packed = Vec::new();
            for words in &batch {
                let mut command = redis::Cmd::new();
                words.iter().for_each(|word| {
                    command.arg(word.as_slice());
                });
                packed.extend(command.get_packed_command());
            }
            let shared = batch.iter().filter(|words| is_shared(words)).count();
            self.shared.0 += shared;
            self.sent.extend(batch.iter().cloned());
            if connection.send_packed_command(&packed).is_err() {
                return;
            }
            for words in &batch {
                let Ok(value) = connection.recv_response() else { return };
                self.answers.push(answered(value).line());
                self.shared.1 += usize::from(is_shared(words));
                self.answered.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    /// Compares the stored accounts with every state that the history went through from `floor`
    /// answers on, and goes on from the one that it is.
    ///
    /// # Errors
    /// Tells what no state of the history explains.
    pub fn settle(
        &mut self,
        stored: &HashMap<String, Vec<u8>>,
        floor: usize,
    ) -> Result<Settled, String> {
        let mut settled = Settled::default();
        let mut memory = self.before.clone();
        let keys = self.keys();
        let is_stored = |memory: &mut Memory, key: &str| {
            let image = memory.image(key.as_bytes());
            stored.get(key).map_or(image.is_empty(), |blob| *blob == image)
        };
        let mut wrong: Vec<&String> =
            keys.iter().filter(|key| !is_stored(&mut memory, key)).collect();
        let mut found = (wrong.is_empty() && floor == 0).then(|| (0, memory.clone(), 0));
        let mut changes = 0;
        let mut nearest = (wrong.len(), 0);
        for (at, command) in self.sent.iter().enumerate() {
            if !is_shared(command) {
                let key = keys.iter().find(|key| key.as_bytes() == command[1]).expect("its own");
                let before = memory.image(key.as_bytes());
                let line = memory.run(command).line();
                if let Some(answer) = self.answers.get(at).filter(|answer| **answer != line) {
                    return Err(format!("{}: {answer}, not {line}", shown(command)));
                }
                changes += usize::from(memory.image(key.as_bytes()) != before);
                wrong.retain(|wrong| *wrong != key);
                if !is_stored(&mut memory, key) {
                    wrong.push(key);
                }
            }
            if at + 1 == self.answers.len() {
                settled.acknowledged = changes;
            }
            if wrong.len() <= nearest.0 {
                nearest = (wrong.len(), at + 1);
            }
            if wrong.is_empty() && at + 1 >= floor {
                found = Some((at + 1, memory.clone(), changes));
            }
        }
        let Some((_, memory, kept)) = found else {
            return Err(format!(
                "what is stored is no state after the first {floor} of {} commands, {} answered; \
                 nearest after {} with {} accounts wrong, {wrong:?} at the end",
                self.sent.len(),
                self.answers.len(),
                nearest.1,
                nearest.0
            ));
        };
        settled.lost = settled.acknowledged.saturating_sub(kept);
        settled.unheard = kept.saturating_sub(settled.acknowledged);
        self.before = memory;
        self.sent.clear();
        self.answers.clear();
        self.answered.store(0, Ordering::SeqCst);
        Ok(settled)
    }

    fn command(&mut self) -> Words {
        let key = format!("{}-{}", self.name, self.random.below(ACCOUNTS));
        let mut words = loop {
            let line = match self.random.below(8) {
                0 => {
                    self.number += 1;
                    return words(&format!(
                        "FW.SPEND {SHARED} 0.01 ID {}-{}",
                        self.name, self.number
                    ));
                }
                1 => self.random.command(),
                _ => self.charge(),
            };
            if !line.starts_with("FW.CLOCK") && !line.starts_with("DEL") {
                break words(&line);
            }
        };
        if words.len() > 1 {
            words[1] = key.into_bytes();
        }
        words
    }

    /// What a gateway and its billing send, with an id that is new or was sent lately.
    fn charge(&mut self) -> String {
        self.number += 1;
        let new = self.number;
        let lately = new.saturating_sub(self.random.below(40));
        let cents = self.random.below(300);
        let amount = format!("{}.{:02}", cents / 100, cents % 100);
        match self.random.below(12) {
            0 | 1 => format!("FW.SPEND KEY {amount} ID s{new}"),
            2 => format!("FW.SPEND KEY {amount} ID s{lately}"),
            3 | 4 => format!("FW.ADMIT KEY COST 1 TOKENS 9 HOLD n{new} {amount} TTL 86400000"),
            5 => format!("FW.ADMIT KEY COST 0 HOLD n{new} {amount} TTL 1500"),
            6 | 7 => format!("FW.SPEND KEY 0.5 HOLD n{lately} TOKENS 4"),
            8 => format!("FW.SPEND KEY 0.25 HOLD n{lately} PARTIAL"),
            9 => format!("FW.VOID KEY n{lately}"),
            10 => format!("FW.TOPUP KEY 9.{:02} ID t{new}", cents % 100),
            _ => format!("FW.QUOTA KEY RESERVE q{} h100 1 TTL 9000", new % 9),
        }
    }
}

fn is_shared(words: &[Vec<u8>]) -> bool {
    words.get(1).is_some_and(|key| key == SHARED.as_bytes())
}

fn shown(words: &[Vec<u8>]) -> String {
    words.iter().map(|word| word.escape_ascii().to_string()).collect::<Vec<_>>().join(" ")
}

/// What every account is stored as, without the server's wrapping.
pub fn stored(server: &mut Server, keys: &[String]) -> HashMap<String, Vec<u8>> {
    let mut all = HashMap::new();
    for key in keys {
        if let crate::answer::Answer::Text(dump) = server.must(&format!("DUMP {key}")) {
            all.insert(key.clone(), blob(&dump));
        }
    }
    all
}

/// The module's own bytes in a DUMP: a type, an id, an opcode, a length; an opcode, a version, a sum.
pub fn blob(dump: &[u8]) -> Vec<u8> {
    const TAIL: usize = 1 + 2 + 8;
    // One byte for the type, nine for the id, one for the opcode.
    let rest = &dump[11..dump.len() - TAIL];
    let head = match rest[0] >> 6 {
        0 => 1,
        1 => 2,
        _ => 5,
    };
    rest[head..].to_vec()
}
