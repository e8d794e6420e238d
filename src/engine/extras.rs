//! What few accounts have: limits of their own, leases, ids of charges, failed invoices and the like.
//!
//! It lies apart from the account's holds, and is absent while there is none of it.
//! Invariants: [`Extras::check`] names them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use thin_vec::ThinVec;

use super::act::Kept;
use super::bounds;
use super::id::{Id, Name};
use super::lease::{Lease, Leases};
use super::limit::{LimitName, Override, Units};
use super::log::{self, Row};
use super::many_holds::ManyHolds;
use super::many_ids::ManyIds;
use super::memory::Memory;
use super::standing::Reason;
use super::time::Millis;
use super::window::Window;

/// What few accounts have. Copies of an account share what can be large until one changes.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// Remembered ids of spends.
    pub spends: Memory,
    /// Remembered ids of billing events.
    pub billings: Memory,
    /// Holds, if they are not few.
    pub many_holds: Option<Arc<ManyHolds>>,
    /// Closed holds, if they are not few.
    pub many_closed: Option<Arc<ManyIds>>,
    /// GPUs and models it holds; absent where there are none.
    pub leases: Option<Box<Leases>>,
    /// Tiers earned before the one earned last; they stay earned.
    pub former_tiers: ThinVec<Name>,
    /// Limits of its own; none is at its default.
    pub limits: BTreeMap<LimitName, Override>,
    /// Rate windows beside that of all requests: of tokens, and of scopes that have a limit.
    pub windows: BTreeMap<LimitName, Window>,
    /// The largest token ever given to a lease.
    pub last_token: i64,
    /// The tier the operator pinned: a tier's name, or `unlimited`.
    pub pinned: Option<Name>,
    /// Invoices that failed and are neither paid nor voided.
    pub failed: BTreeSet<Id>,
    /// Why an operator blocked it, if one did.
    pub blocked: Option<Box<Reason>>,
    /// What changed of its standing, tier and limits, oldest first.
    pub log: ThinVec<Row>,
}

impl Extras {
    /// One of its memories; none of these keeps the ids of closed holds.
    #[must_use]
    pub const fn memory(&self, kept: Kept) -> Option<&Memory> {
        match kept {
            Kept::Spends => Some(&self.spends),
            Kept::Billings => Some(&self.billings),
            Kept::Closed => None,
        }
    }

    /// One of its memories, to be changed.
    pub const fn memory_mut(&mut self, kept: Kept) -> Option<&mut Memory> {
        match kept {
            Kept::Spends => Some(&mut self.spends),
            Kept::Billings => Some(&mut self.billings),
            Kept::Closed => None,
        }
    }

