//! Memories of ids: what makes a repeated command harmless.
//!
//! Ids are kept in the order in which they were recorded: a few side by side, many with an index.
//! How long an id counts is the asker's to say (`since`): an id that no longer counts may still lie
//! here until a later command clears it away, a few at a time.
//! Invariants: times do not run backwards; the newest entry of an id is the one that is found.

use std::sync::Arc;

use super::act::{Act, Entry, Space};
use super::few::{FEW_AGAIN, Few};
use super::id::Id;
use super::index::Hashing;
use super::many_ids::ManyIds;
use super::time::Millis;

/// From when on ids count, as it is `now`.
#[derive(Clone, Copy, Debug)]
pub struct Since {
    /// What was recorded at this time or before counts no longer.
    pub since: Millis,
    /// The account's time.
    pub now: Millis,
}

impl Since {
    /// Holds if what was recorded at this time counts. Nothing was recorded after `now`: what says so
    /// was recorded by a clock that has gone back.
    #[must_use]
    pub fn covers(self, time: Millis) -> bool {
        time.min(self.now) > self.since
    }

    /// How many of these times, oldest first, no longer count, at most `most`.
    #[must_use]
    pub fn passed(self, times: impl Iterator<Item = Millis>, most: usize) -> usize {
        times.take(most).take_while(|time| !self.covers(*time)).count()
    }
}

/// Remembered ids, oldest first. Copies share what can be many until one changes.
#[derive(Clone)]
pub struct Memory {
    /// When the first entry was recorded; never if there is none. Known here, so that no entry need
    /// be looked at where none is old.
    oldest: Millis,
    entries: Entries,
}

#[derive(Clone)]
enum Entries {
    Few(Few<Entry>),
    Many(Arc<ManyIds>),
}

impl Default for Memory {
    fn default() -> Self {
        Self { oldest: Millis::NEVER, entries: Entries::Few(Few::default()) }
    }
}

impl Memory {
    /// What was done under `id`, if that was recorded after `since`.
    #[must_use]
    pub fn recall(&self, space: Space, id: &Id, since: Since) -> Option<Act> {
        let entry = match &self.entries {
            Entries::Few(few) => {
                let is = |entry: &&Entry| entry.act.space() == space && entry.id == *id;
                few.iter().rev().find(is)
            }
            Entries::Many(many) => many.find(space, id),
        }?;
        since.covers(entry.time).then_some(entry.act)
    }

    /// Remembers an act, over what was known of the same id.
    pub fn record(&mut self, entry: Entry, hashing: &Hashing) {
        if self.is_empty() {
            self.oldest = entry.time;
        }
        match &mut self.entries {
            Entries::Few(few) if few.is_full() => {
                let mut many = ManyIds::new(hashing);
                few.iter().cloned().chain([entry]).for_each(|entry| many.record(entry));
                self.entries = Entries::Many(Arc::new(many));
            }
            Entries::Few(few) => few.push(entry),
            Entries::Many(many) => Arc::make_mut(many).record(entry),
        }
    }

    /// Clears away the `count` entries recorded first.
    pub fn forget(&mut self, count: usize) {
        match &mut self.entries {
            Entries::Few(few) => few.forget(count),
            Entries::Many(many) => {
                let many = Arc::make_mut(many);
                many.forget(count);
                if many.count() <= FEW_AGAIN {
                    self.entries = Entries::Few(many.entries().cloned().collect());
                }
            }
        }
        self.see_oldest();
    }

    /// How many of the entries recorded first no longer count, at most `most`.
    #[must_use]
    pub fn forgettable(&self, since: Since, most: usize) -> usize {
        if since.covers(self.oldest) {
            return 0;
        }
        since.passed(self.entries().map(|entry| entry.time), most)
    }

    /// Brings times that lie after `now` back to it: the clock went back.
    pub fn rewind(&mut self, now: Millis) {
        let rewind = |entry: &mut Entry| entry.time = entry.time.min(now);
        match &mut self.entries {
            Entries::Few(few) => few.iter_mut().for_each(rewind),
            Entries::Many(many) => Arc::make_mut(many).entries_mut().for_each(rewind),
        }
        self.see_oldest();
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        let (few, many) = match &self.entries {
            Entries::Few(few) => (&few[..], None),
            Entries::Many(many) => (&[][..], Some(many)),
        };
        few.iter().chain(many.into_iter().flat_map(|many| many.entries()))
    }

