//! Holds that were closed, and whatever else is remembered.
//!
//! Ids are kept in the order in which they were recorded. How long an id counts is the asker's to say
//! ([`Since`]): one that no longer counts may still lie here until a later command clears it away, a
//! few at a time.
//! Invariants: times do not run backwards; the newest entry of an id is the one that is found.

use std::sync::Arc;

use super::Parts;
use super::row::{self, Row};
use super::rows::ROWS_AGAIN;
use crate::engine::act::{Act, Entry, Kept, Space};
use crate::engine::id::Id;
use crate::engine::index::Hashing;
use crate::engine::many_ids::ManyIds;
use crate::engine::memory::{Memory, Since};
use crate::engine::time::Millis;

impl Parts {
    /// What was done under `id`, if that was recorded after `since`.
    #[must_use]
    pub fn recall(&self, space: Space, id: &Id, since: Since) -> Option<Act> {
        let kept = space.kept();
        if kept != Kept::Closed {
            return self.memory(kept)?.recall(space, id, since);
        }
        if let Some(many) = self.many_closed() {
            let entry = many.find(space, id).filter(|entry| since.covers(entry.time))?;
            return Some(entry.act);
        }
        let row = self.rows.closed().filter(|row| row.is_of(id)).last()?;
        if since.covers(row.time()) { row.act() } else { None }
    }

    /// All that is remembered of a kind, oldest first.
    pub fn entries(&self, kept: Kept) -> impl Iterator<Item = Entry> {
        let is_closed = kept == Kept::Closed;
        let few = is_closed.then(|| self.rows.closed().filter_map(entry));
        let many = self.many_closed().filter(|_| is_closed);
        let many = many.into_iter().flat_map(ManyIds::entries);
        let others = self.memory(kept).into_iter().flat_map(Memory::entries);
        few.into_iter().flatten().chain(many.chain(others).cloned())
    }

