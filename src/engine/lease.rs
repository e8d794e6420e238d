//! Leases: GPUs and deployed models that are held rather than used up.
//!
//! A lease holds counts of quotas under an id, with a token that no other lease of the account ever
//! had. It lapses after its time to live; what has lapsed at `now` is no longer held, whether or
//! not it has been cleared away, which is done a few at a time. Which counts are allowed is not
//! decided here.
//! Invariants: counts are above zero and named once; what is held of a quota fits an i64.

use std::collections::{BTreeMap, VecDeque};

use super::id::{Id, Name};
use super::limit::Units;
use super::time::Millis;

/// What one lease holds, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Larger than any token the account gave before.
    pub token: i64,
    /// Counts by quota, in the order of their names; none is zero.
    pub counts: Vec<(Name, Units)>,
    /// Its own time to live; zero never lapses.
    pub ttl: Millis,
    /// The instant at which it lapses, or [`Millis::NEVER`].
    pub lapses: Millis,
}

impl Lease {
    /// What it holds of a quota.
    #[must_use]
    pub fn count(&self, quota: &Name) -> Units {
        let found = self.counts.iter().find(|(name, _)| name == quota);
        found.map_or(Units::ZERO, |(_, count)| *count)
    }

    /// The instant at which a lease lapses that is renewed at `now`.
    #[must_use]
    pub fn lapse(ttl: Millis, now: Millis) -> Millis {
        if ttl == Millis::ZERO { Millis::NEVER } else { now.plus(ttl) }
    }

    fn heap_bytes(&self) -> usize {
        let counts = self.counts.capacity().saturating_mul(size_of::<(Name, Units)>());
        let names = self.counts.iter().map(|(name, _)| name.heap_bytes());
        names.fold(counts, usize::saturating_add)
    }
}

/// How many leases that lapsed are cleared away at once.
const CLEARED_AT_ONCE: usize = 12;

/// The leases of an account: by id, by lapse, and how much of each quota they hold together.
#[derive(Clone, Debug, Default)]
pub struct Leases {
    by_id: BTreeMap<Id, Lease>,
    /// Leases that lapse at all, soonest first.
    by_lapse: BTreeMap<(Millis, i64), Id>,
    used: BTreeMap<Name, Used>,
}

/// What is stored of a quota's use, with running sums: how much is held at an instant is told
/// without looking at every lease. What is held of a quota fits an i64; with what has lapsed it may
/// not. Sums that wrap give the difference of the two all the same.
#[derive(Clone, Default)]
struct Used {
    /// What the sums begin with.
    base: i64,
    /// Soonest lapse first.
    leases: VecDeque<Part>,
}

/// What one lease uses of a quota.
#[derive(Clone)]
struct Part {
    lapses: Millis,
    token: i64,
    /// What it and all that lapse sooner use, and the base.
    sum: i64,
}

impl Used {
    fn add(&mut self, lease: &Lease, count: Units) {
        let (at, count) = (self.place(lease), count.count());
        let sum = self.sum_before(at).wrapping_add(count);
        let later = self.leases.range_mut(at..);
        later.for_each(|part| part.sum = part.sum.wrapping_add(count));
        self.leases.insert(at, Part { lapses: lease.lapses, token: lease.token, sum });
    }

    fn take(&mut self, lease: &Lease, count: Units) {
        let (at, count) = (self.place(lease), count.count());
        self.leases.remove(at);
        // What lapses is renewed or cleared away at the front, where the way is short.
        if at < self.leases.len().wrapping_div(2) {
            self.base = self.base.wrapping_add(count);
            let sooner = self.leases.range_mut(..at);
            sooner.for_each(|part| part.sum = part.sum.wrapping_add(count));
        } else {
            let later = self.leases.range_mut(at..);
            later.for_each(|part| part.sum = part.sum.wrapping_sub(count));
        }
    }

    /// Where a lease is, or belongs.
    fn place(&self, lease: &Lease) -> usize {
        let own = (lease.lapses, lease.token);
        self.leases.partition_point(|part| (part.lapses, part.token) < own)
    }

    fn sum_before(&self, at: usize) -> i64 {
        let before = at.checked_sub(1).and_then(|before| self.leases.get(before));
        before.map_or(self.base, |part| part.sum)
    }

    fn living(&self, now: Millis) -> Units {
        let lapsed = self.leases.partition_point(|part| part.lapses <= now);
        let stored = self.sum_before(self.leases.len());
        Units::new(stored.wrapping_sub(self.sum_before(lapsed))).unwrap_or_default()
    }
}

