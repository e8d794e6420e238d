//! The account: all that is stored of one judged party.
//!
//! Plain figures lie in a [`Record`]; what most accounts do not have lies behind one pointer. What
//! can be derived (standing, remaining, the tier by history) is not stored. Only `apply` changes an
//! account; anything may read it.
//! Invariants: [`Account::check`] names them all, and holds after every change.

use std::collections::BTreeSet;

use super::bounds;
use super::extras::LimitKind;
use super::id::{Id, Name};
use super::lease::Leases;
use super::ledger::Ledger;
use super::limit::{LimitName, Override};
use super::log::{Row, Told};
use super::money::Money;
use super::month::{Anchor, Period};
use super::parts::Parts;
use super::standing::Reason;
use super::time::Millis;
use super::window::Window;

/// One account: two cache lines. What FW.ADMIT needs lies in the first, but for the tier.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Account {
    /// The time of the last command that changed it.
    pub latest: Millis,
    /// The requests window.
    pub requests: Window,
    /// What most accounts do not have; absent while there is none of it.
    pub parts: Parts,
    /// Its plain figures.
    pub record: Record,
    /// When it was created.
    pub created: Millis,
}

/// The plain figures of an account. A decision works on a copy, so that the account stays as it
/// is until everything is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Record {
    /// The spending period last begun.
    pub period: Period,
    /// What was told of the account.
    pub told: Told,
    /// Whether a payment method is on file.
    pub payment_method: bool,
    /// Its own anchor day; the platform's if absent.
    pub anchor: Option<Anchor>,
    /// Money.
    pub ledger: Ledger,
    /// The highest tier earned.
    pub earned: Option<Name>,
}

impl Account {
    /// An account that has done nothing yet.
    #[must_use]
    pub fn new(record: Record, now: Millis) -> Self {
        Self {
            latest: now,
            requests: Window::default(),
            parts: Parts::default(),
            record,
            created: now,
        }
    }

    /// What it has of its own for one limit, if anything.
    #[must_use]
    #[inline(always)]
    pub fn own(&self, name: &LimitName) -> Option<Override> {
        self.parts.extras()?.limits.get(name).copied()
    }

    /// The names of the limits it has of its own, in order.
    pub fn own_limits(&self) -> impl Iterator<Item = &LimitName> {
        self.parts.extras().into_iter().flat_map(|extras| extras.limits.keys())
    }

    /// Its leases, if any.
    #[must_use]
    pub fn leases(&self) -> Option<&Leases> {
        self.parts.extras()?.leases.as_deref()
    }

    /// The tier the operator pinned, if any: a tier's name, or `unlimited`.
    #[must_use]
    #[inline(always)]
    pub fn pinned(&self) -> Option<&Name> {
        self.parts.extras()?.pinned.as_ref()
    }

    /// The largest token ever given to a lease; 0 if none was.
    #[must_use]
    pub fn last_token(&self) -> i64 {
        self.parts.extras().map_or(0, |extras| extras.last_token)
    }

    /// Tiers earned before the one earned last.
    #[must_use]
    #[inline(always)]
    pub fn former_tiers(&self) -> &[Name] {
        self.parts.extras().map_or(&[], |extras| &extras.former_tiers)
    }

    /// The window of a limit, if anything was counted in it.
    #[must_use]
    #[inline(always)]
    pub fn window(&self, name: &LimitName) -> Option<&Window> {
        match name {
            LimitName::Requests => Some(&self.requests),
            _ => self.parts.extras()?.windows.get(name),
        }
    }

    /// Why an operator blocked it, if one did.
    #[must_use]
    pub fn blocked(&self) -> Option<&Reason> {
        self.parts.extras()?.blocked.as_deref()
    }

    /// Its failed invoices.
    #[must_use]
    pub fn failed(&self) -> Option<&BTreeSet<Id>> {
        self.parts.extras().map(|extras| &extras.failed)
    }

    /// What changed of its standing, tier and limits, oldest first.
    #[must_use]
    pub fn log(&self) -> &[Row] {
        self.parts.extras().map_or(&[], |extras| &extras.log)
    }

    /// Holds if it may get a limit of this name: it has one, or has room for one more.
    #[must_use]
    pub fn has_room_for(&self, name: &LimitName) -> bool {
        let (Some(extras), Some(kind)) = (self.parts.extras(), LimitKind::of(name)) else {
            return true;
        };
        extras.limits.contains_key(name) || extras.limits_of(kind) < kind.bound()
    }

    /// How many blocks of memory it is made of, nearly: what freeing it costs.
    #[must_use]
    pub fn allocations(&self) -> usize {
        self.parts.rows().saturating_add(1)
    }

    /// Memory it takes, in bytes, its own size included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let parts = self.parts.heap_bytes();
        size_of::<Self>().saturating_add(self.requests.heap_bytes()).saturating_add(parts)
    }

    /// Checks every invariant that a stored account keeps.
    ///
    /// # Errors
    /// Says, in a few words, which one does not hold.
    pub fn check(&self) -> Result<(), &'static str> {
        let time = |time: Millis| (Millis::ZERO..=Millis::LAST).contains(&time);
        if !time(self.latest) || !time(self.created) {
            return Err("a time is out of range");
        }
        self.record.check(self.latest)?;
        self.parts.check(self.latest)?;
        self.check_held()
    }

    /// What open holds set aside is what the tree of holds says, and fits beside what was spent.
    fn check_held(&self) -> Result<(), &'static str> {
        let (mut held, mut count) = (Some(Money::ZERO), 0_usize);
        for (_, hold) in self.parts.holds_after(self.latest) {
            held = held.and_then(|held| held.plus(hold.held()));
            count = count.saturating_add(1);
        }
        let fits = held.and_then(|held| self.record.ledger.spent.plus(held)).is_some();
        let known = self.parts.open(self.latest);
        if held != Some(known.held) || known.count != count || !fits {
            return Err("what is held is not the sum of the open holds, or does not fit");
        }
        if known.count > bounds::HOLDS { Err("there are too many open holds") } else { Ok(()) }
    }
}

impl Record {
    /// Checks the figures of an account that was last changed at `latest`.
    ///
    /// # Errors
    /// Says, in a few words, what does not hold.
    pub fn check(&self, latest: Millis) -> Result<(), &'static str> {
        // One period more than the latest time can lie in the future: a clock that went back.
        let far = Millis::LAST.plus(Millis(bounds::YEAR_MS));
        if self.period.end() > far {
            return Err("the period is out of range");
        }
        if self.period.is_over(latest) {
            return Err("the period was over when last changed");
        }
        if self.ledger.prepaid().is_err() {
            return Err("credits and promo do not fit");
        }
        self.told.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_with_nothing_open_is_one_allocation_of_128_bytes() {
        assert!(size_of::<Account>() <= 128, "{}", size_of::<Account>());
        let spent = std::mem::offset_of!(Record, ledger);
        assert_eq!(std::mem::offset_of!(Account, record) + spent + size_of::<Money>(), 64);
    }
}
