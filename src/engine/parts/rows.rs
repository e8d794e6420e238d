//! A few holds and a few closed ones, packed side by side at the end of an account.
//!
//! One block to wait for, and nothing that leads elsewhere: a head, then closed holds, oldest first,
//! then holds, soonest lapse first. What has no place here its owner keeps in another way.
//! Invariants: a block without room is empty; [`Rows::check`] names the others.

use std::cmp::Ordering;

use super::row::{self, Row};
use crate::engine::act::Entry;
use crate::engine::hold::Hold;
use crate::engine::id::Id;
use crate::engine::time::Millis;

/// How many holds, and how many closed ones, lie side by side at most.
const ROWS: usize = 24;
/// With how many of them those that were more come back.
pub const ROWS_AGAIN: usize = 12;
/// Bytes before the first row.
pub const HEAD: usize = 14;

/// The bytes of a block. A head of zeros tells of no row.
pub struct Rows<B: ?Sized = [u8]>(B);

/// What is known of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Head {
    /// When the first hold lapses, or lapsed. Known here, so that no row need be looked at.
    soonest: i64,
    /// How many bytes the closed holds take.
    closed_end: u16,
    /// How many bytes all rows take.
    end: u16,
    /// How many closed holds there are.
    closed: u8,
    /// How many holds there are.
    holds: u8,
}

impl Head {
    #[inline(always)]
    fn read(bytes: &[u8; HEAD]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, closed, holds] = *bytes;
        Self {
            soonest: i64::from_le_bytes([a, b, c, d, e, f, g, h]),
            closed_end: u16::from_le_bytes([i, j]),
            end: u16::from_le_bytes([k, l]),
            closed,
            holds,
        }
    }

    #[inline(always)]
    fn write(self, bytes: &mut [u8; HEAD]) {
        let [a, b, c, d, e, f, g, h] = self.soonest.to_le_bytes();
        let ([i, j], [k, l]) = (self.closed_end.to_le_bytes(), self.end.to_le_bytes());
        *bytes = [a, b, c, d, e, f, g, h, i, j, k, l, self.closed, self.holds];
    }
}

/// Rows one after the other.
#[derive(Clone, Copy)]
pub struct Walk<'a>(&'a [u8]);

impl<'a> Iterator for Walk<'a> {
    type Item = Row<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Row<'a>> {
        let (row, rest) = Row::first(self.0)?;
        self.0 = rest;
        Some(row)
    }
}

impl<const N: usize> Rows<[u8; N]> {
    /// Room for rows, and none in it.
    pub const EMPTY: Self = Self([0; N]);
}

impl Rows {
    /// How many bytes there is room for, the head's included.
    #[inline(always)]
    pub const fn room(&self) -> usize {
        self.0.len()
    }

    /// How many bytes the rows take, with the head; none if there is no row.
    #[inline(always)]
    pub fn used(&self) -> usize {
        match self.head().end {
            0 => 0,
            end => HEAD.saturating_add(usize::from(end)),
        }
    }

    /// Becomes a copy of others, as far as there is room.
    pub fn copy_from(&mut self, other: &Self) {
        let used = other.used();
        if let (Some(to), Some(from)) = (self.0.get_mut(..used), other.0.get(..used)) {
            to.copy_from_slice(from);
        }
    }

    #[inline(always)]
    fn head(&self) -> Head {
        self.0.first_chunk().map_or_else(Head::default, Head::read)
    }

    /// Where the rows lie.
    #[inline(always)]
    fn bytes(&self) -> &[u8] {
        self.0.get(HEAD..).unwrap_or_default()
    }

