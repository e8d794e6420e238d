//! Holds that were closed, and whatever else is remembered.
//!
//! Ids are kept in the order in which they were recorded. How long an id counts is the asker's to say
//! ([`Since`]): one that no longer counts may still lie here until a later command clears it away, a
//! few at a time.
//! Invariants: times do not run backwards; the newest entry of an id is the one that is found.

use std::sync::Arc;

use super::{Head, Parts, Row};
use crate::engine::act::{Act, Entry, Kept, Space};
use crate::engine::few::{FEW, FEW_AGAIN};
use crate::engine::id::Id;
use crate::engine::index::Hashing;
use crate::engine::many_ids::ManyIds;
use crate::engine::memory::{Memory, Since};
use crate::engine::time::Millis;

impl Parts {
    /// What was done under `id`, if that was recorded after `since`.
    #[must_use]
    pub fn recall(&self, space: Space, id: &Id, since: Since) -> Option<Act> {
        match space.kept() {
            Kept::Closed => {
                let entry = self.closed_hold(id).filter(|entry| since.covers(entry.time))?;
                Some(entry.act)
            }
            kept => self.memory(kept)?.recall(space, id, since),
        }
    }

    /// All that is remembered of a kind, oldest first.
    pub fn entries(&self, kept: Kept) -> impl Iterator<Item = &Entry> {
        let closed = (kept == Kept::Closed).then(|| self.closed());
        closed.into_iter().flatten().chain(self.memory(kept).into_iter().flat_map(Memory::entries))
    }

    /// How many entries of a kind there are.
    #[must_use]
    pub fn count_entries(&self, kept: Kept) -> usize {
        match kept {
            Kept::Closed => self.count_closed(),
            kept => self.memory(kept).map_or(0, Memory::len),
        }
    }

    /// How many entries are too many if there are `more`. None need be looked at where there are few.
    #[must_use]
    pub fn beyond(&self, kept: Kept, more: usize) -> usize {
        match kept {
            Kept::Closed => {
                let many = self.many_closed().map_or(0, ManyIds::count);
                many.saturating_add(more).saturating_sub(kept.bound())
            }
            kept => self.memory(kept).map_or(0, |memory| memory.beyond(kept.bound(), more)),
        }
    }

    /// How many of the entries recorded first no longer count, at most `most`.
    #[must_use]
    pub fn forgettable(&self, kept: Kept, since: Since, most: usize) -> usize {
        match kept {
            Kept::Closed => {
                let oldest = self.head().map_or(Millis::NEVER, |head| head.oldest);
                since.passed(oldest, self.closed(), most)
            }
            kept => self.memory(kept).map_or(0, |memory| memory.forgettable(since, most)),
        }
    }

    /// Remembers an act, over what was known of the same id.
    pub fn record(&mut self, entry: Entry, hashing: &Hashing) {
        match entry.act.space().kept() {
            Kept::Closed => self.record_closed(entry, None, hashing),
            kept => self.with_extras(|extras| {
                if let Some(memory) = extras.memory_mut(kept) {
                    memory.record(entry, hashing);
                }
            }),
        }
    }

    /// Clears away the `count` entries recorded first.
    pub fn forget(&mut self, kept: Kept, count: usize) {
        if kept == Kept::Closed {
            self.forget_closed(count);
        } else if let Some(memory) = self.extras_mut().and_then(|extras| extras.memory_mut(kept)) {
            memory.forget(count);
        }
    }

    /// Brings times that lie after `now` back to it: the clock went back.
    pub fn rewind(&mut self, now: Millis) {
        self.rewind_closed(now);
        if let Some(extras) = self.extras_mut() {
            extras.spends.rewind(now);
            extras.billings.rewind(now);
        }
    }

    fn memory(&self, kept: Kept) -> Option<&Memory> {
        self.extras()?.memory(kept)
    }
}

/// Holds that were closed.
impl Parts {
    /// How a hold was closed, if it was, and last.
    fn closed_hold(&self, id: &Id) -> Option<&Entry> {
        match &self.head()?.many_closed {
            Some(many) => many.find(Space::Hold, id),
            None => self.few_closed().rfind(|entry| entry.id == *id),
        }
    }

    /// How many are remembered.
    fn count_closed(&self) -> usize {
        let Some(head) = self.head() else { return 0 };
        head.many_closed.as_ref().map_or(head.closed, |many| many.count())
    }

    /// All that are remembered, oldest first.
    fn closed(&self) -> impl Iterator<Item = &Entry> {
        self.few_closed().chain(self.many_closed().into_iter().flat_map(ManyIds::entries))
    }

