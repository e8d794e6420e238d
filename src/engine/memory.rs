//! Memories of ids: what makes a repeated command harmless.
//!
//! Ids are kept in the order in which they were recorded, and found by a keyed hash; a look-up
//! compares the whole id. How long an id counts is the asker's to say (`since`): an id that no
//! longer counts may still lie here until a later command clears it away, a few at a time.
//! Invariants: times do not run backwards; the newest entry of an id is the one that is found.

use super::blocks::Blocks;
use super::bounds::{BILLING_IDS, CLOSED_HOLDS, SPEND_IDS};
use super::id::Id;
use super::index::{Hashing, Index};
use super::money::Money;
use super::time::Millis;

/// What was done under an id. The same id with the same act is a duplicate, with another a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A charge of this amount.
    Spend(Money),
    /// Credits bought for this amount.
    TopUp(Money),
    /// Credits given.
    Promo(Money),
    /// A credit note.
    Refund(Money),
    /// An invoice was paid, which lowered what is owed by this much.
    Paid(Money),
    /// An invoice was voided.
    InvoiceVoided,
    /// A hold was settled, for this amount in all.
    Settled(Money),
    /// A hold was voided.
    Voided,
}

/// Ids of different spaces never meet, even when their bytes are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    /// Ids of FW.SPEND.
    Spend,
    /// Ids of FW.TOPUP, given and bought alike.
    TopUp,
    /// Ids of FW.REFUND.
    Refund,
    /// Invoices.
    Invoice,
    /// Holds.
    Hold,
}

impl Act {
    /// The space of ids the act belongs to.
    #[must_use]
    pub const fn space(self) -> Space {
        match self {
            Self::Spend(_) => Space::Spend,
            Self::TopUp(_) | Self::Promo(_) => Space::TopUp,
            Self::Refund(_) => Space::Refund,
            Self::Paid(_) | Self::InvoiceVoided => Space::Invoice,
            Self::Settled(_) | Self::Voided => Space::Hold,
        }
    }
}

/// The memories an account has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Ids of spends.
    Spends,
    /// Ids of billing events.
    Billings,
    /// Ids of holds that were closed.
    Closed,
}

impl Kept {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Spends, Self::Billings, Self::Closed];
}

impl Space {
    /// The memory that keeps the ids of this space.
    #[must_use]
    pub const fn kept(self) -> Kept {
        match self {
            Self::Spend => Kept::Spends,
            Self::TopUp | Self::Refund | Self::Invoice => Kept::Billings,
            Self::Hold => Kept::Closed,
        }
    }
}

impl Kept {
    /// How many ids it keeps.
    #[must_use]
    pub const fn bound(self) -> usize {
        match self {
            Self::Spends => SPEND_IDS,
            Self::Billings => BILLING_IDS,
            Self::Closed => CLOSED_HOLDS,
        }
    }
}

/// An id, what was done under it, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The client's id.
    pub id: Id,
    /// When the act was recorded.
    pub time: Millis,
    /// What was done.
    pub act: Act,
}

impl Entry {
    /// An act that is recorded now.
    #[must_use]
    pub const fn new(id: Id, act: Act, now: Millis) -> Self {
        Self { id, time: now, act }
    }
}

/// From when on ids count, as it is `now`.
#[derive(Clone, Copy, Debug)]
pub struct Since {
    /// What was recorded at this time or before counts no longer.
    pub since: Millis,
    /// The account's time.
    pub now: Millis,
}

/// Remembered ids, oldest first.
#[derive(Clone)]
pub struct Memory {
    entries: Blocks<Entry>,
    /// When the first entry was recorded. Known here, so that no entry need be looked at where none
    /// is old.
    oldest: Millis,
    /// Serial numbers of entries; the front entry's is `first`.
    index: Index,
    first: u32,
    hashing: Hashing,
}

impl Memory {
    /// An empty memory that hashes with the process's seed.
    #[must_use]
    pub fn new(hashing: &Hashing) -> Self {
        let hashing = hashing.clone();
        let (entries, index) = (Blocks::default(), Index::default());
        Self { entries, oldest: Millis::NEVER, index, first: 0, hashing }
    }

    /// What was done under `id`, if that was recorded after `since`. Nothing was recorded after
    /// `now`: what says so was recorded by a clock that has gone back.
    #[must_use]
    pub fn recall(&self, space: Space, id: &Id, Since { since, now }: Since) -> Option<Act> {
        let found = self.index.find(self.hash(space, id), |&serial| self.is(serial, space, id))?;
        let entry = self.entry(found)?;
        (entry.time.min(now) > since).then_some(entry.act)
    }

