//! What is done under an id, and where it is remembered.
//!
//! The same id with the same act is a duplicate, with another a conflict. Ids of different spaces
//! never meet; each space has its memory, and each memory its bound.

use super::bounds::{BILLING_IDS, CLOSED_HOLDS, SPEND_IDS};
use super::id::Id;
use super::money::Money;
use super::time::Millis;

/// What was done under an id. The same id with the same act is a duplicate, with another a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A charge of this amount.
    Spend(Money),
    /// Credits bought for this amount.
    TopUp(Money),
    /// Credits given.
    Promo(Money),
    /// A credit note.
    Refund(Money),
    /// An invoice was paid, which lowered what is owed by this much.
    Paid(Money),
    /// An invoice was voided.
    InvoiceVoided,
    /// A hold was settled, for this amount in all.
    Settled(Money),
    /// A hold was voided.
    Voided,
}

/// Ids of different spaces never meet, even when their bytes are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    /// Ids of FW.SPEND.
    Spend,
    /// Ids of FW.TOPUP, given and bought alike.
    TopUp,
    /// Ids of FW.REFUND.
    Refund,
    /// Invoices.
    Invoice,
    /// Holds.
    Hold,
}

impl Act {
    /// The space of ids the act belongs to.
    #[must_use]
    pub const fn space(self) -> Space {
        match self {
            Self::Spend(_) => Space::Spend,
            Self::TopUp(_) | Self::Promo(_) => Space::TopUp,
            Self::Refund(_) => Space::Refund,
            Self::Paid(_) | Self::InvoiceVoided => Space::Invoice,
            Self::Settled(_) | Self::Voided => Space::Hold,
        }
    }
}

/// The memories an account has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Ids of spends.
    Spends,
    /// Ids of billing events.
    Billings,
    /// Ids of holds that were closed.
    Closed,
}

impl Kept {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Spends, Self::Billings, Self::Closed];
}

impl Space {
    /// The memory that keeps the ids of this space.
    #[must_use]
    pub const fn kept(self) -> Kept {
        match self {
            Self::Spend => Kept::Spends,
            Self::TopUp | Self::Refund | Self::Invoice => Kept::Billings,
            Self::Hold => Kept::Closed,
        }
    }
}

impl Kept {
    /// How many ids it keeps.
    #[must_use]
    pub const fn bound(self) -> usize {
        match self {
            Self::Spends => SPEND_IDS,
            Self::Billings => BILLING_IDS,
            Self::Closed => CLOSED_HOLDS,
        }
    }
}

/// An id, what was done under it, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The client's id.
    pub id: Id,
    /// When the act was recorded.
    pub time: Millis,
    /// What was done.
    pub act: Act,
}

impl Entry {
    /// An act that is recorded now.
    #[must_use]
    pub const fn new(id: Id, act: Act, now: Millis) -> Self {
        Self { id, time: now, act }
    }
}
