//! What most accounts do not have, behind an account's one pointer.
//!
//! It begins with one block: a head, and beside it a few holds, open and lapsed, and a few that were
//! closed. What a hold needs is one block to wait for then. From the head lead pointers to what is
//! many, and to what fewer accounts have.
//! Invariants: a block has a head; what is many is not in the block; [`Parts::check`] names the others.

mod closed;
mod held;

use std::sync::Arc;

use thin_vec::ThinVec;

use super::act::{Entry, Kept};
use super::bounds;
use super::extras::Extras;
use super::few::{FEW, make_room};
use super::hold::Hold;
use super::id::Id;
use super::many_holds::ManyHolds;
use super::many_ids::ManyIds;
use super::time::Millis;

/// How many rows a block has room for as it grows, its head among them: each but the last nearly fills
/// what the allocator hands out. A block of one has extras alone.
const SIZES: [usize; 10] = [1, 2, 4, 6, 8, 12, 17, 21, 28, 1 + 2 * FEW];

/// What most accounts do not have. Copies share what can be many until one changes.
#[derive(Clone, Default)]
pub struct Parts(ThinVec<Row>);

/// A row of the block: the head, then closed holds, oldest first, then holds, soonest lapse first.
#[derive(Clone)]
enum Row {
    Head(Head),
    Closed(Entry),
    Hold(Id, Hold),
}

#[derive(Clone)]
struct Head {
    /// When the first hold lapses, or lapsed; never if there is none. Known here, so that no hold
    /// need be looked at where none has lapsed.
    soonest: Millis,
    /// When the first of the closed holds was closed; never if there is none.
    oldest: Millis,
    /// How many closed holds lie beside.
    closed: usize,
    /// Holds, if they are not few.
    many_holds: Option<Arc<ManyHolds>>,
    /// Closed holds, if they are not few.
    many_closed: Option<Arc<ManyIds>>,
    extras: Option<Box<Extras>>,
}

impl Default for Head {
    fn default() -> Self {
        let (soonest, oldest) = (Millis::NEVER, Millis::NEVER);
        Self { soonest, oldest, closed: 0, many_holds: None, many_closed: None, extras: None }
    }
}

impl Head {
    /// Where the holds begin.
    const fn holds_at(&self) -> usize {
        self.closed.saturating_add(1)
    }
}

impl Row {
    fn hold(&self) -> Option<(&Id, &Hold)> {
        if let Self::Hold(id, hold) = self { Some((id, hold)) } else { None }
    }

    fn hold_mut(&mut self) -> Option<(&Id, &mut Hold)> {
        if let Self::Hold(id, hold) = self { Some((id, hold)) } else { None }
    }

    fn entry(&self) -> Option<&Entry> {
        if let Self::Closed(entry) = self { Some(entry) } else { None }
    }

    fn is_hold_of(&self, of: &Id) -> bool {
        self.hold().is_some_and(|(id, _)| id == of)
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Self::Head(_) => 0,
            Self::Closed(entry) => entry.id.heap_bytes(),
            Self::Hold(id, hold) => id.heap_bytes().saturating_add(hold.heap_bytes()),
        }
    }
}

impl Parts {
    /// What fewer accounts have, if there is any of it.
    #[must_use]
    #[inline(always)]
    pub fn extras(&self) -> Option<&Extras> {
        self.head()?.extras.as_deref()
    }

    /// The same, to be changed.
    pub fn extras_mut(&mut self) -> Option<&mut Extras> {
        self.head_mut()?.extras.as_deref_mut()
    }

    /// Changes what fewer accounts have, which comes to be if there is none of it.
    pub fn with_extras(&mut self, change: impl FnOnce(&mut Extras)) {
        if let Some(head) = self.made(1) {
            change(head.extras.get_or_insert_default());
        }
    }

    /// Holds if there is no block.
    #[must_use]
    #[inline(always)]
    pub fn is_absent(&self) -> bool {
        self.0.is_empty()
    }

    /// Holds if there is a block with nothing in it, or extras with nothing in them.
    #[must_use]
    pub fn has_empty_parts(&self) -> bool {
        let Some(head) = self.head() else { return false };
        let empty = |extras: &Extras| extras.is_empty();
        head.extras.as_deref().is_some_and(empty) || (head.extras.is_none() && self.has_no_holds())
    }

    /// Holds if there is no hold, open, lapsed or closed.
    #[must_use]
    pub fn has_no_holds(&self) -> bool {
        let none = |head: &Head| head.soonest == Millis::NEVER && head.oldest == Millis::NEVER;
        self.head().is_none_or(none)
    }

    /// Gives back what is empty.
    pub fn drop_empty(&mut self) {
        let Some(head) = self.head_mut() else { return };
        if head.extras.as_deref().is_some_and(Extras::is_empty) {
            head.extras = None;
        }
        if self.has_empty_parts() {
            *self = Self::default();
        }
    }

    /// How many rows it is made of.
    #[must_use]
    pub fn rows(&self) -> usize {
        let extras = self.extras().map_or(0, Extras::rows);
        self.count_holds().saturating_add(self.count_entries(Kept::Closed)).saturating_add(extras)
    }