    /// Remembers an act, over what was known of the same id.
    pub fn record(&mut self, entry: Entry) {
        let space = entry.act.space();
        let hash = self.hash(space, &entry.id);
        let serial = self.first.wrapping_add(u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
        if self.entries.is_empty() {
            self.oldest = entry.time;
        }
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

    /// Clears away the `count` entries recorded first.
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
        self.see_oldest();
    }

    /// How many of the entries recorded first no longer count, at most `most`.
    #[must_use]
    pub fn forgettable(&self, Since { since, now }: Since, most: usize) -> usize {
        if self.oldest.min(now) > since {
            return 0;
        }
        let forgotten = |entry: &&Entry| entry.time.min(now) <= since;
        self.entries.iter().take(most).take_while(forgotten).count()
    }

    /// Brings times that lie after `now` back to it: the clock went back.
    pub fn rewind(&mut self, now: Millis) {
        for entry in self.entries.iter_mut() {
            entry.time = entry.time.min(now);
        }
        self.see_oldest();
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// How many entries lie here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Holds if nothing lies here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Memory it takes beyond its own size, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let (entries, index) = (self.entries.heap_bytes(), self.index.heap_bytes());
        let ids = self.entries.iter().map(|entry| entry.id.heap_bytes());
        ids.fold(entries.saturating_add(index), usize::saturating_add)
    }

    fn see_oldest(&mut self) {
        self.oldest = self.entries.at(0).map_or(Millis::NEVER, |entry| entry.time);
    }

    fn hash(&self, space: Space, id: &Id) -> u64 {
        self.hashing.hash_one((space, id))
    }

    fn entry(&self, serial: u32) -> Option<&Entry> {
        self.entries.at(serial.wrapping_sub(self.first) as usize)
    }

    fn is(&self, serial: u32, space: Space, id: &Id) -> bool {
        self.entry(serial).is_some_and(|entry| entry.act.space() == space && entry.id == *id)
    }
}

fn hash_of(hashing: &Hashing, entry: Option<&Entry>) -> u64 {
    entry.map_or(0, |entry| hashing.hash_one((entry.act.space(), &entry.id)))
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_list().entries(self.entries()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, time: i64, dollars: u32) -> Entry {
        let id = Id::new(id.as_bytes()).expect("an id");
        Entry { id, time: Millis(time), act: Act::Spend(Money::dollars(dollars)) }
    }

    fn recall(memory: &Memory, id: &str, since: i64) -> Option<Act> {
        memory.recall(Space::Spend, &Id::new(id.as_bytes())?, at(since))
    }

    fn at(since: i64) -> Since {
        Since { since: Millis(since), now: Millis(1_000_000) }
    }

    #[test]
    fn memory_is_given_back_when_ids_are_forgotten() {
        let mut memory = memory();
        for turn in 0..10_000_u32 {
            memory.record(entry(&format!("id-{turn}"), i64::from(turn), turn));
        }
        let full = memory.heap_bytes();
        memory.forget(9_900);
        assert!(memory.heap_bytes() < full / 20, "{} of {full}", memory.heap_bytes());
        assert_eq!(recall(&memory, "id-9999", -1), Some(Act::Spend(Money::dollars(9_999))));
        assert_eq!(recall(&memory, "id-9899", -1), None);
    }

    #[test]
    fn an_id_from_a_clock_that_went_back_counts_as_recorded_now() {
        let mut memory = memory();
        memory.record(entry("a", 5_000, 1));
        let at = |since| Since { since: Millis(since), now: Millis(1_000) };
        let id = Id::new(b"a").expect("an id");
        assert!(memory.recall(Space::Spend, &id, at(999)).is_some());
        assert!(memory.recall(Space::Spend, &id, at(1_000)).is_none());
        assert_eq!(memory.forgettable(at(1_000), 9), 1);
    }

    fn memory() -> Memory {
        Memory::new(&Hashing::with_seeds([1, 2, 3, 4]))
    }

    #[test]
    fn an_id_counts_while_it_was_recorded_after_since() {
        let mut memory = memory();
        memory.record(entry("a", 100, 5));
        assert_eq!(recall(&memory, "a", 99), Some(Act::Spend(Money::dollars(5))));
        assert_eq!(recall(&memory, "a", 100), None);
        assert_eq!(recall(&memory, "b", 0), None);
    }

    #[test]
    fn the_same_bytes_in_two_spaces_are_two_ids() {
        let mut memory = memory();
        memory.record(entry("a", 100, 5));
        let id = Id::new(b"a").expect("an id");
        assert_eq!(memory.recall(Space::TopUp, &id, at(0)), None);
    }

    #[test]
    fn an_id_recorded_again_outlives_its_first_entry() {
        let mut memory = memory();
        memory.record(entry("a", 100, 5));
        memory.record(entry("b", 150, 6));
        memory.record(entry("a", 200, 7));
        memory.forget(1);
        assert_eq!(recall(&memory, "a", 0), Some(Act::Spend(Money::dollars(7))));
        assert_eq!(recall(&memory, "b", 0), Some(Act::Spend(Money::dollars(6))));
        memory.forget(2);
        assert_eq!((recall(&memory, "a", 0), memory.len()), (None, 0));
    }

    #[test]
    fn thousands_of_ids_come_and_go_and_are_never_mixed_up() {
        let mut memory = memory();
        for turn in 0..20_000_u32 {
            memory.record(entry(&format!("id-{turn}"), i64::from(turn), turn));
            if turn >= 5_000 {
                memory.forget(1);
                assert_eq!(recall(&memory, &format!("id-{}", turn - 5_000), -1), None);
                let kept = turn - 4_999;
                let act = Some(Act::Spend(Money::dollars(kept)));
                assert_eq!(recall(&memory, &format!("id-{kept}"), -1), act);
            }
        }
        assert_eq!((memory.len(), memory.index.len()), (5_000, 5_000));
    }

    #[test]
    fn only_so_many_are_forgettable_at_once() {
        let mut memory = memory();
        for time in 0..10 {
            memory.record(entry(&format!("{time}"), time, 1));
        }
        assert_eq!(memory.forgettable(at(2), 100), 3);
        assert_eq!(memory.forgettable(at(9), 4), 4);
        memory.rewind(Millis(4));
        assert!(memory.entries().all(|entry| entry.time <= Millis(4)));
    }
}
