//! Holds, open and lapsed, and what they hold together at any instant.
//!
//! A few lie packed in the account's block in the order in which they lapse; many have a tree and an
//! index. What has lapsed at an instant is no longer open, whether or not it has been cleared away.
//! Invariant: ids are unique.

use std::sync::Arc;

use super::rows::ROWS_AGAIN;
use super::{Parts, row};
use crate::engine::hold::Hold;
use crate::engine::id::Id;
use crate::engine::index::Hashing;
use crate::engine::lapse::Open;
use crate::engine::many_holds::ManyHolds;
use crate::engine::money::Money;
use crate::engine::time::Millis;

impl Parts {
    /// The hold of an id, open or lapsed.
    #[must_use]
    pub fn hold(&self, id: &Id) -> Option<Hold> {
        match self.many_holds() {
            Some(many) => many.find(id).cloned(),
            None => self.rows.holds().find(|row| row.is_of(id))?.hold(),
        }
    }

    /// Holds if there is none of this id, open, lapsed or closed, and all of them lie side by side, as
    /// most accounts' do.
    #[must_use]
    #[inline(always)]
    pub fn is_new_among_few(&self, id: &Id) -> bool {
        let few = self.has_few_holds() && self.has_few_closed();
        few && !self.rows.all().any(|row| row.is_of(id))
    }

    /// The amount of a hold that lapses after `time`, if it sets aside money alone.
    #[must_use]
    #[inline(always)]
    pub fn plain_hold(&self, id: &Id, time: Millis) -> Option<Money> {
        if let Some(many) = self.many_holds() {
            let hold = many.find(id)?;
            return (hold.lapses > time && hold.detail().is_none()).then_some(hold.amount);
        }
        let row = self.rows.holds().find(|row| row.is_of(id))?;
        (row.time() > time && row.is_plain()).then_some(row.amount())
    }

    /// How many are stored.
    #[must_use]
    pub fn count_holds(&self) -> usize {
        self.many_holds().map_or_else(|| self.rows.count_holds(), ManyHolds::count)
    }

    /// What is open when everything that lapses at `time` or before has lapsed.
    #[must_use]
    pub fn open(&self, time: Millis) -> Open {
        if let Some(many) = self.many_holds() {
            return many.open(time);
        }
        let mut open = Open::default();
        for row in self.rows.holds().filter(|row| row.time() > time) {
            open.count = open.count.saturating_add(1);
            open.held = open.held.plus(row.held()).unwrap_or(Money::MAX);
        }
        open
    }

    /// All holds, soonest lapse first.
    pub fn holds(&self) -> impl Iterator<Item = (Id, Hold)> {
        self.holds_after(Millis(i64::MIN))
    }

    /// The holds that lapse after `time`, soonest first.
    pub fn holds_after(&self, time: Millis) -> impl Iterator<Item = (Id, Hold)> {
        let few = self.rows.holds().filter(move |row| row.time() > time);
        let many = self.many_holds().into_iter().flat_map(move |many| many.after(time));
        let many = many.map(|(id, hold)| (id.clone(), hold.clone()));
        few.filter_map(|row| Some((row.id()?, row.hold()?))).chain(many)
    }

    /// The soonest instant after `time` at which a hold lapses.
    #[must_use]
    #[inline(always)]
    pub fn next_lapse(&self, time: Millis) -> Option<Millis> {
        let soonest = self.soonest();
        if soonest > time {
            return (soonest != Millis::NEVER).then_some(soonest);
        }
        match self.many_holds() {
            Some(many) => many.next_lapse(time),
            None => self.rows.holds().map(row::Row::time).find(|lapses| *lapses > time),
        }
    }

    /// How many of the holds that lapse first do so at `time` or before, at most `most`.
    #[must_use]
    pub fn forgettable_holds(&self, time: Millis, most: usize) -> usize {
        if self.soonest() > time {
            return 0;
        }
        match self.many_holds() {
            Some(many) => many.all().take(most).take_while(|(_, hold)| hold.lapses <= time).count(),
            None => self.rows.holds().take(most).take_while(|row| row.time() <= time).count(),
        }
    }

