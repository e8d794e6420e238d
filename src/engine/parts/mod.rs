//! What most accounts do not have, at the end of an account.
//!
//! A pointer to what fewer accounts have, and a few holds, open, lapsed and closed, packed: what a
//! hold needs lies in the account's own block, which [`Account`](super::account::Account) has grow and
//! shrink. What is many lies behind the pointer.
//! Invariants: what is many does not lie in the block too; [`Parts::check`] names the others.

mod row;
mod rows;

mod closed;
mod held;

pub use row::{size_of_closed, size_of_hold};
pub use rows::{HEAD, Rows};

use super::act::Kept;
use super::bounds;
use super::extras::Extras;
use super::time::Millis;

/// What most accounts do not have.
#[repr(C)]
pub struct Parts<B: ?Sized = [u8]> {
    extras: Option<Box<Extras>>,
    rows: Rows<B>,
}

impl<const N: usize> Parts<[u8; N]> {
    /// Nothing, with room for so many bytes of rows.
    pub const EMPTY: Self = Self { extras: None, rows: Rows::EMPTY };
}

impl Parts {
    /// What fewer accounts have, if there is any of it.
    #[must_use]
    #[inline(always)]
    pub fn extras(&self) -> Option<&Extras> {
        self.extras.as_deref()
    }

    /// The same, to be changed.
    pub fn extras_mut(&mut self) -> Option<&mut Extras> {
        self.extras.as_deref_mut()
    }

    /// Changes what fewer accounts have, which comes to be if there is none of it.
    pub fn with_extras(&mut self, change: impl FnOnce(&mut Extras)) {
        change(self.extras.get_or_insert_default());
    }

    /// Moves everything into others, which have room for it.
    pub fn move_to(&mut self, others: &mut Self) {
        others.extras = self.extras.take();
        others.rows.copy_from(&self.rows);
    }

    /// Copies everything into others, which have room for it.
    pub fn copy_to(&self, others: &mut Self) {
        others.extras.clone_from(&self.extras);
        others.rows.copy_from(&self.rows);
    }

    /// For how many bytes of rows there is room.
    #[must_use]
    #[inline(always)]
    pub const fn room(&self) -> usize {
        self.rows.room()
    }

    /// How many bytes the rows take.
    #[must_use]
    #[inline(always)]
    pub fn used(&self) -> usize {
        self.rows.used()
    }

    /// Holds if there is nothing of it.
    #[must_use]
    #[inline(always)]
    pub fn is_absent(&self) -> bool {
        self.room() == 0 && self.extras.is_none()
    }

    /// Holds if there is no hold, open, lapsed or closed.
    #[must_use]
    pub fn has_no_holds(&self) -> bool {
        self.used() == 0 && self.has_few_holds() && self.has_few_closed()
    }

    /// Holds if what is held lies side by side, or would.
    #[must_use]
    #[inline(always)]
    pub fn has_few_holds(&self) -> bool {
        self.many_holds().is_none()
    }

    /// Holds if closed holds lie side by side, or would.
    #[must_use]
    #[inline(always)]
    pub fn has_few_closed(&self) -> bool {
        self.many_closed().is_none()
    }

    /// Gives back what is empty of what fewer accounts have.
    pub fn drop_empty(&mut self) {
        if self.extras().is_some_and(Extras::is_empty) {
            self.extras = None;
        }
    }

    /// How many rows it is made of.
    #[must_use]
    pub fn count_rows(&self) -> usize {
        let extras = self.extras().map_or(0, Extras::rows);
        self.count_holds().saturating_add(self.count_entries(Kept::Closed)).saturating_add(extras)
    }

    /// Memory it takes beyond the account's block, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.extras().map_or(0, Extras::bytes)
    }

    /// Checks what an account last changed at `latest` has.
    ///
    /// # Errors
    /// Says, in a few words, what does not hold.
    pub fn check(&self, latest: Millis) -> Result<(), &'static str> {
        if self.extras().is_some_and(Extras::is_empty) || (self.room() > 0 && self.used() == 0) {
            return Err("an empty part is stored");
        }
        self.extras().map_or(Ok(()), |extras| extras.check(latest))?;
        if self.count_holds() > bounds::STORED_HOLDS {
            return Err("there are too many holds");
        }
        self.holds().try_for_each(|(_, hold)| hold.check(latest))?;
        self.rows.check()?;
        let holds_apart = !self.has_few_holds() && self.rows.count_holds() > 0;
        let closed_apart = !self.has_few_closed() && self.rows.count_closed() > 0;
        if holds_apart || closed_apart {
            return Err("holds lie in two places");
        }
        Kept::ALL.into_iter().try_for_each(|kept| self.check_entries(kept, latest))
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
