//! Rows in the order in which they lapse, and what those hold that have not lapsed at an instant.
//!
//! A treap: every row leads to those before and after it, and knows how many it and all below it
//! are and what they hold. So what is open at an instant is told in O(log n), however many have
//! lapsed since somebody cleared away. Priorities are the caller's and come from a keyed hash: the
//! shape is nobody's to choose, and never shows.
//! Invariants: the order is by lapse, then by id; the places of rows have no gaps; the first is
//! known.

use super::blocks::Blocks;
use super::hold::Hold;
use super::id::Id;
use super::money::Money;
use super::time::Millis;

/// No row.
const NONE: u32 = u32::MAX;

/// The holds that are open at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// How many.
    pub count: usize,
    /// What they hold together.
    pub held: Money,
}

/// A hold and its place in the tree.
#[derive(Clone)]
pub struct Row {
    /// What it is called.
    pub id: Id,
    /// The hold. Its lapse and what it holds stay as they are while it is in the tree.
    pub hold: Hold,
    nanos: i64,
    count: u32,
    priority: u32,
    left: u32,
    right: u32,
}

impl Row {
    /// A row that is in no tree yet.
    #[must_use]
    pub fn new(id: Id, hold: Hold, priority: u32) -> Self {
        let Sum { count, nanos } = Sum::of(&hold);
        Self { id, hold, nanos, count, priority, left: NONE, right: NONE }
    }
}

/// Rows, and the nano-dollars they hold together. What is open fits an i64; what lapsed, with it or
/// alone, may not. Sums that wrap give the difference of the two all the same.
#[derive(Clone, Copy, Default)]
struct Sum {
    count: u32,
    nanos: i64,
}

impl Sum {
    fn of(hold: &Hold) -> Self {
        Self { count: 1, nanos: hold.held().nanos() }
    }

    const fn plus(self, other: Self) -> Self {
        let nanos = self.nanos.wrapping_add(other.nanos);
        Self { count: self.count.saturating_add(other.count), nanos }
    }
}

/// The rows. A place is a row's number, which changes when another row is taken out.
#[derive(Clone)]
pub struct Lapses {
    rows: Blocks<Row>,
    /// What all rows hold; a sum that wraps.
    nanos: i64,
    /// When the first row lapses. Known here, so that nothing need be looked at where nothing has
    /// lapsed.
    soonest: Millis,
    root: u32,
    /// The row that lapses first.
    first: u32,
}

impl Default for Lapses {
    fn default() -> Self {
        let soonest = Millis::NEVER;
        Self { rows: Blocks::default(), nanos: 0, soonest, root: NONE, first: NONE }
    }
}

impl Lapses {
    /// The row at a place.
    #[must_use]
    pub fn row(&self, at: u32) -> Option<&Row> {
        self.rows.at(at as usize)
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Holds if there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Memory that rows take, in bytes, without what lies behind their pointers.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.rows.heap_bytes()
    }

    /// What is open when everything that lapses at `time` or before has lapsed.
    #[must_use]
    pub fn open(&self, time: Millis) -> Open {
        let lapsed = self.lapsed(time);
        let held = Money::from_nanos(self.nanos.wrapping_sub(lapsed.nanos));
        let count = self.len().saturating_sub(lapsed.count as usize);
        Open { count, held: held.unwrap_or(Money::MAX) }
    }

    fn lapsed(&self, time: Millis) -> Sum {
        let (mut sum, mut at) = (Sum::default(), self.root);
        // As it is where holds are settled in time.
        if self.soonest > time {
            return sum;
        }
        while let Some(row) = self.row(at) {
            if row.hold.lapses <= time {
                sum = sum.plus(Sum::of(&row.hold)).plus(self.below(row.left));
                at = row.right;
            } else {
                at = row.left;
            }
        }
        sum
    }

    /// When the first row lapses, or never.
    #[must_use]
    pub const fn soonest(&self) -> Millis {
        self.soonest
    }