    /// How many entries lie here.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.entries {
            Entries::Few(few) => few.len(),
            Entries::Many(many) => many.count(),
        }
    }

    /// How many entries are too many if there are `more` and the bound, which is no short list's, is
    /// this. No entry need be looked at where there are few.
    #[must_use]
    pub fn beyond(&self, bound: usize, more: usize) -> usize {
        match &self.entries {
            Entries::Few(_) => 0,
            Entries::Many(many) => many.count().saturating_add(more).saturating_sub(bound),
        }
    }

    /// Holds if nothing lies here. No entry need be looked at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.oldest == Millis::NEVER
    }

    /// Memory it takes beyond its own size, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match &self.entries {
            Entries::Few(few) => {
                let ids = few.iter().map(|entry| entry.id.heap_bytes());
                ids.fold(few.heap_bytes(), usize::saturating_add)
            }
            Entries::Many(many) => size_of::<ManyIds>().saturating_add(many.heap_bytes()),
        }
    }

    fn see_oldest(&mut self) {
        let first = self.entries().next().map(|entry| entry.time);
        self.oldest = first.unwrap_or(Millis::NEVER);
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_list().entries(self.entries()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::money::Money;

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
            memory.record(entry(&format!("id-{turn}"), i64::from(turn), turn), &hashing());
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
        memory.record(entry("a", 5_000, 1), &hashing());
        let at = |since| Since { since: Millis(since), now: Millis(1_000) };
        let id = Id::new(b"a").expect("an id");
        assert!(memory.recall(Space::Spend, &id, at(999)).is_some());
        assert!(memory.recall(Space::Spend, &id, at(1_000)).is_none());
        assert_eq!(memory.forgettable(at(1_000), 9), 1);
    }

    fn memory() -> Memory {
        Memory::default()
    }

    fn hashing() -> Hashing {
        Hashing::with_seeds([1, 2, 3, 4])
    }

    #[test]
    fn an_id_counts_while_it_was_recorded_after_since() {
        let mut memory = memory();
        memory.record(entry("a", 100, 5), &hashing());
        assert_eq!(recall(&memory, "a", 99), Some(Act::Spend(Money::dollars(5))));
        assert_eq!(recall(&memory, "a", 100), None);
        assert_eq!(recall(&memory, "b", 0), None);
    }

    #[test]
    fn the_same_bytes_in_two_spaces_are_two_ids() {
        let mut memory = memory();
        memory.record(entry("a", 100, 5), &hashing());
        let id = Id::new(b"a").expect("an id");
        assert_eq!(memory.recall(Space::TopUp, &id, at(0)), None);
    }

    #[test]
    fn an_id_recorded_again_outlives_its_first_entry() {
        let mut memory = memory();
        memory.record(entry("a", 100, 5), &hashing());
        memory.record(entry("b", 150, 6), &hashing());
        memory.record(entry("a", 200, 7), &hashing());
        assert_eq!(recall(&memory, "a", 0), Some(Act::Spend(Money::dollars(7))));
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
            memory.record(entry(&format!("id-{turn}"), i64::from(turn), turn), &hashing());
            if turn >= 5_000 {
                memory.forget(1);
                assert_eq!(recall(&memory, &format!("id-{}", turn - 5_000), -1), None);
                let kept = turn - 4_999;
                let act = Some(Act::Spend(Money::dollars(kept)));
                assert_eq!(recall(&memory, &format!("id-{kept}"), -1), act);
            }
        }
        assert_eq!(memory.len(), 5_000);
    }

    #[test]
    fn only_so_many_are_forgettable_at_once() {
        let mut memory = memory();
        for time in 0..10 {
            memory.record(entry(&format!("{time}"), time, 1), &hashing());
        }
        assert_eq!(memory.forgettable(at(2), 100), 3);
        assert_eq!(memory.forgettable(at(9), 4), 4);
        memory.rewind(Millis(4));
        assert!(memory.entries().all(|entry| entry.time <= Millis(4)));
    }
}