    /// When the first hold lapses, or lapsed; never if there is none.
    #[inline(always)]
    fn soonest(&self) -> Millis {
        self.many_holds().map_or_else(|| self.rows.soonest(), ManyHolds::soonest)
    }

    /// Puts a hold in the place of the one with the same id. Where there is no place for it beside the
    /// others, they become many.
    #[inline(always)]
    pub fn put_hold(&mut self, id: &Id, hold: &Hold, hashing: &Hashing) {
        if self.has_few_holds() {
            self.rows.take_hold(id);
            if self.rows.put_hold(id, hold) {
                return;
            }
        }
        self.put_among_many(id, hold, hashing);
    }

    #[inline(never)]
    fn put_among_many(&mut self, id: &Id, hold: &Hold, hashing: &Hashing) {
        if let Some(many) = self.many_holds_mut() {
            return many.put(id.clone(), hold.clone());
        }
        let mut many = ManyHolds::new(hashing);
        self.holds().for_each(|(id, hold)| many.put(id, hold));
        many.put(id.clone(), hold.clone());
        self.keep_many_holds(many);
    }

    /// Takes away the `count` holds that lapse first.
    pub fn forget_holds(&mut self, count: usize) {
        match self.many_holds_mut() {
            Some(many) => many.forget(count),
            None => self.rows.forget_holds(count),
        }
    }

    /// Changes every hold, and puts each where it then belongs.
    pub fn change_holds(&mut self, change: impl Fn(Hold) -> Hold, hashing: &Hashing) {
        if let Some(many) = self.many_holds_mut() {
            return many.change_all(change);
        }
        let holds: Vec<_> = self.holds().collect();
        self.rows.forget_holds(holds.len());
        for (id, hold) in holds {
            self.put_hold(&id, &change(hold), hashing);
        }
    }

    /// Changes holds in what does not touch when they lapse and what they hold.
    pub fn change_details(&mut self, change: impl Fn(&mut Hold), hashing: &Hashing) {
        if let Some(many) = self.many_holds_mut() {
            return many.change_details(change);
        }
        let changed = |mut hold| {
            change(&mut hold);
            hold
        };
        self.change_holds(changed, hashing);
    }

    /// How many bytes many holds need to lie side by side, if they are few again.
    pub fn bytes_of_few_holds(&self) -> Option<usize> {
        let many = self.many_holds().filter(|many| many.count() <= ROWS_AGAIN)?;
        let sizes = many.all().map(|(id, hold)| row::size_of_hold(id, hold));
        Some(sizes.fold(0, usize::saturating_add))
    }

    /// Has many holds lie side by side, if there is room.
    pub fn see_few_holds(&mut self) {
        let many = self.extras_mut().and_then(|extras| extras.many_holds.take());
        let Some(many) = many else { return };
        if !many.all().all(|(id, hold)| self.rows.put_hold(id, hold)) {
            self.rows.forget_holds(usize::MAX);
            self.with_extras(|extras| extras.many_holds = Some(many));
        }
    }

    fn keep_many_holds(&mut self, many: ManyHolds) {
        self.rows.forget_holds(usize::MAX);
        self.with_extras(|extras| extras.many_holds = Some(Arc::new(many)));
    }

    pub(super) fn many_holds(&self) -> Option<&ManyHolds> {
        self.extras()?.many_holds.as_deref()
    }

