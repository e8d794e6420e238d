//! The holds of an account, open and lapsed, and what they hold together at any instant.
//!
//! A hold is found by a keyed hash of its id, compared whole; all lie in the order in which they
//! lapse. What has lapsed at an instant is no longer open, whether or not it has been cleared away.
//! Invariant: ids are unique.

use super::hold::Hold;
use super::id::Id;
use super::index::{Hashing, Index};
use super::lapse::{Lapses, Open, Row};
use super::time::Millis;

/// The holds of an account.
#[derive(Clone)]
pub struct Holds {
    lapses: Lapses,
    /// Places of rows by id.
    index: Index,
    hashing: Hashing,
}

impl Holds {
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

    /// How many are stored.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lapses.len()
    }

    /// Holds if none is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lapses.is_empty()
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
        let soonest = self.lapses.soonest();
        if soonest > time && !self.is_empty() {
            return Some(soonest);
        }
        self.lapses.first_after(time).map(|row| row.hold.lapses)
    }

    /// How many of the holds that lapse first do so at `time` or before, at most `most`.
    #[must_use]
    pub fn forgettable(&self, time: Millis, most: usize) -> usize {
        if self.lapses.soonest() > time {
            return 0;
        }
        self.all().take(most).take_while(|(_, hold)| hold.lapses <= time).count()
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

    /// Takes a hold away, and tells whether there was one.
    pub fn remove(&mut self, id: &Id) -> bool {
        self.remove_hashed(self.hashing.hash_one(id), id)
    }

    fn remove_hashed(&mut self, hash: u64, id: &Id) -> bool {
        let Self { lapses, index, hashing } = self;
        let same = |at: &u32| lapses.row(*at).is_some_and(|row| row.id == *id);
        let Some(gap) = index.remove(hash, same, |&at| hash_of(lapses, hashing, at)) else {
            return false;
        };
        let last = lapses.last();
        let moved = hash_of(lapses, hashing, last);
        lapses.take(gap);
        if let Some(place) = index.find_mut(moved, |at| *at == last) {
            *place = gap;
        }
        true
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

fn hash_of(lapses: &Lapses, hashing: &Hashing, at: u32) -> u64 {
    lapses.row(at).map_or(0, |row| hashing.hash_one(&row.id))
}

impl std::fmt::Debug for Holds {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_list().entries(self.all()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::money::Money;

    fn id(number: u32) -> Id {
        Id::new(format!("hold-{number}").as_bytes()).expect("an id")
    }

    fn hold(nanos: i64, ttl: i64) -> Hold {
        let amount = Money::from_nanos(nanos).expect("an amount");
        Hold::new(amount, Millis(ttl), Millis(1_000))
    }

    fn holds() -> Holds {
        Holds::new(&Hashing::with_seeds([1, 2, 3, 4]))
    }

    #[test]
    fn what_is_open_is_told_at_any_instant() {
        let mut holds = holds();
        for (number, ttl) in [(1, 30), (2, 10), (3, 20)] {
            holds.put(id(number), hold(i64::from(number), ttl));
        }
        let at = |time| holds.open(Millis(time));
        assert_eq!((at(1_009).count, at(1_009).held.nanos()), (3, 6));
        assert_eq!((at(1_010).count, at(1_010).held.nanos()), (2, 4));
        assert_eq!((at(1_029).count, at(1_029).held.nanos()), (1, 1));
        assert_eq!(at(1_030), Open::default());
        let order: Vec<Id> = holds.all().map(|(id, _)| id.clone()).collect();
        assert_eq!(order, [id(2), id(3), id(1)]);
        assert_eq!(holds.after(Millis(1_010)).count(), 2);
        assert_eq!(holds.next_lapse(Millis(1_010)), Some(Millis(1_020)));
        assert_eq!(holds.next_lapse(Millis(1_030)), None);
    }

    #[test]
    fn what_every_account_with_a_hold_pays_is_small() {
        assert!(size_of::<Holds>() <= 112, "{}", size_of::<Holds>());
        assert!(size_of::<crate::engine::memory::Memory>() <= 112);
        assert!(size_of::<crate::engine::extras::Extras>() <= 192);
    }

    #[test]
    fn sums_beyond_an_i64_still_tell_what_is_open() {
        let mut holds = holds();
        holds.put(id(1), hold(i64::MAX, 10));
        holds.put(id(2), hold(i64::MAX, 10));
        holds.put(id(3), hold(7, 20));
        assert_eq!(holds.open(Millis(1_010)), Open { count: 1, held: hold(7, 1).held() });
    }

    #[test]
    fn thousands_of_holds_come_and_go_as_in_a_plain_list() {
        let (mut holds, mut list) = (holds(), std::collections::BTreeMap::new());
        let mut random = 1_u32;
        for turn in 0..30_000_u32 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (number, ttl) = (random >> 20, i64::from(random >> 8 & 0xff) + 1);
            // It grows for a while, and then shrinks to nothing.
            if turn < 15_000 && random >> 16 & 3 > 0 {
                holds.put(id(number), hold(i64::from(turn), ttl));
                list.insert(number, (ttl, i64::from(turn)));
            } else {
                assert_eq!(holds.remove(&id(number)), list.remove(&number).is_some());
            }
            if turn % 97 == 0 {
                let time = i64::from(random & 0xff);
                let open = list.values().filter(|(ttl, _)| *ttl > time);
                let (count, sum) = open.fold((0, 0), |(n, sum), (_, more)| (n + 1, sum + more));
                let told = holds.open(Millis(1_000 + time));
                assert_eq!((told.count, told.held.nanos()), (count, sum));
                assert_eq!(holds.len(), list.len());
                assert!(list.keys().all(|number| holds.find(&id(*number)).is_some()));
            }
        }
    }

    #[test]
    fn memory_is_given_back_when_holds_are_gone() {
        let mut holds = holds();
        for number in 0..10_000_u32 {
            holds.put(id(number), hold(1, i64::from(number) + 1));
        }
        let full = holds.heap_bytes();
        holds.forget(9_990);
        assert_eq!((holds.len(), holds.open(Millis(0)).count), (10, 10));
        assert!(holds.heap_bytes() < full / 100, "{} of {full}", holds.heap_bytes());
        assert!(holds.find(&id(9_990)).is_some() && holds.find(&id(9_989)).is_none());
    }
}
