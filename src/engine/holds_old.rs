//! The holds of an account, open and lapsed, and what they hold together at any instant.
//!
//! A few lie side by side in the order in which they lapse; many have a tree and an index. What has
//! lapsed at an instant is no longer open, whether or not it has been cleared away.
//! Invariant: ids are unique.

use std::cmp::Ordering;
use std::sync::Arc;

use super::few::{FEW_AGAIN, Few};
use super::hold::Hold;
use super::id::Id;
use super::index::Hashing;
use super::lapse::Open;
use super::many_holds::ManyHolds;
use super::money::Money;
use super::time::Millis;

/// The holds of an account. Copies share what can be many until one changes.
#[derive(Clone)]
pub struct Holds {
    /// When the first one lapses, or lapsed; never if there is none. Known here, so that no hold
    /// need be looked at where none has lapsed.
    soonest: Millis,
    rows: Rows,
}

#[derive(Clone)]
enum Rows {
    Few(Few<(Id, Hold)>),
    Many(Arc<ManyHolds>),
}

impl Default for Holds {
    fn default() -> Self {
        Self { soonest: Millis::NEVER, rows: Rows::Few(Few::default()) }
    }
}

impl Holds {
    /// The hold of an id, open or lapsed.
    #[must_use]
    pub fn find(&self, id: &Id) -> Option<&Hold> {
        match &self.rows {
            Rows::Few(few) => few.iter().find(|row| row.0 == *id).map(|row| &row.1),
            Rows::Many(many) => many.find(id),
        }
    }

    /// Where they begin in memory.
    #[must_use]
    pub fn place(&self) -> *const u8 {
        match &self.rows {
            Rows::Few(few) => few.place(),
            Rows::Many(many) => Arc::as_ptr(many).cast(),
        }
    }

    /// How many are stored.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.rows {
            Rows::Few(few) => few.len(),
            Rows::Many(many) => many.count(),
        }
    }

    /// Holds if none is stored. No hold need be looked at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.soonest == Millis::NEVER
    }

    /// What is open when everything that lapses at `time` or before has lapsed.
    #[must_use]
    pub fn open(&self, time: Millis) -> Open {
        match &self.rows {
            Rows::Few(few) => {
                let mut open = Open::default();
                for (_, hold) in few.iter().filter(|row| row.1.lapses > time) {
                    open.count = open.count.saturating_add(1);
                    open.held = open.held.plus(hold.held()).unwrap_or(Money::MAX);
                }
                open
            }
            Rows::Many(many) => many.open(time),
        }
    }

    /// All holds, soonest lapse first.
    pub fn all(&self) -> impl Iterator<Item = (&Id, &Hold)> {
        self.after(Millis(i64::MIN))
    }

    /// The holds that lapse after `time`, soonest first.
    pub fn after(&self, time: Millis) -> impl Iterator<Item = (&Id, &Hold)> {
        let (few, many) = match &self.rows {
            Rows::Few(few) => (&few[..], None),
            Rows::Many(many) => (&[][..], Some(many)),
        };
        let few = few.iter().filter(move |row| row.1.lapses > time);
        let many = many.into_iter().flat_map(move |many| many.after(time));
        few.map(|(id, hold)| (id, hold)).chain(many)
    }

    /// The soonest instant after `time` at which a hold lapses.
    #[must_use]
    pub fn next_lapse(&self, time: Millis) -> Option<Millis> {
        if self.soonest > time {
            return (!self.is_empty()).then_some(self.soonest);
        }
        match &self.rows {
            Rows::Few(few) => few.iter().map(|row| row.1.lapses).find(|lapses| *lapses > time),
            Rows::Many(many) => many.next_lapse(time),
        }
    }

    /// How many of the holds that lapse first do so at `time` or before, at most `most`.
    #[must_use]
    pub fn forgettable(&self, time: Millis, most: usize) -> usize {
        if self.soonest > time {
            return 0;
        }
        self.all().take(most).take_while(|(_, hold)| hold.lapses <= time).count()
    }

    /// Puts a hold in the place of the one with the same id.
    pub fn put(&mut self, id: Id, hold: Hold, hashing: &Hashing) {
        match &mut self.rows {
            Rows::Many(many) => Arc::make_mut(many).put(id, hold),
            Rows::Few(few) => {
                if let Some(row) = few.iter_mut().find(|row| row.0 == id) {
                    row.1 = hold;
                    few.sort_by(by_lapse);
                } else if few.is_full() {
                    let mut many = ManyHolds::new(hashing);
                    let all = few.iter().cloned().chain([(id, hold)]);
                    all.for_each(|(id, hold)| many.put(id, hold));
                    self.rows = Rows::Many(Arc::new(many));
                } else {
                    // It mostly lapses after all others.
                    let row = (id, hold);
                    let before = few.iter().rposition(|other| by_lapse(other, &row).is_lt());
                    few.insert(before.map_or(0, |at| at.saturating_add(1)), row);
                }
            }
        }
        self.see_soonest();
    }

    /// Takes a hold away, if there is one.
    pub fn remove(&mut self, id: &Id) {
        match &mut self.rows {
            Rows::Few(few) => {
                if let Some(at) = few.iter().position(|row| row.0 == *id) {
                    few.remove(at);
                }
            }
            Rows::Many(many) => Arc::make_mut(many).remove(id),
        }
        self.see_fewer();
    }

    /// Takes away the `count` holds that lapse first.
    pub fn forget(&mut self, count: usize) {
        match &mut self.rows {
            Rows::Few(few) => few.forget(count),
            Rows::Many(many) => Arc::make_mut(many).forget(count),
        }
        self.see_fewer();
    }

    /// Changes every hold, and puts each where it then belongs.
    pub fn change_all(&mut self, change: impl Fn(Hold) -> Hold) {
        match &mut self.rows {
            Rows::Few(few) => {
                few.iter_mut().for_each(|row| row.1 = change(row.1.clone()));
                few.sort_by(by_lapse);
            }
            Rows::Many(many) => Arc::make_mut(many).change_all(change),
        }
        self.see_soonest();
    }

    /// Changes holds in what does not touch when they lapse and what they hold.
    pub fn change_details(&mut self, change: impl Fn(&mut Hold)) {
        match &mut self.rows {
            Rows::Few(few) => few.iter_mut().for_each(|row| change(&mut row.1)),
            Rows::Many(many) => Arc::make_mut(many).change_details(change),
        }
    }

    /// Memory they take beyond their own size, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match &self.rows {
            Rows::Few(few) => {
                let inner = few.iter().map(row_bytes);
                inner.fold(few.heap_bytes(), usize::saturating_add)
            }
            Rows::Many(many) => size_of::<ManyHolds>().saturating_add(many.heap_bytes()),
        }
    }

    fn see_fewer(&mut self) {
        if let Rows::Many(many) = &self.rows
            && many.count() <= FEW_AGAIN
        {
            let few = many.all().map(|(id, hold)| (id.clone(), hold.clone()));
            self.rows = Rows::Few(few.collect());
        }
        self.see_soonest();
    }

    fn see_soonest(&mut self) {
        self.soonest = match &self.rows {
            Rows::Few(few) => few.first().map_or(Millis::NEVER, |row| row.1.lapses),
            Rows::Many(many) => many.soonest(),
        };
    }
}

