//! Holds, open and lapsed, and what they hold together at any instant.
//!
//! A few lie side by side in the order in which they lapse; many have a tree and an index. What has
//! lapsed at an instant is no longer open, whether or not it has been cleared away.
//! Invariant: ids are unique.

use std::cmp::Ordering;
use std::sync::Arc;

use super::{Head, Parts, Row};
use crate::engine::few::{FEW, FEW_AGAIN};
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
    pub fn hold(&self, id: &Id) -> Option<&Hold> {
        match &self.head()?.many_holds {
            Some(many) => many.find(id),
            None => self.few_holds().find(|(known, _)| *known == id).map(|(_, hold)| hold),
        }
    }

    /// How many are stored.
    #[must_use]
    pub fn count_holds(&self) -> usize {
        let Some(head) = self.head() else { return 0 };
        let few = || self.0.len().saturating_sub(head.holds_at());
        head.many_holds.as_ref().map_or_else(few, |many| many.count())
    }

    /// What is open when everything that lapses at `time` or before has lapsed.
    #[must_use]
    pub fn open(&self, time: Millis) -> Open {
        if let Some(many) = self.many_holds() {
            return many.open(time);
        }
        let mut open = Open::default();
        for (_, hold) in self.few_holds().filter(|(_, hold)| hold.lapses > time) {
            open.count = open.count.saturating_add(1);
            open.held = open.held.plus(hold.held()).unwrap_or(Money::MAX);
        }
        open
    }

    /// All holds, soonest lapse first.
    pub fn holds(&self) -> impl Iterator<Item = (&Id, &Hold)> {
        self.holds_after(Millis(i64::MIN))
    }

    /// The holds that lapse after `time`, soonest first.
    pub fn holds_after(&self, time: Millis) -> impl Iterator<Item = (&Id, &Hold)> {
        let few = self.few_holds().filter(move |(_, hold)| hold.lapses > time);
        few.chain(self.many_holds().into_iter().flat_map(move |many| many.after(time)))
    }

    /// The soonest instant after `time` at which a hold lapses.
    #[must_use]
    pub fn next_lapse(&self, time: Millis) -> Option<Millis> {
        let soonest = self.head()?.soonest;
        if soonest > time {
            return (soonest != Millis::NEVER).then_some(soonest);
        }
        match self.many_holds() {
            Some(many) => many.next_lapse(time),
            None => self.few_holds().map(|(_, hold)| hold.lapses).find(|lapses| *lapses > time),
        }
    }

    /// How many of the holds that lapse first do so at `time` or before, at most `most`.
    #[must_use]
    pub fn forgettable_holds(&self, time: Millis, most: usize) -> usize {
        if self.head().is_none_or(|head| head.soonest > time) {
            return 0;
        }
        self.holds().take(most).take_while(|(_, hold)| hold.lapses <= time).count()
    }

    /// Puts a hold in the place of the one with the same id.
    pub fn put_hold(&mut self, id: Id, hold: Hold, hashing: &Hashing) {
        let Some(head) = self.made(2) else { return };
        let at = head.holds_at();
        if let Some(many) = &mut head.many_holds {
            Arc::make_mut(many).put(id, hold);
        } else {
            let known = self.few_holds_mut().find(|(known, _)| **known == id);
            if let Some((_, known)) = known {
                *known = hold;
                self.sort_holds();
            } else if self.0.len().saturating_sub(at) >= FEW {
                let mut many = ManyHolds::new(hashing);
                self.few_holds().for_each(|(id, hold)| many.put(id.clone(), hold.clone()));
                many.put(id, hold);
                self.keep_many_holds(Some(many));
            } else {
                // It mostly lapses after all others.
                let row = Row::Hold(id, hold);
                let before = self.0.iter().rposition(|other| by_lapse(other, &row).is_lt());
                self.insert(before.map_or(at, |before| before.saturating_add(1)), row);
            }
        }
        self.see_soonest();
    }

    /// Takes away the `count` holds that lapse first.
    pub fn forget_holds(&mut self, count: usize) {
        let Some(head) = self.head_mut() else { return };
        let at = head.holds_at();
        if let Some(many) = &mut head.many_holds {
            Arc::make_mut(many).forget(count);
            self.see_fewer_holds();
        } else {
            self.take_rows(at, count);
        }
        self.see_soonest();
    }

    /// Changes every hold, and puts each where it then belongs.
    pub fn change_holds(&mut self, change: impl Fn(Hold) -> Hold) {
        if let Some(many) = self.many_holds_mut() {
            many.change_all(change);
        } else {
            self.few_holds_mut().for_each(|(_, hold)| *hold = change(hold.clone()));
            self.sort_holds();
        }
        self.see_soonest();
    }

    /// Changes holds in what does not touch when they lapse and what they hold.
    pub fn change_details(&mut self, change: impl Fn(&mut Hold)) {
        if let Some(many) = self.many_holds_mut() {
            many.change_details(change);
        } else {
            self.few_holds_mut().for_each(|(_, hold)| change(hold));
        }
    }

    fn many_holds(&self) -> Option<&ManyHolds> {
        self.head()?.many_holds.as_deref()
    }

    fn many_holds_mut(&mut self) -> Option<&mut ManyHolds> {
        self.head_mut()?.many_holds.as_mut().map(Arc::make_mut)
    }

    fn few_holds(&self) -> impl Iterator<Item = (&Id, &Hold)> {
        let at = self.head().map_or(0, Head::holds_at);
        self.0.get(at..).unwrap_or_default().iter().filter_map(Row::hold)
    }

    fn few_holds_mut(&mut self) -> impl Iterator<Item = (&Id, &mut Hold)> {
        let at = self.head().map_or(0, Head::holds_at);
        self.0.get_mut(at..).unwrap_or_default().iter_mut().filter_map(Row::hold_mut)
    }

    fn sort_holds(&mut self) {
        let at = self.head().map_or(0, Head::holds_at);
        self.0.get_mut(at..).unwrap_or_default().sort_by(by_lapse);
    }

    /// Keeps these holds apart from the block, or the others in it.
    fn keep_many_holds(&mut self, many: Option<ManyHolds>) {
        let Some(head) = self.head_mut() else { return };
        let at = head.holds_at();
        let former = std::mem::replace(&mut head.many_holds, many.map(Arc::new));
        self.take_rows(at, usize::MAX);
        for (id, hold) in former.iter().flat_map(|many| many.all()) {
            self.insert(usize::MAX, Row::Hold(id.clone(), hold.clone()));
        }
    }

    pub(super) fn see_fewer_holds(&mut self) {
        if self.many_holds().is_some_and(|many| many.count() <= FEW_AGAIN) {
            self.keep_many_holds(None);
        }
    }

    pub(super) fn see_soonest(&mut self) {
        let soonest = match self.many_holds() {
            Some(many) => many.soonest(),
            None => self.few_holds().next().map_or(Millis::NEVER, |(_, hold)| hold.lapses),
        };
        if let Some(head) = self.head_mut() {
            head.soonest = soonest;
        }
    }
}