    /// Memory it takes, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let Some(head) = self.head() else { return 0 };
        let block = self.0.capacity().saturating_mul(size_of::<Row>());
        let holds = |many: &ManyHolds| size_of::<ManyHolds>().saturating_add(many.heap_bytes());
        let closed = |many: &ManyIds| size_of::<ManyIds>().saturating_add(many.heap_bytes());
        let parts = [
            block.saturating_add(2 * size_of::<usize>()),
            head.many_holds.as_deref().map_or(0, holds),
            head.many_closed.as_deref().map_or(0, closed),
            head.extras.as_deref().map_or(0, Extras::bytes),
        ];
        let rows = self.0.iter().map(Row::heap_bytes);
        parts.into_iter().chain(rows).fold(0, usize::saturating_add)
    }

    /// Where the block lies in memory.
    #[must_use]
    #[inline(always)]
    pub fn place(&self) -> *const u8 {
        self.0.as_ptr().cast::<u8>().wrapping_sub(2 * size_of::<usize>())
    }

    /// Where holds lie, and closed ones.
    #[must_use]
    #[inline(always)]
    pub fn places(&self) -> [*const u8; 2] {
        let Some(head) = self.head() else { return [self.place(); 2] };
        let few = |at: usize| self.0.as_ptr().wrapping_add(at).cast::<u8>();
        let holds = head.many_holds.as_ref().map(|many| Arc::as_ptr(many).cast());
        let closed = head.many_closed.as_ref().map(|many| Arc::as_ptr(many).cast());
        [holds.unwrap_or(few(head.holds_at())), closed.unwrap_or(few(1))]
    }

    #[inline(always)]
    fn head(&self) -> Option<&Head> {
        if let Some(Row::Head(head)) = self.0.first() { Some(head) } else { None }
    }

    fn head_mut(&mut self) -> Option<&mut Head> {
        if let Some(Row::Head(head)) = self.0.first_mut() { Some(head) } else { None }
    }

    /// The head of the block, which comes to be, with room for so many rows, if there is none.
    fn made(&mut self, rows: usize) -> Option<&mut Head> {
        if self.0.is_empty() {
            self.0.reserve_exact(rows);
            self.insert(0, Row::Head(Head::default()));
        }
        self.head_mut()
    }

    fn insert(&mut self, at: usize, row: Row) {
        make_room(&mut self.0, &SIZES);
        self.0.insert(at.min(self.0.len()), row);
    }

    fn take_rows(&mut self, at: usize, count: usize) {
        let end = at.saturating_add(count).min(self.0.len());
        self.0.drain(at.min(end)..end);
        self.give_back();
    }

    fn give_back(&mut self) {
        let places = self.0.capacity();
        if places > SIZES[1] && places >= self.0.len().saturating_mul(4) {
            self.0.shrink_to_fit();
        }
    }

    /// Checks what an account last changed at `latest` has.
    ///
    /// # Errors
    /// Says, in a few words, what does not hold.
    pub fn check(&self, latest: Millis) -> Result<(), &'static str> {
        if self.has_empty_parts() {
            return Err("an empty part is stored");
        }
        self.extras().map_or(Ok(()), |extras| extras.check(latest))?;
        if self.count_holds() > bounds::STORED_HOLDS {
            return Err("there are too many holds");
        }
        self.holds().try_for_each(|(_, hold)| hold.check(latest))?;
        self.check_head()?;
        Kept::ALL.into_iter().try_for_each(|kept| self.check_entries(kept, latest))
    }

    /// What the head knows of the rows is so.
    fn check_head(&self) -> Result<(), &'static str> {
        let Some(head) = self.head() else { return Ok(()) };
        let soonest = self.holds().next().map_or(Millis::NEVER, |(_, hold)| hold.lapses);
        let oldest = self.entries(Kept::Closed).next().map_or(Millis::NEVER, |entry| entry.time);
        let closed = self.0.iter().filter(|row| row.entry().is_some()).count();
        let beside = self.0.get(head.holds_at()..).unwrap_or_default();
        let is_known = (head.soonest, head.oldest, head.closed) == (soonest, oldest, closed)
            && beside.iter().all(|row| row.hold().is_some())
            && beside.is_sorted_by(|one, other| held::by_lapse(one, other).is_le())
            && (head.many_holds.is_none() || beside.is_empty())
            && (head.many_closed.is_none() || closed == 0);
        if is_known { Ok(()) } else { Err("what is known of the holds is not so") }
    }

    fn check_entries(&self, kept: Kept, latest: Millis) -> Result<(), &'static str> {
        if self.count_entries(kept) > kept.bound() {
            return Err("a memory passes its bound");
        }
        let mut before = Millis::ZERO;
        for entry in self.entries(kept) {
            if entry.time < before || entry.time > latest {
                return Err("a remembered id is out of order");
            }
            if entry.act.space().kept() != kept {
                return Err("an id is remembered in the wrong place");
            }
            before = entry.time;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let holds: Vec<_> = self.holds().collect();
        let closed: Vec<_> = self.entries(Kept::Closed).collect();
        let mut all = out.debug_struct("Parts");
        all.field("holds", &holds).field("closed", &closed).field("extras", &self.extras()).finish()
    }
}
