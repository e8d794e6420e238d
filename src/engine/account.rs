//! The account: all that is stored of one judged party.
//!
//! Plain figures lie in a [`Record`]; what most accounts do not have lies behind one pointer. What
//! can be derived (standing, remaining, the tier by history) is not stored. Only `apply` changes an
//! account; anything may read it.
//! Invariants: [`Account::check`] names them all, and holds after every change.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::bounds;
use super::id::Name;
use super::lease::{Lease, Leases};
use super::ledger::Ledger;
use super::limit::{LimitName, Override, Units};
use super::memory::{Kept, Memory};
use super::month::{Anchor, Period};
use super::time::Millis;
use super::window::Window;

/// One account. What FW.ADMIT needs lies in the first two cache lines, in this order.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Account {
    /// The time of the last command that changed it.
    pub latest: Millis,
    /// The requests window.
    pub requests: Window,
    /// What most accounts do not have; absent while there is none of it.
    pub extras: Option<Box<Extras>>,
    /// Its plain figures.
    pub record: Record,
    /// When it was created.
    pub created: Millis,
}

/// The plain figures of an account. A decision works on a copy, so that the account stays as it
/// is until everything is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The spending period last begun.
    pub period: Period,
    /// Money.
    pub ledger: Ledger,
    /// The highest tier earned.
    pub earned: Option<Name>,
    /// The tier the operator pinned: a tier's name, or `unlimited`.
    pub pinned: Option<Name>,
    /// The largest token ever given to a lease.
    pub last_token: i64,
    /// Its own anchor day; the platform's if absent.
    pub anchor: Option<Anchor>,
    /// Whether a payment method is on file.
    pub payment_method: bool,
}

/// What most accounts do not have.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// Limits of its own; none is at its default.
    pub limits: BTreeMap<LimitName, Override>,
    /// GPUs and models it holds.
    pub leases: Leases,
    /// Tiers earned before the one earned last; they stay earned.
    pub former_tiers: Vec<Name>,
    /// Remembered ids of spends. Copies of an account share them until one changes.
    pub spends: Option<Arc<Memory>>,
    /// Remembered ids of billing events.
    pub billings: Option<Arc<Memory>>,
}

impl Extras {
    /// One of its memories, if there is anything in it.
    #[must_use]
    pub fn memory(&self, kept: Kept) -> Option<&Memory> {
        match kept {
            Kept::Spends => self.spends.as_deref(),
            Kept::Billings => self.billings.as_deref(),
        }
    }

    /// Holds if there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.limits.is_empty()
            && self.leases.is_empty()
            && self.former_tiers.is_empty()
            && self.spends.is_none()
            && self.billings.is_none()
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_list().entries(self.entries()).finish()
    }
}

impl Account {
    /// An account that has done nothing yet.
    #[must_use]
    pub fn new(record: Record, now: Millis) -> Self {
        Self { latest: now, requests: Window::default(), extras: None, record, created: now }
    }

    /// What it has of its own for one limit.
    #[must_use]
    pub fn own(&self, name: &LimitName) -> Override {
        let own = self.extras.as_deref().and_then(|extras| extras.limits.get(name));
        own.copied().unwrap_or_default()
    }

    /// The names of the limits it has of its own, in order.
    pub fn own_limits(&self) -> impl Iterator<Item = &LimitName> {
        self.extras.as_deref().into_iter().flat_map(|extras| extras.limits.keys())
    }

    /// Its leases, if any.
    #[must_use]
    pub fn leases(&self) -> Option<&Leases> {
        self.extras.as_deref().map(|extras| &extras.leases)
    }

    /// Tiers earned before the one earned last.
    #[must_use]
    pub fn former_tiers(&self) -> &[Name] {
        self.extras.as_deref().map_or(&[], |extras| &extras.former_tiers)
    }

    /// How many blocks of memory it is made of, nearly: what freeing it costs.
    #[must_use]
    pub fn allocations(&self) -> usize {
        let extras = self.extras.as_deref();
        let rows = extras.map_or(0, |extras| {
            let ids = [extras.spends.as_deref(), extras.billings.as_deref()];
            let ids = ids.into_iter().flatten().map(Memory::len).fold(0, usize::saturating_add);
            extras.leases.entries().len().saturating_add(extras.limits.len()).saturating_add(ids)
        });
        rows.saturating_add(1)
    }

    /// Memory it takes, in bytes, its own size included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let extras = self.extras.as_deref().map_or(0, Extras::bytes);
        size_of::<Self>().saturating_add(self.requests.heap_bytes()).saturating_add(extras)
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
        match self.extras.as_deref() {
            Some(extras) if extras.is_empty() => Err("an empty part is stored"),
            Some(extras) => extras.check(self.latest, self.record.last_token),
            None => Ok(()),
        }
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
        let period = self.period;
        if period.start < Millis::ZERO || period.start >= period.end || period.end > far {
            return Err("the period is out of range");
        }
        if period.is_over(latest) {
            return Err("the period was over when last changed");
        }
        if self.ledger.prepaid().is_err() {
            return Err("credits and promo do not fit");
        }
        if self.last_token < 0 { Err("a token is negative") } else { Ok(()) }
    }
}

