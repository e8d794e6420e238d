//! What an account remembers: what was done under ids, and holds that lapsed or were closed.
//!
//! An id is remembered while its time and the memory in force now are after now. What is forgotten
//! is cleared away by later changes, a few ids at a time.

use super::present::Present;
use crate::engine::act::{Act, Kept, Space};
use crate::engine::bounds::{FORGET_AT_ONCE, STORED_HOLDS};
use crate::engine::effect::Forget;
use crate::engine::hold::Hold;
use crate::engine::id::Id;
use crate::engine::memory::Since;
use crate::engine::money::Money;
use crate::engine::time::Millis;

/// A hold that is open or remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It is open.
    Open(Hold),
    /// It lapsed.
    Lapsed(Hold),
    /// It was settled or voided.
    Closed(Act),
}

impl Present<'_> {
    /// What was done under an id, while it is remembered.
    #[must_use]
    pub fn recall(&self, space: Space, id: &Id) -> Option<Act> {
        self.account.parts.recall(space, id, self.since(space.kept()))
    }

    /// A hold, while it is open or remembered.
    #[must_use]
    pub fn known_hold(&self, id: &Id) -> Option<Known> {
        let Some(stored) = self.account.parts.hold(id) else {
            return self.recall(Space::Hold, id).map(Known::Closed);
        };
        let is_open = stored.lapses > self.through;
        let hold = self.as_of_now(stored);
        if is_open {
            return Some(Known::Open(hold));
        }
        let remembered = hold.lapses > self.since(Kept::Closed).since;
        // The id of a hold that is forgotten may have been closed since.
        if remembered {
            Some(Known::Lapsed(hold))
        } else {
            self.recall(Space::Hold, id).map(Known::Closed)
        }
    }

    /// The amount of a hold that is open and sets aside money alone.
    #[must_use]
    #[inline(always)]
    pub(super) fn plain_hold(&self, id: &Id) -> Option<Money> {
        self.account.parts.plain_hold(id, self.through)
    }

    /// A stored hold as it is now, also where the clock has gone back.
    #[must_use]
    pub fn as_of_now(&self, hold: Hold) -> Hold {
        if self.through > self.now { hold.rewound(self.through, self.now) } else { hold }
    }

    /// How much of what is forgotten is to be cleared away, and what has to go to make room, by a change
    /// that remembers an id of this kind, or puts the hold of this id.
    #[must_use]
    #[inline(always)]
    pub fn forget(&self, adds: Option<Kept>, puts: Option<&Id>) -> Forget {
        let parts = &self.account.parts;
        if parts.is_absent() {
            return Forget::default();
        }
        let mut early = 0_usize;
        let mut count = |kept: Kept| {
            let over = parts.beyond(kept, usize::from(adds == Some(kept)));
            let due = parts.forgettable(kept, self.since(kept), FORGET_AT_ONCE);
            early = early.saturating_add(over.saturating_sub(due));
            few(due.max(over))
        };
        let closed = count(Kept::Closed);
        let (spends, billings) = match parts.extras() {
            Some(_) => (count(Kept::Spends), count(Kept::Billings)),
            None => (0, 0),
        };
        let (due, over) = self.lapsed_to_forget(puts);
        let early = few(early.saturating_add(over.saturating_sub(due)));
        Forget { spends, billings, closed, lapsed: few(due.max(over)), early }
    }

    /// How many lapsed holds can be forgotten, and how many must be, to make room.
    fn lapsed_to_forget(&self, puts: Option<&Id>) -> (usize, usize) {
        let parts = &self.account.parts;
        let Since { since, now } = self.since(Kept::Closed);
        // Where the clock has gone back, all that lapsed counts as lapsed now at the latest.
        let until = if now <= since { self.through } else { since };
        let stored = parts.count_holds();
        let mut over = stored.saturating_sub(STORED_HOLDS);
        let grows = || puts.is_some_and(|id| parts.hold(id).is_none());
        if stored >= STORED_HOLDS && grows() {
            over = over.saturating_add(1);
        }
        (parts.forgettable_holds(until, FORGET_AT_ONCE), over)
    }

    fn since(&self, kept: Kept) -> Since {
        let span: Millis = match kept {
            Kept::Spends => self.policy.spend_memory,
            Kept::Billings => self.policy.billing_memory,
            Kept::Closed => self.policy.hold_memory,
        };
        Since { since: self.now.since(span), now: self.now }
    }
}

fn few(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}
