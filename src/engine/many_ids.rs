//! Many remembered ids: in blocks, in the order in which they were recorded, found by a keyed hash.
//!
//! A look-up compares the whole id. How long an id counts is not known here.
//! Invariant: the newest entry of an id is the one that is found.

use super::act::{Entry, Space};
use super::blocks::Blocks;
use super::id::Id;
use super::index::{Hashing, Index};

/// Entries, in the order in which they were recorded.
#[derive(Clone)]
pub struct ManyIds {
    entries: Blocks<Entry>,
    /// Serial numbers of entries; the front entry's is `first`.
    index: Index,
    first: u32,
    hashing: Hashing,
}

impl ManyIds {
    /// No entries, to be hashed with the process's seed.
    #[must_use]
    pub fn new(hashing: &Hashing) -> Self {
        let hashing = hashing.clone();
        let (entries, index) = (Blocks::default(), Index::default());
        Self { entries, index, first: 0, hashing }
    }

    /// The newest entry of an id.
    #[must_use]
    pub fn find(&self, space: Space, id: &Id) -> Option<&Entry> {
        let hash = self.hashing.hash_one((space, id));
        let is = |entry: &Entry| entry.act.space() == space && entry.id == *id;
        let found = self.index.find(hash, |&serial| self.entry(serial).is_some_and(is))?;
        self.entry(found)
    }

    /// Adds an entry, which is from now on the one that is found of its id.
    pub fn record(&mut self, entry: Entry) {
        let space = entry.act.space();
        let hash = hash_of(&self.hashing, Some(&entry));
        let serial = self.first.wrapping_add(u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
        let Self { entries, index, first, hashing, .. } = self;
        let at = |serial: u32| entries.at(serial.wrapping_sub(*first) as usize);
        let same = |&known: &u32| {
            at(known).is_some_and(|known| known.act.space() == space && known.id == entry.id)
        };
        if let Some(known) = index.find_mut(hash, same) {
            *known = serial;
        } else {
            index.insert(hash, serial, |&serial| hash_of(hashing, at(serial)));
        }
        entries.push_back(entry);
    }

    /// Takes the `count` entries recorded first away.
    pub fn forget(&mut self, count: usize) {
        for _ in 0..count {
            let Some(entry) = self.entries.pop_front() else { break };
            let Self { entries, index, first, hashing, .. } = self;
            let hash = hash_of(hashing, Some(&entry));
            let next = first.wrapping_add(1);
            let at = |serial: u32| entries.at(serial.wrapping_sub(next) as usize);
            // A later entry of the same id stays known.
            index.remove(hash, |serial| serial == first, |&serial| hash_of(hashing, at(serial)));
            self.first = next;
        }
    }

    /// All entries, oldest first, to have their times changed.
    pub fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut()
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// How many entries there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// Memory it takes beyond its own size, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let (entries, index) = (self.entries.heap_bytes(), self.index.heap_bytes());
        let ids = self.entries.iter().map(|entry| entry.id.heap_bytes());
        ids.fold(entries.saturating_add(index), usize::saturating_add)
    }

    fn entry(&self, serial: u32) -> Option<&Entry> {
        self.entries.at(serial.wrapping_sub(self.first) as usize)
    }
}

impl std::fmt::Debug for ManyIds {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_list().entries(self.entries()).finish()
    }
}

fn hash_of(hashing: &Hashing, entry: Option<&Entry>) -> u64 {
    entry.map_or(0, |entry| hashing.hash_one((entry.act.space(), &entry.id)))
}