/// The limits of which an account may have only so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    /// Of quotas.
    Quota,
    /// Within scopes.
    Scoped,
}

impl LimitKind {
    /// The kind of a limit, if it is one of which there can be too many.
    #[must_use]
    pub const fn of(name: &LimitName) -> Option<Self> {
        match name {
            LimitName::Quota(_) => Some(Self::Quota),
            LimitName::Scoped(..) => Some(Self::Scoped),
            _ => None,
        }
    }

    /// What several of them are called.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Quota => "quota limits",
            Self::Scoped => "scoped limits",
        }
    }

    /// How many of them an account may have.
    #[must_use]
    pub const fn bound(self) -> usize {
        match self {
            Self::Quota => bounds::QUOTA_LIMITS,
            Self::Scoped => bounds::SCOPED_LIMITS,
        }
    }
}

impl Account {
    /// Holds if it may get a limit of this name: it has one, or has room for one more.
    #[must_use]
    pub fn has_room_for(&self, name: &LimitName) -> bool {
        let Some(extras) = self.extras.as_deref() else {
            return true;
        };
        let Some(kind) = LimitKind::of(name) else {
            return true;
        };
        extras.limits.contains_key(name) || extras.limits_of(kind) < kind.bound()
    }
}

impl Extras {
    fn limits_of(&self, kind: LimitKind) -> usize {
        self.limits.keys().filter(|name| LimitKind::of(name) == Some(kind)).count()
    }

    fn bytes(&self) -> usize {
        let memories = [self.spends.as_deref(), self.billings.as_deref()].into_iter().flatten();
        let memory = |memory: &Memory| size_of::<Memory>().saturating_add(memory.heap_bytes());
        let limits = self.limits.len().saturating_mul(size_of::<(LimitName, Override)>());
        let tiers = self.former_tiers.capacity().saturating_mul(size_of::<Name>());
        let parts = [size_of::<Self>(), self.leases.heap_bytes(), limits, tiers];
        parts.into_iter().chain(memories.map(memory)).fold(0, usize::saturating_add)
    }

    fn check(&self, latest: Millis, last_token: i64) -> Result<(), &'static str> {
        let too_many = self.leases.entries().len() > bounds::LEASES
            || [LimitKind::Quota, LimitKind::Scoped]
                .iter()
                .any(|kind| self.limits_of(*kind) > kind.bound())
            || self.former_tiers.len() > bounds::FORMER_TIERS;
        if too_many {
            return Err("a bound is passed");
        }
        if self.limits.values().any(Override::is_default) {
            return Err("a limit of the account's own is at its default");
        }
        check_leases(&self.leases, latest, last_token)?;
        check_memory(self.spends.as_deref(), Kept::Spends, latest)?;
        check_memory(self.billings.as_deref(), Kept::Billings, latest)
    }
}

fn check_leases(leases: &Leases, latest: Millis, last_token: i64) -> Result<(), &'static str> {
    let mut tokens = std::collections::BTreeSet::new();
    let mut used = BTreeMap::<&Name, Units>::new();
    for (_, lease) in leases.entries() {
        if lease.token < 1 || lease.token > last_token || !tokens.insert(lease.token) {
            return Err("a lease's token is not its own");
        }
        if lease.lapses <= latest || lease.lapses > Lease::lapse(lease.ttl, latest) {
            return Err("a lease lapses at the wrong time");
        }
        if !(0..=bounds::YEAR_MS).contains(&lease.ttl.0) || lease.counts.is_empty() {
            return Err("a lease is out of range");
        }
        for (quota, count) in &lease.counts {
            let sum = used.entry(quota).or_default();
            *sum = sum.plus(*count).ok_or("the use of a quota does not fit")?;
        }
        let pairs = || lease.counts.iter().zip(lease.counts.iter().skip(1));
        if pairs().any(|(a, b)| a.0 >= b.0) || lease.counts.iter().any(|(_, count)| count.is_zero())
        {
            return Err("a lease's counts are out of order");
        }
    }
    if used.iter().all(|(quota, sum)| leases.used(quota, latest) == *sum) {
        Ok(())
    } else {
        Err("the use of a quota is not the sum of its leases")
    }
}

fn check_memory(memory: Option<&Memory>, kept: Kept, latest: Millis) -> Result<(), &'static str> {
    let Some(memory) = memory else { return Ok(()) };
    if memory.is_empty() || memory.len() > kept.bound() {
        return Err("a memory is empty or passes its bound");
    }
    let mut before = Millis::ZERO;
    for entry in memory.entries() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_with_nothing_open_is_one_allocation_of_192_bytes_or_less() {
        assert!(size_of::<Account>() <= 192, "{}", size_of::<Account>());
        assert_eq!(std::mem::offset_of!(Account, record), 64);
    }
}