    /// The closed holds, oldest first.
    #[inline(always)]
    pub fn closed(&self) -> Walk<'_> {
        Walk(self.bytes().get(..usize::from(self.head().closed_end)).unwrap_or_default())
    }

    /// The holds, soonest lapse first.
    #[inline(always)]
    pub fn holds(&self) -> Walk<'_> {
        let Head { closed_end, end, .. } = self.head();
        Walk(self.bytes().get(usize::from(closed_end)..usize::from(end)).unwrap_or_default())
    }

    /// All rows.
    #[inline(always)]
    pub fn all(&self) -> Walk<'_> {
        Walk(self.bytes().get(..usize::from(self.head().end)).unwrap_or_default())
    }

    /// How many closed holds there are.
    #[inline(always)]
    pub fn count_closed(&self) -> usize {
        usize::from(self.head().closed)
    }

    /// How many holds there are.
    #[inline(always)]
    pub fn count_holds(&self) -> usize {
        usize::from(self.head().holds)
    }

    /// When the first hold lapses, or lapsed; never if there is none.
    #[inline(always)]
    pub fn soonest(&self) -> Millis {
        let head = self.head();
        if head.holds == 0 { Millis::NEVER } else { Millis(head.soonest) }
    }

    /// Puts a hold where it belongs, if there is place for it. No other has its id.
    #[inline(always)]
    pub fn put_hold(&mut self, id: &Id, hold: &Hold) -> bool {
        let head = self.head();
        if usize::from(head.holds) >= ROWS {
            return false;
        }
        // It mostly lapses after all others.
        let is_before = |row: &Row<'_>| match row.time().cmp(&hold.lapses) {
            Ordering::Equal => row.id_bytes() < id.as_bytes(),
            order => order.is_lt(),
        };
        let before = self.holds().take_while(is_before).map(Row::size);
        let before = before.fold(0, usize::saturating_add);
        let at = usize::from(head.closed_end).saturating_add(before);
        let soonest = if before == 0 { hold.lapses.0 } else { head.soonest };
        let head = Head { soonest, holds: head.holds.saturating_add(1), ..head };
        let Some(place) = self.open(at, row::size_of_hold(id, hold), head) else { return false };
        row::write_hold(place, id, hold);
        true
    }

    /// Puts a hold that was closed behind all that were, if there is place for it.
    pub fn put_closed(&mut self, entry: &Entry) -> bool {
        let head = self.head();
        if usize::from(head.closed) >= ROWS {
            return false;
        }
        let (size, at) = (row::size_of_closed(entry), head.closed_end);
        let closed = head.closed.saturating_add(1);
        let closed_end = at.saturating_add(in_16_bits(size));
        let head = Head { closed, closed_end, ..head };
        let Some(place) = self.open(usize::from(at), size, head) else { return false };
        row::write_closed(place, entry);
        true
    }

    /// Takes a hold away, if there is one of this id.
    #[inline(always)]
    pub fn take_hold(&mut self, id: &Id) {
        if let Some((at, size)) = self.find(id) {
            let head = self.head();
            let holds = head.holds.saturating_sub(1);
            self.cut(at, size, Head { holds, ..head });
        }
    }

    /// Makes a hold a closed one, if there is one of its id that takes no less: the holds that lapse
    /// sooner move up, and those that lapse later down, since most take less when they are closed.
    pub fn close_in_place(&mut self, entry: &Entry) -> bool {
        let head = self.head();
        if usize::from(head.closed) >= ROWS {
            return false;
        }
        let Some((at, before)) = self.find(&entry.id) else { return false };
        let size = row::size_of_closed(entry);
        let Some(less) = before.checked_sub(size) else { return false };
        let (from, end) = (usize::from(head.closed_end), usize::from(head.end));
        let Some(rows) = self.0.get_mut(HEAD..).and_then(|rows| rows.get_mut(..end)) else {
            return false;
        };
        let closed_end = from.saturating_add(size);
        let lapse_later = at.saturating_add(before)..end;
        // Those that lapse sooner move up into its place at most, which is not read any longer.
        if at > from {
            rows.copy_within(from..at, closed_end);
        }
        if !lapse_later.is_empty() {
            rows.copy_within(lapse_later, at.saturating_add(size));
        }
        if let Some(place) = rows.get_mut(from..closed_end) {
            row::write_closed(place, entry);
        }
        let (closed, holds) = (head.closed.saturating_add(1), head.holds.saturating_sub(1));
        let (closed_end, end) = (in_16_bits(closed_end), in_16_bits(end.saturating_sub(less)));
        self.know(Head { closed_end, end, closed, holds, ..head });
        self.see_soonest();
        true
    }

    /// Takes away the `count` holds that lapse first.
    pub fn forget_holds(&mut self, count: usize) {
        let head = self.head();
        let (gone, bytes) = measure(self.holds(), count);
        let holds = head.holds.saturating_sub(gone);
        self.cut(usize::from(head.closed_end), bytes, Head { holds, ..head });
    }

    /// Takes away the `count` that were closed first.
    pub fn forget_closed(&mut self, count: usize) {
        let head = self.head();
        let (gone, bytes) = measure(self.closed(), count);
        let closed = head.closed.saturating_sub(gone);
        let closed_end = head.closed_end.saturating_sub(in_16_bits(bytes));
        self.cut(0, bytes, Head { closed, closed_end, ..head });
    }

    /// Changes when holds were closed.
    pub fn change_closed_times(&mut self, change: impl Fn(Millis) -> Millis) {
        let end = HEAD.saturating_add(usize::from(self.head().closed_end));
        let mut at = HEAD;
        while let Some((row, _)) = self.0.get(at..end).and_then(Row::first) {
            let (time, size) = (change(row.time()), row.size());
            row::write_time(self.0.get_mut(at..end).unwrap_or_default(), time);
            at = at.saturating_add(size);
        }
    }

    /// Where the row of a hold lies among all, and how many bytes it takes.
    #[inline(always)]
    fn find(&self, id: &Id) -> Option<(usize, usize)> {
        let mut at = usize::from(self.head().closed_end);
        for row in self.holds() {
            if row.is_of(id) {
                return Some((at, row.size()));
            }
            at = at.saturating_add(row.size());
        }
        None
    }

    /// Opens a place among the rows, of which this is then known; `None` if there is no room.
    #[inline(always)]
    fn open(&mut self, at: usize, size: usize, head: Head) -> Option<&mut [u8]> {
        let end = usize::from(head.end).saturating_add(size);
        let rows = self.0.get_mut(HEAD..)?.get_mut(at..end)?;
        let moved = rows.len().checked_sub(size)?;
        if moved > 0 {
            rows.copy_within(..moved, size);
        }
        self.know(Head { end: in_16_bits(end), ..head });
        let at = HEAD.saturating_add(at);
        self.0.get_mut(at..at.saturating_add(size))
    }

    /// Takes bytes out of the rows, of which this is then known.
    #[inline(never)]
    fn cut(&mut self, at: usize, size: usize, head: Head) {
        let end = usize::from(head.end);
        if let Some(rows) = self.0.get_mut(HEAD..).and_then(|rows| rows.get_mut(at..end)) {
            rows.copy_within(size.min(rows.len()).., 0);
        }
        self.know(Head { end: in_16_bits(end.saturating_sub(size)), ..head });
        self.see_soonest();
    }

    #[inline(always)]
    fn know(&mut self, head: Head) {
        if let Some(place) = self.0.first_chunk_mut() {
            head.write(place);
        }
    }

    #[inline(always)]
    fn see_soonest(&mut self) {
        let soonest = self.holds().next().map_or(0, |row| row.time().0);
        self.know(Head { soonest, ..self.head() });
    }

    /// Checks what is known of the rows.
    ///
    /// # Errors
    /// Says, in a few words, what does not hold.
    pub fn check(&self) -> Result<(), &'static str> {
        let head = self.head();
        let measured = |walk: Walk<'_>| measure(walk, usize::MAX);
        let (closed, closed_bytes) = measured(self.closed());
        let (holds, holds_bytes) = measured(self.holds());
        let known = Head {
            soonest: self.holds().next().map_or(0, |row| row.time().0),
            closed_end: in_16_bits(closed_bytes),
            end: in_16_bits(closed_bytes.saturating_add(holds_bytes)),
            closed,
            holds,
        };
        let key = |row: Row<'_>| (row.time(), row.id());
        let is_so = known == head
            && self.closed().all(|row| row.act().is_some())
            && self.holds().all(|row| row.hold().is_some())
            && self.holds().map(key).is_sorted();
        if is_so { Ok(()) } else { Err("what is known of the holds is not so") }
    }
}

/// How many rows there are, up to so many, and how many bytes they take.
fn measure(walk: Walk<'_>, most: usize) -> (u8, usize) {
    let sizes = walk.take(most).map(Row::size);
    sizes.fold((0, 0), |(count, bytes): (u8, usize), size| {
        (count.saturating_add(1), bytes.saturating_add(size))
    })
}

/// A block is far below 64 KiB.
fn in_16_bits(bytes: usize) -> u16 {
    u16::try_from(bytes).unwrap_or(u16::MAX)
}