/// What it says, whatever its sums begin with.
impl std::fmt::Debug for Used {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = |at, part: &Part| part.sum.wrapping_sub(self.sum_before(at));
        let parts = self.leases.iter().enumerate();
        let parts = parts.map(|(at, part)| (part.lapses, part.token, count(at, part)));
        out.debug_list().entries(parts).finish()
    }
}

impl Leases {
    /// The lease of an id, unless it has lapsed at `now`.
    #[must_use]
    pub fn living(&self, id: &Id, now: Millis) -> Option<&Lease> {
        self.by_id.get(id).filter(|lease| lease.lapses > now)
    }

    /// The leases that have not lapsed at `now`, by id.
    pub fn all_living(&self, now: Millis) -> impl Iterator<Item = (&Id, &Lease)> {
        self.by_id.iter().filter(move |(_, lease)| lease.lapses > now)
    }

    /// How many leases have not lapsed at `now`.
    #[must_use]
    pub fn count(&self, now: Millis) -> usize {
        self.by_id.len().saturating_sub(self.lapsed(now).count())
    }

    /// How much of a quota is held at `now`.
    #[must_use]
    pub fn used(&self, quota: &Name, now: Millis) -> Units {
        self.used.get(quota).map_or(Units::ZERO, |used| used.living(now))
    }

    /// The quotas of which something is held, lapsed leases included, in the order of their names.
    pub fn quotas(&self) -> impl Iterator<Item = &Name> {
        self.used.keys()
    }

    /// How many leases lapsed after `since`, up to `now`.
    #[must_use]
    pub fn lapsed_between(&self, since: Millis, now: Millis) -> usize {
        self.lapsed(now).filter(|&(&(lapses, _), _)| lapses > since).count()
    }

    /// How many leases are stored.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Holds if no lease is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// All leases stored, by id.
    pub fn entries(&self) -> impl Iterator<Item = (&Id, &Lease)> {
        self.by_id.iter()
    }

    /// Puts a lease in the place of the one with the same id.
    pub fn put(&mut self, id: Id, lease: Lease) {
        self.release(&id);
        for (quota, count) in &lease.counts {
            self.used.entry(quota.clone()).or_default().add(&lease, *count);
        }
        if lease.lapses < Millis::NEVER {
            self.by_lapse.insert((lease.lapses, lease.token), id.clone());
        }
        self.by_id.insert(id, lease);
    }

    /// Ends a lease, if there is one.
    pub fn release(&mut self, id: &Id) {
        let Some(lease) = self.by_id.remove(id) else { return };
        self.by_lapse.remove(&(lease.lapses, lease.token));
        for (quota, count) in &lease.counts {
            if let Some(used) = self.used.get_mut(quota) {
                used.take(&lease, *count);
                if used.leases.is_empty() {
                    self.used.remove(quota);
                }
            }
        }
    }

    /// Clears away some of what has lapsed at `now`, soonest first.
    pub fn drop_lapsed(&mut self, now: Millis) {
        for _ in 0..CLEARED_AT_ONCE {
            let Some(id) = self.lapsed(now).next().map(|(_, id)| id.clone()) else { return };
            self.release(&id);
        }
    }

    /// Leaves no lease more time than its own time to live: the clock went back to `now`. What had
    /// lapsed by `lapsed` stays so.
    pub fn rewind(&mut self, lapsed: Millis, now: Millis) {
        let leases = std::mem::take(self);
        let living = leases.by_id.into_iter().filter(|(_, lease)| lease.lapses > lapsed);
        for (id, mut lease) in living {
            lease.lapses = lease.lapses.min(Lease::lapse(lease.ttl, now));
            self.put(id, lease);
        }
    }

