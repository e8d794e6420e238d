//! One node: its accounts, what it received in which order, its AOF and RDB file, its clock and its
//! settings.
//!
//! A node knows the format of accounts and effects up to a version; of a newer one it takes nothing.

use std::rc::Rc;

use fw_limits::codec;
use fw_limits::codec::wire::VERSION;
use fw_limits::engine::account::Account;
use fw_limits::engine::act::Kept;
use fw_limits::engine::index::Hashing;
use fw_limits::engine::policy::Policy;
use fw_limits::engine::slot::Slot;
use fw_limits::engine::window::Window;
use xxhash_rust::xxh3::xxh3_64;

use crate::generate::LAST;
use crate::known::Known;
use crate::model::figures::Figures;
use crate::past::{NOWHERE, Past, Place, Sent};
use crate::plan::Plan;
use crate::script::Setting;
use crate::subject::{change, encoded};
use crate::tell;

/// The node of an older build, and the version that it knows. While there is only one version it
/// shows that nothing else is written.
const OLDER: (u64, u8) = (2, 1);
/// The place of the version in a blob.
const VERSION_AT: usize = 1;

pub struct Node {
    pub accounts: Vec<Held>,
    /// What it received, or decided, in this order.
    pub stream: Vec<Place>,
    pub is_up: bool,
    pub link: Link,
    /// How much of the stream its AOF has synced.
    pub synced: usize,
    /// What the AOF begins with; the stream after it is its tail.
    aof: Snapshot,
    rewriting: Option<Snapshot>,
    rdb: Snapshot,
    pub figures: Figures,
    pub policy: Policy,
    clock: Clock,
    /// The newest version of the format it knows.
    knows: u8,
    compares: usize,
    hashing: Hashing,
    /// What happened to each account, where this node serves it.
    pub known: Vec<Known>,
}

#[derive(Default)]
pub struct Held {
    pub account: Option<Box<Account>>,
    pub place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Flows,
    Stalls,
    Gone,
}

/// Accounts as a file has them.
#[derive(Clone, Default)]
pub struct Snapshot {
    /// How much of the stream it has.
    at: usize,
    accounts: Vec<(Option<Rc<[u8]>>, Place)>,
}

#[derive(Clone, Copy, Default)]
struct Clock {
    ahead: i64,
    ppm: i64,
    since: i64,
}

impl Node {
    pub fn new(plan: &Plan, index: u64) -> Self {
        let nothing = Snapshot { at: 0, accounts: vec![(None, NOWHERE); plan.accounts] };
        Self {
            accounts: (0..plan.accounts).map(|_| Held::default()).collect(),
            stream: Vec::new(),
            is_up: true,
            link: Link::Flows,
            synced: 0,
            aof: nothing.clone(),
            rewriting: None,
            rdb: nothing,
            policy: tell::policy(&plan.figures),
            figures: plan.figures.clone(),
            clock: Clock { since: plan.start, ..Clock::default() },
            knows: if index == OLDER.0 { OLDER.1 } else { VERSION },
            compares: plan.compares,
            // Every process has a seed of its own.
            hashing: Hashing::with_seeds([1, 2, 3, index]),
            known: (0..plan.accounts).map(|_| Known::new(plan.memories())).collect(),
        }
    }

    pub fn hashing(&self) -> &Hashing {
        &self.hashing
    }

    pub fn clock(&self, time: i64) -> i64 {
        let Clock { ahead, ppm, since } = self.clock;
        (time + ahead + (time - since) / 1_000 * ppm / 1_000).clamp(0, LAST)
    }

    pub fn step_clock(&mut self, by: i64) {
        self.clock.ahead += by;
    }

    pub fn drift(&mut self, ppm: i64, time: i64) {
        self.clock = Clock { ahead: self.clock(time) - time, ppm, since: time };
    }

    pub fn right_clock(&mut self) {
        self.clock = Clock::default();
    }

    pub fn put(&mut self, setting: &Setting) {
        setting.clone().put(&mut self.figures);
        self.policy = tell::policy(&self.figures);
    }

    /// Takes a change from its primary or its AOF.
    pub fn take(&mut self, past: &Past, place: Place) -> Result<(), String> {
        let entry = past.at(place);
        let held = &mut self.accounts[entry.account];
        match &entry.sent {
            Sent::Effect(blob) => {
                knows(self.knows, blob)?;
                let effect = codec::effect::decode(blob)
                    .map_err(|damage| format!("an effect cannot be read: {damage:?}"))?;
                change(&mut held.account, &effect, &self.hashing)
                    .map_err(|what| format!("an effect {what}"))?;
            }
            Sent::Account(blob) => {
                knows(self.knows, blob)?;
                held.account = Some(read(blob, &self.hashing)?);
            }
            Sent::Delete => held.account = None,
        }
        held.place = place;
        self.stream.push(place);
        self.compare_sometimes(past, place)
    }

    /// Compares the account of a change, at one change in so many, the same ones on all nodes.
    pub fn compare_sometimes(&self, past: &Past, place: Place) -> Result<(), String> {
        if self.is_compared(place) { self.compare(past, past.at(place).account) } else { Ok(()) }
    }