    pub(super) fn many_holds_mut(&mut self) -> Option<&mut ManyHolds> {
        self.extras_mut()?.many_holds.as_mut().map(Arc::make_mut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::account::any_account;
    use crate::engine::act::{Act, Entry};

    fn id(number: u32) -> Id {
        // Of all lengths.
        let rest = "-".repeat(number as usize % 5 * 29);
        Id::new(format!("hold-{number}{rest}").as_bytes()).expect("an id")
    }

    fn hold(nanos: i64, ttl: i64) -> Hold {
        let amount = Money::from_nanos(nanos).expect("an amount");
        Hold::new(amount, Millis(ttl), Millis(1_000))
    }

    fn entry(number: u32, turn: u32) -> Entry {
        let amount = Money::from_nanos(i64::from(turn)).expect("an amount");
        Entry::new(id(number), Act::Settled(amount), Millis(i64::from(turn)))
    }

    fn hashing() -> Hashing {
        Hashing::with_seeds([1, 2, 3, 4])
    }

    #[test]
    fn what_is_open_is_told_at_any_instant() {
        let mut holds = any_account();
        for (number, ttl) in [(1, 30), (2, 10), (3, 20)] {
            holds.put_hold(&id(number), &hold(i64::from(number), ttl), &hashing());
        }
        let at = |time| holds.parts.open(Millis(time));
        assert_eq!((at(1_009).count, at(1_009).held.nanos()), (3, 6));
        assert_eq!((at(1_010).count, at(1_010).held.nanos()), (2, 4));
        assert_eq!((at(1_029).count, at(1_029).held.nanos()), (1, 1));
        assert_eq!(at(1_030), Open::default());
        let order: Vec<Id> = holds.parts.holds().map(|(id, _)| id).collect();
        assert_eq!(order, [id(2), id(3), id(1)]);
        assert_eq!(holds.parts.holds_after(Millis(1_010)).count(), 2);
        assert_eq!(holds.parts.next_lapse(Millis(1_010)), Some(Millis(1_020)));
        assert_eq!(holds.parts.next_lapse(Millis(1_030)), None);
    }

    #[test]
    fn sums_beyond_an_i64_still_tell_what_is_open() {
        let mut holds = any_account();
        holds.put_hold(&id(1), &hold(i64::MAX, 10), &hashing());
        holds.put_hold(&id(2), &hold(i64::MAX, 10), &hashing());
        holds.put_hold(&id(3), &hold(7, 20), &hashing());
        assert_eq!(holds.parts.open(Millis(1_010)), Open { count: 1, held: hold(7, 1).held() });
    }

    #[test]
    fn thousands_of_holds_come_and_go_as_in_a_plain_list() {
        let (mut holds, mut list) = (any_account(), std::collections::BTreeMap::new());
        let mut random = 1_u32;
        for turn in 0..30_000_u32 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (number, ttl) = (random >> 20, i64::from(random >> 8 & 0xff) + 1);
            // It grows for a while, and then shrinks to nothing.
            if turn < 15_000 && random >> 16 & 3 > 0 {
                holds.put_hold(&id(number), &hold(i64::from(turn), ttl), &hashing());
                list.insert(number, (ttl, i64::from(turn)));
            } else {
                holds.close(&entry(number, turn), &hashing());
                holds.tidy();
                list.remove(&number);
            }
            if turn % 97 == 0 {
                let time = i64::from(random & 0xff);
                let open = list.values().filter(|(ttl, _)| *ttl > time);
                let (count, sum) = open.fold((0, 0), |(n, sum), (_, more)| (n + 1, sum + more));
                let told = holds.parts.open(Millis(1_000 + time));
                assert_eq!((told.count, told.held.nanos()), (count, sum));
                assert_eq!(holds.parts.count_holds(), list.len());
                assert!(list.keys().all(|number| holds.parts.hold(&id(*number)).is_some()));
            }
        }
    }

    #[test]
    fn memory_is_given_back_when_holds_are_gone() {
        let mut holds = any_account();
        for number in 0..10_000_u32 {
            holds.put_hold(&id(number), &hold(1, i64::from(number) + 1), &hashing());
        }
        let full = holds.bytes();
        holds.parts.forget_holds(9_990);
        holds.tidy();
        assert_eq!((holds.parts.count_holds(), holds.parts.open(Millis(0)).count), (10, 10));
        assert!(holds.bytes() < full / 100, "{} of {full}", holds.bytes());
        assert!(holds.parts.has_few_holds());
        assert!(holds.parts.hold(&id(9_990)).is_some() && holds.parts.hold(&id(9_989)).is_none());
    }
}