    /// Holds if there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.has_parts() && self.last_token == 0 && self.pinned.is_none()
    }

    /// Holds if there is anything in it but plain figures.
    #[must_use]
    pub fn has_parts(&self) -> bool {
        self.many_holds.is_some()
            || self.many_closed.is_some()
            || !self.spends.is_empty()
            || !self.billings.is_empty()
            || self.leases.is_some()
            || !self.limits.is_empty()
            || !self.windows.is_empty()
            || !self.former_tiers.is_empty()
            || !self.failed.is_empty()
            || self.blocked.is_some()
            || !self.log.is_empty()
    }

    /// How many limits of a kind it has.
    #[must_use]
    pub fn limits_of(&self, kind: LimitKind) -> usize {
        self.limits.keys().filter(|name| LimitKind::of(name) == Some(kind)).count()
    }

    /// How many rows it is made of, beside holds.
    #[must_use]
    pub fn rows(&self) -> usize {
        let lists = [self.limits.len(), self.windows.len(), self.failed.len(), self.log.len()];
        let leases = self.leases.as_deref().map_or(0, Leases::len);
        let ids = [self.spends.len(), self.billings.len(), leases];
        lists.into_iter().chain(ids).fold(0, usize::saturating_add)
    }

    /// Memory it takes, in bytes, its own size included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let row = size_of::<(LimitName, Window)>();
        let window = |window: &Window| row.saturating_add(window.heap_bytes());
        let leases = |leases: &Leases| size_of::<Leases>().saturating_add(leases.heap_bytes());
        let failed = |id: &Id| size_of::<Id>().saturating_add(id.heap_bytes());
        let holds = |many: &ManyHolds| size_of::<ManyHolds>().saturating_add(many.heap_bytes());
        let closed = |many: &ManyIds| size_of::<ManyIds>().saturating_add(many.heap_bytes());
        let parts = [
            size_of::<Self>(),
            self.many_holds.as_deref().map_or(0, holds),
            self.many_closed.as_deref().map_or(0, closed),
            self.leases.as_deref().map_or(0, leases),
            self.spends.heap_bytes(),
            self.billings.heap_bytes(),
            self.limits.len().saturating_mul(size_of::<(LimitName, Override)>()),
            self.former_tiers.capacity().saturating_mul(size_of::<Name>()),
            self.blocked.as_deref().map_or(0, reason_bytes),
            self.log.iter().map(row_bytes).fold(0, usize::saturating_add),
            self.windows.values().map(window).fold(0, usize::saturating_add),
            self.failed.iter().map(failed).fold(0, usize::saturating_add),
        ];
        parts.into_iter().fold(0, usize::saturating_add)
    }

    /// Checks what an account last changed at `latest` has.
    ///
    /// # Errors
    /// Says, in a few words, what does not hold.
    pub fn check(&self, latest: Millis) -> Result<(), &'static str> {
        let too_many = self.leases.as_deref().map_or(0, Leases::len) > bounds::LEASES
            || [LimitKind::Quota, LimitKind::Scoped]
                .iter()
                .any(|kind| self.limits_of(*kind) > kind.bound())
            || self.former_tiers.len() > bounds::FORMER_TIERS
            || self.failed.len() > bounds::FAILED_INVOICES;
        if too_many {
            return Err("a bound is passed");
        }
        if self.last_token < 0 {
            return Err("a token is negative");
        }
        if self.limits.values().any(Override::is_default) {
            return Err("a limit of the account's own is at its default");
        }
        self.check_windows()?;
        log::check(&self.log, latest)?;
        check_leases(self.leases.as_deref(), latest, self.last_token)
    }

    fn check_windows(&self) -> Result<(), &'static str> {
        let has_limit = |name: &LimitName| match name {
            LimitName::Tokens => true,
            LimitName::Scoped(..) => self.limits.contains_key(name),
            _ => false,
        };
        if !self.windows.keys().all(has_limit) || self.windows.values().any(Window::is_empty) {
            return Err("a window is stored that cannot be");
        }
        Ok(())
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

fn reason_bytes(reason: &Reason) -> usize {
    size_of::<Reason>().saturating_add(reason.as_bytes().len())
}

fn row_bytes(row: &Row) -> usize {
    size_of::<Row>().saturating_add(row.cause.as_bytes().len())
}

fn check_leases(
    leases: Option<&Leases>,
    latest: Millis,
    last_token: i64,
) -> Result<(), &'static str> {
    let Some(leases) = leases else { return Ok(()) };
    if leases.is_empty() {
        return Err("the leases are none");
    }
    let mut tokens = std::collections::BTreeSet::new();
    for (_, lease) in leases.entries() {
        if lease.token < 1 || lease.token > last_token || !tokens.insert(lease.token) {
            return Err("a lease's token is not its own");
        }
        if lease.lapses < Millis::ZERO || lease.lapses > Lease::lapse(lease.ttl, latest) {
            return Err("a lease lapses at the wrong time");
        }
        if !(0..=bounds::YEAR_MS).contains(&lease.ttl.0) || lease.counts.is_empty() {
            return Err("a lease is out of range");
        }
        let pairs = || lease.counts.iter().zip(lease.counts.iter().skip(1));
        if pairs().any(|(a, b)| a.0 >= b.0) || lease.counts.iter().any(|(_, count)| count.is_zero())
        {
            return Err("a lease's counts are out of order");
        }
    }
    check_used(leases, latest)
}

/// What is held of a quota fits, and is what the living leases hold.
fn check_used(leases: &Leases, latest: Millis) -> Result<(), &'static str> {
    let mut used = BTreeMap::<&Name, Units>::new();
    for (quota, count) in leases.all_living(latest).flat_map(|(_, lease)| &lease.counts) {
        let sum = used.entry(quota).or_default();
        *sum = sum.plus(*count).ok_or("the use of a quota does not fit")?;
    }
    let sum = |quota| used.get(quota).copied().unwrap_or_default();
    if leases.quotas().all(|quota| leases.used(quota, latest) == sum(quota)) {
        Ok(())
    } else {
        Err("the use of a quota is not the sum of its leases")
    }
}