    /// Holds at one change in so many, the same ones on all nodes.
    pub fn is_compared(&self, place: Place) -> bool {
        place.is_multiple_of(self.compares)
    }

    /// Compares an account's bytes with those that other nodes had at the same place.
    pub fn compare(&self, past: &Past, account: usize) -> Result<(), String> {
        let Held { account, place } = &self.accounts[account];
        let hash = account.as_ref().map_or(0, |account| xxh3_64(&encoded(account)));
        let told = &past.at(*place).hash;
        if told.get().is_some_and(|told| told != hash) {
            return Err(format!("the bytes differ from another node's: {account:?}"));
        }
        told.set(Some(hash));
        Ok(())
    }

    /// What an account has in memory, as far as a rule can see it: a field that the codec drops is
    /// missing from all bytes alike, but not from what was never written and read.
    pub fn shown(&self, account: usize) -> String {
        let Some(account) = &self.accounts[account].account else { return String::new() };
        let extras = account.parts.extras();
        let windows = extras.map(|extras| {
            let slots = |(name, window): (_, &Window)| format!("{name:?} {:?}", slots(window));
            extras.windows.iter().map(slots).collect::<Vec<_>>()
        });
        let rest = extras.map(|extras| {
            let state = (&extras.blocked, &extras.failed, &extras.former_tiers, &extras.log);
            format!("{state:?} {:?} {:?}", extras.limits, extras.leases)
        });
        let plain = (account.latest, account.created(), &account.record, slots(&account.requests));
        let holds: Vec<_> = account.parts.holds().collect();
        let ids = Kept::ALL.map(|kept| account.parts.entries(kept).collect::<Vec<_>>());
        format!("{plain:?} {windows:?} {holds:?} {ids:?} {rest:?}")
    }

    fn snapshot(&self) -> Snapshot {
        let bytes = |account: &Account| Rc::from(encoded(account));
        let row = |held: &Held| (held.account.as_deref().map(bytes), held.place);
        Snapshot { at: self.stream.len(), accounts: self.accounts.iter().map(row).collect() }
    }

    fn load(&mut self, past: &Past, from: &Snapshot) -> Result<(), String> {
        self.stream.truncate(from.at);
        for (at, (blob, place)) in from.accounts.iter().enumerate() {
            let account = match blob {
                Some(blob) => {
                    knows(self.knows, blob)?;
                    Some(read(blob, &self.hashing)?)
                }
                None => None,
            };
            self.accounts[at] = Held { account, place: *place };
            self.compare(past, at)?;
        }
        Ok(())
    }

    /// Takes over all that its primary has, and writes files of it.
    pub fn sync_fully(&mut self, past: &Past, primary: &Self) -> Result<(), String> {
        let all = primary.snapshot();
        self.stream.clone_from(&primary.stream);
        self.load(past, &all)?;
        self.synced = all.at;
        self.aof = all.clone();
        self.rdb = all;
        self.rewriting = None;
        Ok(())
    }

    pub fn rewrite(&mut self) {
        self.rewriting = Some(self.snapshot());
    }

    pub fn rewritten(&mut self) {
        if let Some(rewritten) = self.rewriting.take() {
            self.aof = rewritten;
            self.synced = self.stream.len();
        }
    }

    pub fn save(&mut self) {
        self.rdb = self.snapshot();
    }

    pub fn crash(&mut self) {
        self.is_up = false;
        self.link = Link::Gone;
        self.rewriting = None;
    }

    /// Starts from what the AOF begins with and its tail, of which the last part may be lost; tells
    /// how many changes it replayed.
    pub fn start_from_aof(&mut self, past: &Past, kept: usize) -> Result<u64, String> {
        let begin = std::mem::take(&mut self.aof);
        let tail = self.stream[begin.at.min(kept)..kept].to_vec();
        self.load(past, &begin)?;
        self.aof = begin;
        for &place in &tail {
            self.take(past, place)?;
        }
        self.synced = kept;
        self.forget_later();
        (0..self.accounts.len()).try_for_each(|at| self.compare(past, at))?;
        self.is_up = true;
        Ok(tail.len() as u64)
    }

    /// Starts from the last RDB file alone.
    pub fn start_from_rdb(&mut self, past: &Past) -> Result<(), String> {
        let saved = std::mem::take(&mut self.rdb);
        self.load(past, &saved)?;
        self.synced = saved.at;
        self.aof = saved.clone();
        self.rdb = saved;
        self.is_up = true;
        Ok(())
    }

    /// A file of what this node no longer has is no file of it.
    fn forget_later(&mut self) {
        if self.rdb.at > self.stream.len() {
            self.rdb = self.snapshot();
        }
    }
}

fn slots(window: &Window) -> Vec<Slot> {
    window.slots().collect()
}

fn knows(version: u8, blob: &[u8]) -> Result<(), String> {
    match blob.get(VERSION_AT) {
        Some(written) if *written <= version => Ok(()),
        _ => Err("it is of a version that this build does not know".to_owned()),
    }
}

fn read(blob: &[u8], hashing: &Hashing) -> Result<Box<Account>, String> {
    codec::account::decode(blob, hashing)
        .map_err(|damage| format!("an account cannot be read: {damage:?}"))
}