    /// The row that lapses first.
    #[must_use]
    pub fn first(&self) -> Option<&Row> {
        self.row(self.first)
    }

    /// The first row that lapses after `time`.
    #[must_use]
    pub fn first_after(&self, time: Millis) -> Option<&Row> {
        if self.soonest > time {
            return self.first();
        }
        let (mut first, mut at) = (None, self.root);
        while let Some(row) = self.row(at) {
            if row.hold.lapses > time {
                first = Some(row);
                at = row.left;
            } else {
                at = row.right;
            }
        }
        first
    }

    /// The rows that lapse after `time`, in order.
    pub fn after(&self, time: Millis) -> impl Iterator<Item = &Row> {
        // The rows whose turn comes after those to their left.
        let (mut waiting, mut at) = (Vec::new(), self.root);
        while let Some(row) = self.row(at) {
            if row.hold.lapses > time {
                waiting.push(row);
                at = row.left;
            } else {
                at = row.right;
            }
        }
        std::iter::from_fn(move || {
            let next = waiting.pop()?;
            let mut at = next.right;
            while let Some(row) = self.row(at) {
                waiting.push(row);
                at = row.left;
            }
            Some(next)
        })
    }

    /// All holds, in no order. Their lapses and what they hold must stay as they are.
    pub fn holds_mut(&mut self) -> impl Iterator<Item = &mut Hold> {
        self.rows.iter_mut().map(|row| &mut row.hold)
    }

    /// Puts a row into its place in the order, and tells where it lies.
    pub fn put(&mut self, row: Row) -> u32 {
        let at = u32::try_from(self.rows.len()).unwrap_or(NONE);
        self.nanos = self.nanos.wrapping_add(row.nanos);
        self.rows.push_back(row);
        self.root = self.insert(self.root, at);
        if self.first == NONE || self.is_before(at, self.first) {
            self.begin_with(at);
        }
        at
    }

    /// Takes a row out. The last row moves to its place, if it is another.
    pub fn take(&mut self, at: u32) {
        self.root = self.without(self.root, at);
        let held = self.row(at).map_or(0, |row| Sum::of(&row.hold).nanos);
        self.nanos = self.nanos.wrapping_sub(held);
        if self.first == at {
            self.begin_with(self.leftmost());
        }
        let last = self.last();
        self.lead_to(at, last);
        if self.first == last {
            self.first = at;
        }
        self.rows.swap_remove(at as usize);
    }

    fn begin_with(&mut self, first: u32) {
        self.soonest = self.row(first).map_or(Millis::NEVER, |row| row.hold.lapses);
        self.first = first;
    }

    fn leftmost(&self) -> u32 {
        let mut at = self.root;
        while let Some(row) = self.row(at)
            && row.left != NONE
        {
            at = row.left;
        }
        at
    }

    /// The place of the row that lies last.
    #[must_use]
    pub fn last(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(NONE).wrapping_sub(1)
    }
}

/// Links: the tree changes by them alone, while rows stay where they lie.
impl Lapses {
    /// Puts a row into the tree below `at`, and tells what then stands there.
    fn insert(&mut self, at: u32, new: u32) -> u32 {
        let (Some(row), Some(rival)) = (self.row(at), self.row(new)) else { return new };
        let (left, right) = (row.left, row.right);
        if rival.priority > row.priority {
            let (before, after) = self.split(at, new);
            return self.link(new, before, after);
        }
        if self.is_before(new, at) {
            let left = self.insert(left, new);
            self.link(at, left, right)
        } else {
            let right = self.insert(right, new);
            self.link(at, left, right)
        }
    }

    /// Takes a row out of the tree below `at`, and tells what then stands there.
    fn without(&mut self, at: u32, gone: u32) -> u32 {
        let Some(row) = self.row(at) else { return NONE };
        let (left, right) = (row.left, row.right);
        if at == gone {
            return self.merge(left, right);
        }
        if self.is_before(gone, at) {
            let left = self.without(left, gone);
            self.link(at, left, right)
        } else {
            let right = self.without(right, gone);
            self.link(at, left, right)
        }
    }