    /// Remembers that a hold was closed, which is a hold no longer.
    pub fn close(&mut self, entry: Entry, hashing: &Hashing) {
        let Some(head) = self.made(2) else { return };
        let at = head.holds_at();
        let mut lies_at = None;
        if let Some(many) = &mut head.many_holds {
            Arc::make_mut(many).remove(&entry.id);
            self.see_fewer_holds();
        } else {
            let holds = self.0.get(at..).unwrap_or_default();
            let among = holds.iter().position(|row| row.is_hold_of(&entry.id));
            lies_at = among.and_then(|among| among.checked_add(at));
        }
        self.record_closed(entry, lies_at, hashing);
        self.see_soonest();
    }

    /// Records a closed hold, in the place of the one that lies there among the rows.
    fn record_closed(&mut self, entry: Entry, lies_at: Option<usize>, hashing: &Hashing) {
        let Some(head) = self.made(2) else { return };
        let at = head.holds_at();
        if head.oldest == Millis::NEVER {
            head.oldest = entry.time;
        }
        if head.many_closed.is_none() && head.closed < FEW {
            head.closed = head.closed.saturating_add(1);
            let between = lies_at.and_then(|lies_at| self.0.get_mut(at..=lies_at));
            let Some(between) = between else { return self.insert(at, Row::Closed(entry)) };
            // It becomes a closed one where it lies, but for the holds that lapse sooner.
            between.rotate_right(1);
            if let Some(row) = between.first_mut() {
                *row = Row::Closed(entry);
            }
            return;
        }
        if let Some(lies_at) = lies_at {
            self.take_rows(lies_at, 1);
        }
        if let Some(many) = self.many_closed_mut() {
            many.record(entry);
        } else {
            let mut many = ManyIds::new(hashing);
            self.few_closed().cloned().chain([entry]).for_each(|entry| many.record(entry));
            self.keep_many_closed(Some(many));
        }
    }

    /// Clears away the `count` that were closed first.
    fn forget_closed(&mut self, count: usize) {
        let Some(head) = self.head_mut() else { return };
        if let Some(many) = &mut head.many_closed {
            let many = Arc::make_mut(many);
            many.forget(count);
            if many.count() <= FEW_AGAIN {
                self.keep_many_closed(None);
            }
        } else {
            let count = count.min(head.closed);
            head.closed = head.closed.saturating_sub(count);
            self.take_rows(1, count);
        }
        self.see_oldest();
    }

    /// Brings times that lie after `now` back to it: the clock went back.
    fn rewind_closed(&mut self, now: Millis) {
        let rewind = |entry: &mut Entry| entry.time = entry.time.min(now);
        if let Some(many) = self.many_closed_mut() {
            many.entries_mut().for_each(rewind);
        } else {
            for row in &mut self.0 {
                if let Row::Closed(entry) = row {
                    rewind(entry);
                }
            }
        }
        self.see_oldest();
    }

    fn many_closed(&self) -> Option<&ManyIds> {
        self.head()?.many_closed.as_deref()
    }

    fn many_closed_mut(&mut self) -> Option<&mut ManyIds> {
        self.head_mut()?.many_closed.as_mut().map(Arc::make_mut)
    }

    fn few_closed(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        let end = self.head().map_or(0, Head::holds_at);
        self.0.get(1..end).unwrap_or_default().iter().filter_map(Row::entry)
    }

    /// Keeps these closed holds apart from the block, or the others in it.
    fn keep_many_closed(&mut self, many: Option<ManyIds>) {
        let Some(head) = self.head_mut() else { return };
        let former = std::mem::replace(&mut head.many_closed, many.map(Arc::new));
        let beside = std::mem::take(&mut head.closed);
        self.take_rows(1, beside);
        let mut count = 0_usize;
        for entry in former.iter().flat_map(|many| many.entries()) {
            count = count.saturating_add(1);
            self.insert(count, Row::Closed(entry.clone()));
        }
        if let Some(head) = self.head_mut() {
            head.closed = count;
        }
    }

