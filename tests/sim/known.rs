//! What the facts up to a place say of an account: ids used, holds, and what windows counted.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::BuildHasherDefault;

use ahash::AHasher;
use fw_limits::engine::act::Space;

use crate::model::Act;
use crate::past::{Counted, Entry, Fact, NOWHERE, Past, Place};
use crate::promise::Memories;

const SPAN_MS: i64 = 60_000;

type Map<K, V> = HashMap<K, V, BuildHasherDefault<AHasher>>;

#[derive(Default)]
pub struct Known {
    pub place: Place,
    memories: Memories,
    /// The account's time.
    time: i64,
    ids: Map<(Space, u32), Used>,
    pub failed: BTreeSet<u32>,
    holds: Map<u32, Hold>,
    logs: Vec<VecDeque<(i64, i128)>>,
}

/// What an id was used for, and when.
#[derive(Clone, Copy)]
pub struct Used {
    pub act: Act,
    pub time: i64,
    /// Whether it may have been forgotten before the clock went back.
    pub may_be_gone: bool,
}

#[derive(Clone, Copy)]
pub struct Hold {
    pub amount: i128,
    pub charged: i128,
    /// When its TTL began, or it was closed.
    pub since: i64,
    pub ttl: i64,
    pub end: End,
    /// Whether it may have been forgotten before the clock went back.
    pub may_be_gone: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is open or lapsed.
    None,
    Settled(i128),
    Voided,
}

impl Known {
    pub fn new(memories: Memories) -> Self {
        Self { memories, ..Self::default() }
    }

    fn at(past: &Past, place: Place, memories: Memories) -> Self {
        let mut known = Self::new(memories);
        for at in past.way_to(place) {
            known.take(at, past.at(at));
        }
        known.place = place;
        known
    }

    /// What the way to this place and the entry after it say.
    pub fn follow(&mut self, past: &Past, place: Place) {
        if self.place == place {
            return;
        }
        if place == NOWHERE || past.at(place).before != self.place {
            *self = Self::at(past, place, self.memories);
        } else {
            self.take(place, past.at(place));
        }
    }

    fn take(&mut self, place: Place, entry: &Entry) {
        self.place = place;
        if entry.rewound {
            self.rewind(entry.time);
        }
        self.time = entry.time;
        match entry.fact {
            Fact::Nothing => {}
            Fact::Did(space, id, act) => {
                if space == Space::Invoice {
                    self.failed.remove(&id);
                }
                let used = Used { act, time: entry.time, may_be_gone: false };
                self.ids.insert((space, id), used);
            }
            Fact::Failed(id) => {
                self.failed.insert(id);
            }
            Fact::Hold { id, amount, charged, since, ttl } => {
                let (end, may_be_gone) = (End::None, false);
                self.holds.insert(id, Hold { amount, charged, since, ttl, end, may_be_gone });
            }
            Fact::Closed { id, settled } => {
                if let Some(hold) = self.holds.get_mut(&id) {
                    hold.end = settled.map_or(End::Voided, End::Settled);
                    hold.since = entry.time;
                }
            }
        }
        for counted in &entry.counted {
            self.count(*counted, entry.time);
        }
    }

    fn rewind(&mut self, now: i64) {
        self.logs.iter_mut().for_each(VecDeque::clear);
        let was = self.time;
        for ((space, _), used) in &mut self.ids {
            used.may_be_gone |= was >= used.time + self.memories.of(*space).0;
            used.time = used.time.min(now);
        }
        for hold in self.holds.values_mut() {
            hold.may_be_gone |= was >= hold.since + self.memories.holds.0;
            hold.since = hold.since.min(now);
        }
    }

    fn count(&mut self, counted: Counted, now: i64) {
        let (Counted::Units { window, .. } | Counted::Dropped(window)) = counted;
        if self.logs.len() <= window {
            self.logs.resize_with(window + 1, VecDeque::new);
        }
        let log = &mut self.logs[window];
        match counted {
            Counted::Units { at, units, .. } => {
                // Corrections come at the time of what they correct: only what is surely old goes.
                while log.front().is_some_and(|(at, _)| now - at >= 3 * SPAN_MS) {
                    log.pop_front();
                }
                log.push_back((at, units));
            }
            Counted::Dropped(_) => log.clear(),
        }
    }

    /// What a window counted in the 60 s that end now.
    pub fn counted(&self, window: usize, now: i64) -> i128 {
        let log = self.logs.get(window).into_iter().flatten();
        log.filter(|(at, _)| now - at < SPAN_MS).map(|(_, units)| units).sum()
    }

    pub fn used(&self, space: Space, id: u32) -> Option<Used> {
        self.ids.get(&(space, id)).copied()
    }

    pub fn hold(&self, id: u32) -> Option<Hold> {
        self.holds.get(&id).copied()
    }
}