    /// Parts the tree below `at` into what comes before the row `by` and what comes after it.
    fn split(&mut self, at: u32, by: u32) -> (u32, u32) {
        let Some(row) = self.row(at) else { return (NONE, NONE) };
        let (left, right) = (row.left, row.right);
        if self.is_before(at, by) {
            let (before, after) = self.split(right, by);
            (self.link(at, left, before), after)
        } else {
            let (before, after) = self.split(left, by);
            (before, self.link(at, after, right))
        }
    }

    /// Joins two trees of which all of the first comes before all of the second.
    fn merge(&mut self, first: u32, second: u32) -> u32 {
        let (Some(one), Some(other)) = (self.row(first), self.row(second)) else {
            return if first == NONE { second } else { first };
        };
        if one.priority > other.priority {
            let (left, right) = (one.left, one.right);
            let right = self.merge(right, second);
            self.link(first, left, right)
        } else {
            let (left, right) = (other.left, other.right);
            let left = self.merge(first, left);
            self.link(second, left, right)
        }
    }

    /// Hangs two trees below a row, and sums up anew.
    fn link(&mut self, at: u32, left: u32, right: u32) -> u32 {
        let below = self.below(left).plus(self.below(right));
        if let Some(row) = self.rows.at_mut(at as usize) {
            let sum = below.plus(Sum::of(&row.hold));
            (row.left, row.right) = (left, right);
            (row.nanos, row.count) = (sum.nanos, sum.count);
        }
        at
    }

    /// A row and all below it.
    fn below(&self, at: u32) -> Sum {
        self.row(at).map_or(Sum::default(), |row| Sum { count: row.count, nanos: row.nanos })
    }

    /// Makes whatever leads to the row `last` lead to `gap`.
    fn lead_to(&mut self, gap: u32, last: u32) {
        if gap == last {
            return;
        }
        if self.root == last {
            self.root = gap;
            return;
        }
        let mut at = self.root;
        loop {
            let is_left = self.is_before(last, at);
            let Some(row) = self.rows.at_mut(at as usize) else { return };
            let next = if is_left { &mut row.left } else { &mut row.right };
            if *next == last {
                *next = gap;
                return;
            }
            at = *next;
        }
    }

    fn is_before(&self, at: u32, other: u32) -> bool {
        let (Some(row), Some(other)) = (self.row(at), self.row(other)) else { return false };
        (row.hold.lapses, &row.id) < (other.hold.lapses, &other.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u32, ttl: i64) -> Row {
        let id = Id::new(&number.to_be_bytes()).expect("an id");
        let amount = Money::from_nanos(i64::from(number)).expect("an amount");
        let mixed = u64::from(number).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hold = Hold::new(amount, Millis(ttl), Millis(1_000));
        Row::new(id, hold, u32::try_from(mixed >> 32).expect("32 bits"))
    }

    fn depth(lapses: &Lapses, at: u32) -> usize {
        let Some(row) = lapses.row(at) else { return 0 };
        1 + depth(lapses, row.left).max(depth(lapses, row.right))
    }

    #[test]
    fn the_tree_stays_flat_in_whatever_order_rows_come() {
        for step in [1, -1, 0] {
            let mut lapses = Lapses::default();
            for number in 0..10_000_u32 {
                lapses.put(row(number, 50_000 + step * i64::from(number)));
            }
            assert!(depth(&lapses, lapses.root) < 50, "{}", depth(&lapses, lapses.root));
            let keys: Vec<(Millis, &Id)> =
                lapses.after(Millis(0)).map(|row| (row.hold.lapses, &row.id)).collect();
            assert!(keys.is_sorted() && keys.len() == 10_000);
        }
    }

    #[test]
    fn a_row_is_as_small_as_meant() {
        assert!(size_of::<Row>() <= 96, "{}", size_of::<Row>());
    }
}