    fn see_oldest(&mut self) {
        let oldest = self.closed().next().map_or(Millis::NEVER, |entry| entry.time);
        if let Some(head) = self.head_mut() {
            head.oldest = oldest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::hold::Hold;
    use crate::engine::money::Money;

    fn id(number: u32) -> Id {
        Id::new(format!("hold-{number}").as_bytes()).expect("an id")
    }

    fn entry(number: u32, time: i64) -> Entry {
        Entry::new(id(number), Act::Settled(Money::dollars(number)), Millis(time))
    }

    fn hashing() -> Hashing {
        Hashing::with_seeds([1, 2, 3, 4])
    }

    fn recall(parts: &Parts, number: u32, since: i64) -> Option<Act> {
        let since = Since { since: Millis(since), now: Millis(1_000_000) };
        parts.recall(Space::Hold, &id(number), since)
    }

    fn holding(numbers: impl Iterator<Item = u32>) -> Parts {
        let mut parts = Parts::default();
        for number in numbers {
            let hold = Hold::new(Money::dollars(number), Millis(i64::from(number) + 1), Millis(0));
            parts.put_hold(id(number), hold, &hashing());
        }
        parts
    }

    fn order(parts: &Parts) -> (Vec<Id>, Vec<Id>) {
        let closed = parts.entries(Kept::Closed).map(|entry| entry.id.clone());
        (closed.collect(), parts.holds().map(|(id, _)| id.clone()).collect())
    }

    #[test]
    fn a_hold_that_is_closed_stays_in_the_block_and_the_others_keep_their_order() {
        let mut parts = holding(0..5);
        let block = parts.heap_bytes();
        for (time, number) in [(10, 2), (20, 0), (30, 4)] {
            parts.close(entry(number, time), &hashing());
        }
        assert_eq!(order(&parts), ([2, 0, 4].map(id).to_vec(), [1, 3].map(id).to_vec()));
        assert_eq!((parts.heap_bytes(), parts.next_lapse(Millis(0))), (block, Some(Millis(2))));
        assert_eq!(recall(&parts, 2, 9), Some(Act::Settled(Money::dollars(2))));
        assert_eq!((recall(&parts, 2, 10), recall(&parts, 1, 0)), (None, None));
    }

    #[test]
    fn an_id_may_be_remembered_and_held_again() {
        let mut parts = Parts::default();
        parts.close(entry(1, 5), &hashing());
        parts.put_hold(id(1), Hold::new(Money::dollars(9), Millis(9), Millis(50)), &hashing());
        parts.record(entry(2, 60), &hashing());
        assert!(parts.hold(&id(1)).is_some() && recall(&parts, 1, 0).is_some());
        parts.close(entry(1, 70), &hashing());
        assert_eq!(order(&parts), ([1, 2, 1].map(id).to_vec(), vec![]));
        parts.forget(Kept::Closed, 2);
        assert!(recall(&parts, 1, 69).is_some() && recall(&parts, 2, 0).is_none());
    }

    #[test]
    fn hundreds_are_closed_and_forgotten_in_their_order_and_memory_is_given_back() {
        let mut parts = holding(0..200);
        for number in 0..200 {
            parts.close(entry(number, 10 + i64::from(number)), &hashing());
            let known = (0..=number).all(|number| recall(&parts, number, 0).is_some());
            assert!(known && parts.hold(&id(number)).is_none(), "{number}");
            assert_eq!(parts.count_holds(), 199 - number as usize);
        }
        let full = parts.heap_bytes();
        let since = |time| Since { since: Millis(time), now: Millis(1_000) };
        assert_eq!(parts.forgettable(Kept::Closed, since(19), 100), 10);
        assert_eq!(parts.forgettable(Kept::Closed, since(19), 4), 4);
        assert_eq!((parts.beyond(Kept::Closed, 1), parts.count_entries(Kept::Closed)), (0, 200));
        for left in (0..200).rev() {
            parts.forget(Kept::Closed, 1);
            assert_eq!(parts.count_entries(Kept::Closed), left);
            assert_eq!(recall(&parts, 199, 0).is_some(), left > 0);
        }
        assert!(parts.heap_bytes() < full / 20 && parts.has_empty_parts());
        parts.drop_empty();
        assert!(parts.is_absent() && parts.heap_bytes() == 0);
    }

    #[test]
    fn what_is_known_of_the_rows_stays_so_whatever_comes_and_goes() {
        let (mut parts, mut random) = (Parts::default(), 7_u32);
        for turn in 0..20_000_i64 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Few and many by turns, of holds and of closed ones.
            let (number, most) = (random >> 10 & 0x3f, if turn / 2_000 % 2 == 0 { 9 } else { 30 });
            let more = (random >> 16 & 7) as usize;
            match random >> 27 {
                0..14 => {
                    let ttl = Millis(i64::from(random >> 6 & 0xfff) + 1);
                    let hold = Hold::new(Money::dollars(number), ttl, Millis(turn));
                    parts.put_hold(id(number), hold, &hashing());
                }
                14..26 => parts.close(entry(number, turn), &hashing()),
                26 => parts.forget_holds(more),
                27 => parts.forget(Kept::Closed, more),
                28 => parts.with_extras(|extras| extras.last_token = i64::from(number)),
                29 => parts.change_holds(|hold| hold.rewound(Millis(turn), Millis(turn))),
                _ => parts.rewind(Millis(turn)),
            }
            parts.forget_holds(parts.count_holds().saturating_sub(most));
            let closed = parts.count_entries(Kept::Closed);
            parts.forget(Kept::Closed, closed.saturating_sub(most));
            parts.drop_empty();
            assert_eq!(parts.check(Millis(turn)), Ok(()), "{turn}: {parts:?}");
        }
    }

    #[test]
    fn a_clock_that_went_back_brings_their_times_back() {
        let mut parts = holding(0..3);
        for number in 0..3 {
            parts.close(entry(number, 100 * i64::from(number)), &hashing());
        }
        parts.rewind(Millis(150));
        let times: Vec<i64> = parts.entries(Kept::Closed).map(|entry| entry.time.0).collect();
        assert_eq!(times, [0, 100, 150]);
    }
}
