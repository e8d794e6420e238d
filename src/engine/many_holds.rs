//! Many holds: in the order in which they lapse, found by a keyed hash.
//!
//! A look-up compares the whole id.
//! Invariant: ids are unique.

use super::hold::Hold;
use super::id::Id;
use super::index::{Hashing, Index};
use super::lapse::{Lapses, Open, Row};
use super::time::Millis;

/// ManyHolds by id and by lapse.
#[derive(Clone)]
pub struct ManyHolds {
    lapses: Lapses,
    /// Places of rows by id.
    index: Index,
    hashing: Hashing,
}

impl ManyHolds {
    /// No holds, to be hashed with the process's seed.
    #[must_use]
    pub fn new(hashing: &Hashing) -> Self {
        Self { lapses: Lapses::default(), index: Index::default(), hashing: hashing.clone() }
    }

    /// The hold of an id, open or lapsed.
    #[must_use]
    pub fn find(&self, id: &Id) -> Option<&Hold> {
        let same = |at: &u32| self.lapses.row(*at).is_some_and(|row| row.id == *id);
        let at = self.index.find(self.hashing.hash_one(id), same)?;
        self.lapses.row(at).map(|row| &row.hold)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lapses.len()
    }

    /// The soonest instant at which a hold lapses, or lapsed.
    #[must_use]
    pub fn soonest(&self) -> Millis {
        self.lapses.soonest()
    }

    /// What is open when everything that lapses at `time` or before has lapsed.
    #[must_use]
    pub fn open(&self, time: Millis) -> Open {
        self.lapses.open(time)
    }

    /// All holds, soonest lapse first.
    pub fn all(&self) -> impl Iterator<Item = (&Id, &Hold)> {
        self.after(Millis(i64::MIN))
    }

    /// The holds that lapse after `time`, soonest first.
    pub fn after(&self, time: Millis) -> impl Iterator<Item = (&Id, &Hold)> {
        self.lapses.after(time).map(|row| (&row.id, &row.hold))
    }

    /// The soonest instant after `time` at which a hold lapses.
    #[must_use]
    pub fn next_lapse(&self, time: Millis) -> Option<Millis> {
        self.lapses.first_after(time).map(|row| row.hold.lapses)
    }

    /// Puts a hold in the place of the one with the same id.
    pub fn put(&mut self, id: Id, hold: Hold) {
        let hash = self.hashing.hash_one(&id);
        self.remove_hashed(hash, &id);
        // The table finds its rows by the lowest bits and the highest seven.
        let priority = u32::try_from(hash >> 24 & u64::from(u32::MAX)).unwrap_or(0);
        let at = self.lapses.put(Row::new(id, hold, priority));
        let Self { lapses, index, hashing } = self;
        index.insert(hash, at, |&at| hash_of(lapses, hashing, at));
    }

    /// Takes a hold away, if there is one.
    pub fn remove(&mut self, id: &Id) {
        self.remove_hashed(self.hashing.hash_one(id), id);
    }

    fn remove_hashed(&mut self, hash: u64, id: &Id) {
        let Self { lapses, index, hashing } = self;
        let same = |at: &u32| lapses.row(*at).is_some_and(|row| row.id == *id);
        let Some(gap) = index.remove(hash, same, |&at| hash_of(lapses, hashing, at)) else {
            return;
        };
        let last = lapses.last();
        let moved = hash_of(lapses, hashing, last);
        lapses.take(gap);
        if let Some(place) = index.find_mut(moved, |at| *at == last) {
            *place = gap;
        }
    }

    /// Takes away the `count` holds that lapse first.
    pub fn forget(&mut self, count: usize) {
        for _ in 0..count {
            let Some(id) = self.lapses.first().map(|row| row.id.clone()) else { return };
            self.remove(&id);
        }
    }

    /// Changes every hold, and puts each where it then belongs.
    pub fn change_all(&mut self, change: impl Fn(Hold) -> Hold) {
        let mut changed = Self::new(&self.hashing);
        for (id, hold) in self.all() {
            changed.put(id.clone(), change(hold.clone()));
        }
        *self = changed;
    }

    /// Changes holds in what does not touch when they lapse and what they hold.
    pub fn change_details(&mut self, change: impl Fn(&mut Hold)) {
        for hold in self.lapses.holds_mut() {
            change(hold);
        }
    }

    /// Memory they take beyond their own size, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let tables = self.lapses.heap_bytes().saturating_add(self.index.heap_bytes());
        let inner = |(id, hold): (&Id, &Hold)| id.heap_bytes().saturating_add(hold.heap_bytes());
        self.all().map(inner).fold(tables, usize::saturating_add)
    }
}

impl std::fmt::Debug for ManyHolds {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_map().entries(self.all()).finish()
    }
}

fn hash_of(lapses: &Lapses, hashing: &Hashing, at: u32) -> u64 {
    lapses.row(at).map_or(0, |row| hashing.hash_one(&row.id))
}