    /// How many entries of a kind there are.
    #[must_use]
    pub fn count_entries(&self, kept: Kept) -> usize {
        match kept {
            Kept::Closed => {
                self.many_closed().map_or_else(|| self.rows.count_closed(), ManyIds::count)
            }
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
        match (kept, self.many_closed()) {
            (Kept::Closed, Some(many)) => {
                since.passed(many.entries().map(|entry| entry.time), most)
            }
            (Kept::Closed, None) => since.passed(self.rows.closed().map(Row::time), most),
            (kept, _) => self.memory(kept).map_or(0, |memory| memory.forgettable(since, most)),
        }
    }

    /// Remembers an act, over what was known of the same id. Where there is no place for a closed hold
    /// beside the others, they become many.
    pub fn record(&mut self, entry: &Entry, hashing: &Hashing) {
        match entry.act.space().kept() {
            Kept::Closed => self.record_closed(entry, hashing),
            kept => self.with_extras(|extras| {
                if let Some(memory) = extras.memory_mut(kept) {
                    memory.record(entry.clone(), hashing);
                }
            }),
        }
    }

    /// Clears away the `count` entries recorded first.
    pub fn forget(&mut self, kept: Kept, count: usize) {
        if kept != Kept::Closed {
            if let Some(memory) = self.extras_mut().and_then(|extras| extras.memory_mut(kept)) {
                memory.forget(count);
            }
        } else if let Some(many) = self.many_closed_mut() {
            many.forget(count);
        } else {
            self.rows.forget_closed(count);
        }
    }

    /// Brings times that lie after `now` back to it: the clock went back.
    pub fn rewind(&mut self, now: Millis) {
        self.rows.change_closed_times(|time| time.min(now));
        if let Some(many) = self.many_closed_mut() {
            many.entries_mut().for_each(|entry| entry.time = entry.time.min(now));
        }
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
    /// Remembers that a hold was closed, if it lies among few and goes on to do so, as most do.
    pub fn close_in_place(&mut self, entry: &Entry) -> bool {
        self.has_few_closed() && self.rows.close_in_place(entry)
    }

    /// Remembers that any hold was closed, which is a hold no longer.
    pub fn close(&mut self, entry: &Entry, hashing: &Hashing) {
        match self.many_holds_mut() {
            Some(many) => many.remove(&entry.id),
            None => self.rows.take_hold(&entry.id),
        }
        self.record_closed(entry, hashing);
    }

    fn record_closed(&mut self, entry: &Entry, hashing: &Hashing) {
        if let Some(many) = self.many_closed_mut() {
            return many.record(entry.clone());
        }
        if !self.rows.put_closed(entry) {
            let mut many = ManyIds::new(hashing);
            self.entries(Kept::Closed).for_each(|entry| many.record(entry));
            many.record(entry.clone());
            self.rows.forget_closed(usize::MAX);
            self.with_extras(|extras| extras.many_closed = Some(Arc::new(many)));
        }
    }

    /// How many bytes many closed holds need to lie side by side, if they are few again.
    pub fn bytes_of_few_closed(&self) -> Option<usize> {
        let many = self.many_closed().filter(|many| many.count() <= ROWS_AGAIN)?;
        let sizes = many.entries().map(row::size_of_closed);
        Some(sizes.fold(0, usize::saturating_add))
    }

    /// Has many closed holds lie side by side, if there is room.
    pub fn see_few_closed(&mut self) {
        let many = self.extras_mut().and_then(|extras| extras.many_closed.take());
        let Some(many) = many else { return };
        if !many.entries().all(|entry| self.rows.put_closed(entry)) {
            self.rows.forget_closed(usize::MAX);
            self.with_extras(|extras| extras.many_closed = Some(many));
        }
    }

    pub(super) fn many_closed(&self) -> Option<&ManyIds> {
        self.extras()?.many_closed.as_deref()
    }

    fn many_closed_mut(&mut self) -> Option<&mut ManyIds> {
        self.extras_mut()?.many_closed.as_mut().map(Arc::make_mut)
    }
}

fn entry(row: Row<'_>) -> Option<Entry> {
    Some(Entry { id: row.id()?, time: row.time(), act: row.act()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::account::{Account, any_account};
    use crate::engine::hold::{Details, Hold};
    use crate::engine::id::Scope;
    use crate::engine::money::Money;

    fn id(number: u32) -> Id {
        // Of all lengths.
        let rest = "-".repeat(number as usize % 5 * 30);
        Id::new(format!("hold-{number}{rest}").as_bytes()).expect("an id")
    }

    fn entry(number: u32, time: i64) -> Entry {
        Entry::new(id(number), Act::Settled(Money::dollars(number)), Millis(time))
    }

    fn hashing() -> Hashing {
        Hashing::with_seeds([1, 2, 3, 4])
    }

    fn recall(account: &Account, number: u32, since: i64) -> Option<Act> {
        let since = Since { since: Millis(since), now: Millis(1_000_000) };
        account.parts.recall(Space::Hold, &id(number), since)
    }

    fn holding(numbers: impl Iterator<Item = u32>) -> Box<Account> {
        let mut account = any_account();
        for number in numbers {
            let hold = Hold::new(Money::dollars(number), Millis(i64::from(number) + 1), Millis(0));
            account.put_hold(&id(number), &hold, &hashing());
        }
        account
    }

    fn order(account: &Account) -> (Vec<Id>, Vec<Id>) {
        let closed = account.parts.entries(Kept::Closed).map(|entry| entry.id);
        (closed.collect(), account.parts.holds().map(|(id, _)| id).collect())
    }

    #[test]
    fn a_hold_that_is_closed_stays_in_the_block_and_the_others_keep_their_order() {
        let mut account = holding(0..5);
        let block = account.bytes();
        for (time, number) in [(10, 2), (20, 0), (30, 4)] {
            account.close(&entry(number, time), &hashing());
        }
        assert_eq!(order(&account), ([2, 0, 4].map(id).to_vec(), [1, 3].map(id).to_vec()));
        assert_eq!(
            (account.bytes(), account.parts.next_lapse(Millis(0))),
            (block, Some(Millis(2)))
        );
        assert_eq!(recall(&account, 2, 9), Some(Act::Settled(Money::dollars(2))));
        assert_eq!((recall(&account, 2, 10), recall(&account, 1, 0)), (None, None));
    }

    #[test]
    fn an_id_may_be_remembered_and_held_again() {
        let mut account = any_account();
        account.close(&entry(1, 5), &hashing());
        account.put_hold(&id(1), &Hold::new(Money::dollars(9), Millis(9), Millis(50)), &hashing());
        account.remember(&entry(2, 60), &hashing());
        assert!(account.parts.hold(&id(1)).is_some() && recall(&account, 1, 0).is_some());
        account.close(&entry(1, 70), &hashing());
        assert_eq!(order(&account), ([1, 2, 1].map(id).to_vec(), vec![]));
        assert!(recall(&account, 1, 69).is_some(), "the newest is found");
        account.parts.forget(Kept::Closed, 2);
        assert!(recall(&account, 1, 69).is_some() && recall(&account, 2, 0).is_none());
    }

    #[test]
    fn hundreds_are_closed_and_forgotten_in_their_order_and_memory_is_given_back() {
        let mut account = holding(0..200);
        for number in 0..200 {
            account.close(&entry(number, 10 + i64::from(number)), &hashing());
            let known = (0..=number).all(|number| recall(&account, number, 0).is_some());
            assert!(known && account.parts.hold(&id(number)).is_none(), "{number}");
            assert_eq!(account.parts.count_holds(), 199 - number as usize);
        }
        let since = |time| Since { since: Millis(time), now: Millis(1_000) };
        assert_eq!(account.parts.forgettable(Kept::Closed, since(19), 100), 10);
        assert_eq!(account.parts.forgettable(Kept::Closed, since(19), 4), 4);
        assert_eq!(
            (account.parts.beyond(Kept::Closed, 1), account.parts.count_entries(Kept::Closed)),
            (0, 200)
        );
        for left in (0..200).rev() {
            account.parts.forget(Kept::Closed, 1);
            assert_eq!(account.parts.count_entries(Kept::Closed), left);
            assert_eq!(recall(&account, 199, 0).is_some(), left > 0);
            account.tidy();
        }
        assert!(account.parts.is_absent());
        assert_eq!(account.bytes(), any_account().bytes());
    }

    #[test]
    fn no_more_lie_side_by_side_than_can_be_looked_through() {
        let mut account = any_account();
        for number in 0..25_u8 {
            let id = Id::new(&[number]).expect("an id");
            assert!(account.parts.has_few_holds() && account.parts.has_few_closed(), "{number}");
            account.put_hold(&id, &Hold::new(Money::ZERO, Millis(9), Millis(0)), &hashing());
            let closed = Entry::new(id, Act::Voided, Millis(0));
            account.close(&closed, &hashing());
        }
        assert!(account.parts.has_few_holds() && !account.parts.has_few_closed());
        for number in 0..25_u8 {
            let id = Id::new(&[number]).expect("an id");
            account.put_hold(&id, &Hold::new(Money::ZERO, Millis(9), Millis(0)), &hashing());
        }
        assert!(!account.parts.has_few_holds());
    }

    #[test]
    fn a_hold_may_be_settled_for_more_than_its_row_has_place_for() {
        for number in 0..3 {
            let mut account = any_account();
            account.latest = Millis(5);
            for number in 0..3 {
                let hold = Hold::new(Money::ZERO, Millis(i64::from(number) + 1), Millis(0));
                account.put_hold(&id(number), &hold, &hashing());
            }
            let most = Act::Settled(Money::MAX);
            account.close(&Entry::new(id(number), most, Millis(5)), &hashing());
            let others = (0..3).filter(|other| *other != number).map(id).collect();
            assert_eq!(order(&account), (vec![id(number)], others));
            assert_eq!((recall(&account, number, 0), account.check()), (Some(most), Ok(())));
        }
    }

    #[test]
    fn what_is_known_of_the_rows_stays_so_whatever_comes_and_goes() {
        let (mut account, mut random) = (any_account(), 7_u32);
        for turn in 0..20_000_i64 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Few and many by turns, of holds and of closed ones.
            let (number, most) = (random >> 10 & 0x3f, if turn / 2_000 % 2 == 0 { 9 } else { 30 });
            let more = (random >> 16 & 7) as usize;
            match random >> 27 {
                0..14 => {
                    let ttl = Millis(i64::from(random >> 6 & 0xfff) + 1);
                    let hold = Hold::new(Money::dollars(number), ttl, Millis(turn));
                    let scope = Scope::new(&[b'x'; 128]).filter(|_| number % 3 == 0);
                    let hold = hold.detailed(Details { scope, ..Details::default() });
                    account.put_hold(&id(number), &hold, &hashing());
                }
                14..26 => account.close(&entry(number, turn), &hashing()),
                26 => account.parts.forget_holds(more),
                27 => account.parts.forget(Kept::Closed, more),
                28 => account.parts.with_extras(|extras| extras.last_token = i64::from(number)),
                29 => {
                    let now = Millis(turn);
                    account.parts.change_holds(|hold| hold.rewound(now, now), &hashing());
                }
                _ => account.parts.rewind(Millis(turn)),
            }
            account.parts.forget_holds(account.parts.count_holds().saturating_sub(most));
            let closed = account.parts.count_entries(Kept::Closed);
            account.parts.forget(Kept::Closed, closed.saturating_sub(most));
            account.tidy();
            assert_eq!(account.parts.check(Millis(turn)), Ok(()), "{turn}: {account:?}");
        }
    }

    #[test]
    fn a_clock_that_went_back_brings_their_times_back() {
        let mut account = holding(0..3);
        for number in 0..3 {
            account.close(&entry(number, 100 * i64::from(number)), &hashing());
        }
        account.parts.rewind(Millis(150));
        let times: Vec<i64> =
            account.parts.entries(Kept::Closed).map(|entry| entry.time.0).collect();
        assert_eq!(times, [0, 100, 150]);
    }
}