fn by_lapse(one: &(Id, Hold), other: &(Id, Hold)) -> Ordering {
    (one.1.lapses, &one.0).cmp(&(other.1.lapses, &other.0))
}

fn row_bytes((id, hold): &(Id, Hold)) -> usize {
    id.heap_bytes().saturating_add(hold.heap_bytes())
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

    fn hashing() -> Hashing {
        Hashing::with_seeds([1, 2, 3, 4])
    }

    #[test]
    fn what_is_open_is_told_at_any_instant() {
        let mut holds = Holds::default();
        for (number, ttl) in [(1, 30), (2, 10), (3, 20)] {
            holds.put(id(number), hold(i64::from(number), ttl), &hashing());
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
        assert!(size_of::<Holds>() <= 24, "{}", size_of::<Holds>());
        assert!(size_of::<crate::engine::memory::Memory>() <= 24);
        let extras = size_of::<crate::engine::extras::Extras>();
        assert!(extras <= 224, "{extras}");
        assert!(size_of::<(Id, Hold)>() <= 72);
    }

    #[test]
    fn sums_beyond_an_i64_still_tell_what_is_open() {
        let mut holds = Holds::default();
        holds.put(id(1), hold(i64::MAX, 10), &hashing());
        holds.put(id(2), hold(i64::MAX, 10), &hashing());
        holds.put(id(3), hold(7, 20), &hashing());
        assert_eq!(holds.open(Millis(1_010)), Open { count: 1, held: hold(7, 1).held() });
    }

    #[test]
    fn thousands_of_holds_come_and_go_as_in_a_plain_list() {
        let (mut holds, mut list) = (Holds::default(), std::collections::BTreeMap::new());
        let mut random = 1_u32;
        for turn in 0..30_000_u32 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (number, ttl) = (random >> 20, i64::from(random >> 8 & 0xff) + 1);
            // It grows for a while, and then shrinks to nothing.
            if turn < 15_000 && random >> 16 & 3 > 0 {
                holds.put(id(number), hold(i64::from(turn), ttl), &hashing());
                list.insert(number, (ttl, i64::from(turn)));
            } else {
                holds.remove(&id(number));
                list.remove(&number);
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
        let mut holds = Holds::default();
        for number in 0..10_000_u32 {
            holds.put(id(number), hold(1, i64::from(number) + 1), &hashing());
        }
        let full = holds.heap_bytes();
        holds.forget(9_990);
        assert_eq!((holds.len(), holds.open(Millis(0)).count), (10, 10));
        assert!(holds.heap_bytes() < full / 100, "{} of {full}", holds.heap_bytes());
        assert!(holds.find(&id(9_990)).is_some() && holds.find(&id(9_989)).is_none());
    }
}