/// What is no hold comes before all that are.
pub(super) fn by_lapse(one: &Row, other: &Row) -> Ordering {
    let key = |row| Row::hold(row).map(|(id, hold)| (hold.lapses, id));
    key(one).cmp(&key(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::act::{Act, Entry};
    use crate::engine::extras::Extras;

    fn id(number: u32) -> Id {
        Id::new(format!("hold-{number}").as_bytes()).expect("an id")
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
        let mut holds = Parts::default();
        for (number, ttl) in [(1, 30), (2, 10), (3, 20)] {
            holds.put_hold(id(number), hold(i64::from(number), ttl), &hashing());
        }
        let at = |time| holds.open(Millis(time));
        assert_eq!((at(1_009).count, at(1_009).held.nanos()), (3, 6));
        assert_eq!((at(1_010).count, at(1_010).held.nanos()), (2, 4));
        assert_eq!((at(1_029).count, at(1_029).held.nanos()), (1, 1));
        assert_eq!(at(1_030), Open::default());
        let order: Vec<Id> = holds.holds().map(|(id, _)| id.clone()).collect();
        assert_eq!(order, [id(2), id(3), id(1)]);
        assert_eq!(holds.holds_after(Millis(1_010)).count(), 2);
        assert_eq!(holds.next_lapse(Millis(1_010)), Some(Millis(1_020)));
        assert_eq!(holds.next_lapse(Millis(1_030)), None);
    }

    #[test]
    fn what_a_row_takes_is_small() {
        assert!(size_of::<Row>() <= 72, "{}", size_of::<Row>());
        assert!(size_of::<Extras>() <= 176, "{}", size_of::<Extras>());
    }

    #[test]
    fn sums_beyond_an_i64_still_tell_what_is_open() {
        let mut holds = Parts::default();
        holds.put_hold(id(1), hold(i64::MAX, 10), &hashing());
        holds.put_hold(id(2), hold(i64::MAX, 10), &hashing());
        holds.put_hold(id(3), hold(7, 20), &hashing());
        assert_eq!(holds.open(Millis(1_010)), Open { count: 1, held: hold(7, 1).held() });
    }

    #[test]
    fn thousands_of_holds_come_and_go_as_in_a_plain_list() {
        let (mut holds, mut list) = (Parts::default(), std::collections::BTreeMap::new());
        let mut random = 1_u32;
        for turn in 0..30_000_u32 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (number, ttl) = (random >> 20, i64::from(random >> 8 & 0xff) + 1);
            // It grows for a while, and then shrinks to nothing.
            if turn < 15_000 && random >> 16 & 3 > 0 {
                holds.put_hold(id(number), hold(i64::from(turn), ttl), &hashing());
                list.insert(number, (ttl, i64::from(turn)));
            } else {
                holds.close(entry(number, turn), &hashing());
                list.remove(&number);
            }
            if turn % 97 == 0 {
                let time = i64::from(random & 0xff);
                let open = list.values().filter(|(ttl, _)| *ttl > time);
                let (count, sum) = open.fold((0, 0), |(n, sum), (_, more)| (n + 1, sum + more));
                let told = holds.open(Millis(1_000 + time));
                assert_eq!((told.count, told.held.nanos()), (count, sum));
                assert_eq!(holds.count_holds(), list.len());
                assert!(list.keys().all(|number| holds.hold(&id(*number)).is_some()));
            }
        }
    }

    #[test]
    fn memory_is_given_back_when_holds_are_gone() {
        let mut holds = Parts::default();
        for number in 0..10_000_u32 {
            holds.put_hold(id(number), hold(1, i64::from(number) + 1), &hashing());
        }
        let full = holds.heap_bytes();
        holds.forget_holds(9_990);
        assert_eq!((holds.count_holds(), holds.open(Millis(0)).count), (10, 10));
        assert!(holds.heap_bytes() < full / 100, "{} of {full}", holds.heap_bytes());
        assert!(holds.hold(&id(9_990)).is_some() && holds.hold(&id(9_989)).is_none());
    }
}