    /// Memory they take beyond their own size, in bytes, nearly.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let row = size_of::<(Id, Lease)>().saturating_add(size_of::<((Millis, i64), Id)>());
        let rows = self.by_id.len().saturating_mul(row);
        let use_of = |used: &Used| {
            let rows = used.leases.capacity().saturating_mul(size_of::<Part>());
            rows.saturating_add(size_of::<(Name, Used)>())
        };
        let quotas = self.used.values().map(use_of).fold(0, usize::saturating_add);
        let leases = self.by_id.iter();
        let inner = leases.map(|(id, lease)| id.heap_bytes().saturating_add(lease.heap_bytes()));
        inner.fold(rows.saturating_add(quotas), usize::saturating_add)
    }

    fn lapsed(&self, now: Millis) -> impl Iterator<Item = (&(Millis, i64), &Id)> {
        self.by_lapse.range(..=(now, i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text.as_bytes()).expect("a name")
    }

    fn id(text: &str) -> Id {
        Id::new(text.as_bytes()).expect("an id")
    }

    fn lease(token: i64, gpus: u32, lapses: i64) -> Lease {
        let counts = vec![(name("h100"), Units::of(gpus))];
        Lease { token, counts, ttl: Millis(1_000), lapses: Millis(lapses) }
    }

    #[test]
    fn units_are_free_at_the_instant_a_lease_lapses() {
        let mut leases = Leases::default();
        leases.put(id("a"), lease(1, 3, 100));
        leases.put(id("b"), lease(2, 5, 200));
        assert_eq!(leases.used(&name("h100"), Millis(99)), Units::of(8));
        assert_eq!(leases.used(&name("h100"), Millis(100)), Units::of(5));
        assert!(leases.living(&id("a"), Millis(100)).is_none());
        assert_eq!((leases.count(Millis(99)), leases.count(Millis(100))), (2, 1));
        assert_eq!(leases.lapsed_between(Millis(99), Millis(100)), 1);
        assert_eq!(leases.lapsed_between(Millis(100), Millis(199)), 0);
        leases.drop_lapsed(Millis(100));
        assert_eq!(leases.used(&name("h100"), Millis(0)), Units::of(5));
    }

    #[test]
    fn what_lapsed_is_cleared_away_a_few_at_a_time_and_never_counts() {
        let mut leases = Leases::default();
        let most = Units::new(i64::MAX).expect("a count");
        for token in 0..40 {
            let lapsed = Lease { counts: vec![(name("h100"), most)], ..lease(token, 0, 100) };
            leases.put(id(&token.to_string()), lapsed);
        }
        leases.put(id("living"), lease(99, 3, 200));
        for left in [29, 17, 5, 1] {
            leases.drop_lapsed(Millis(100));
            assert_eq!(leases.len(), left);
            assert_eq!(leases.used(&name("h100"), Millis(100)), Units::of(3));
            assert_eq!(leases.count(Millis(100)), 1);
        }
    }

    #[test]
    fn what_is_held_is_the_sum_of_what_lives_wherever_leases_come_and_go() {
        let (mut used, mut plain, mut random) = (Used::default(), Vec::new(), 7_u32);
        for token in 0..3_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let place = random >> 8;
            if random >> 31 == 0 || plain.is_empty() {
                let count = Units::of(place % 9 + 1);
                let lease = lease(token, 0, i64::from(place % 50));
                used.add(&lease, count);
                plain.push((lease, count));
            } else {
                let (lease, count) = plain.swap_remove(place as usize % plain.len());
                used.take(&lease, count);
            }
            let now = Millis(i64::from(random % 60) - 5);
            let living = plain.iter().filter(|(lease, _)| lease.lapses > now);
            let sum = living.map(|(_, count)| count.count()).sum();
            assert_eq!(used.living(now), Units::new(sum).expect("a sum"));
        }
        assert!(plain.len() > 20, "{}", plain.len());
    }

    #[test]
    fn a_lease_put_again_counts_once() {
        let mut leases = Leases::default();
        leases.put(id("a"), lease(1, 3, 100));
        leases.put(id("a"), lease(1, 4, 300));
        assert_eq!(leases.used(&name("h100"), Millis(0)), Units::of(4));
        assert_eq!((leases.count(Millis(299)), leases.count(Millis(300))), (1, 0));
        leases.release(&id("a"));
        leases.release(&id("a"));
        assert_eq!((leases.quotas().count(), leases.is_empty()), (0, true));
    }

    #[test]
    fn a_clock_that_went_back_leaves_a_lease_its_own_time_to_live() {
        let mut leases = Leases::default();
        leases.put(id("a"), lease(1, 3, 1_000_000));
        leases.put(id("b"), Lease { ttl: Millis::ZERO, lapses: Millis::NEVER, ..lease(2, 1, 0) });
        leases.put(id("c"), lease(3, 2, 9_000));
        leases.rewind(Millis(9_000), Millis(5_000));
        assert_eq!((leases.count(Millis(5_999)), leases.count(Millis(6_000))), (2, 1));
    }
}
