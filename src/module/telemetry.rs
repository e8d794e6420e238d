//! INFO fw: what the module did, in numbers.

use std::ffi::CStr;

use crate::command::Tally;
use crate::engine::apply::Cleared;
use crate::engine::verdict::Verdict;

/// Counts since the module loaded.
#[derive(Default)]
pub(super) struct Counters {
    admitted: u64,
    unknown_account: u64,
    suspended: u64,
    too_large: u64,
    over_budget: u64,
    rate_limited: u64,
    concurrency_limited: u64,
    in_flight: u64,
    quota_exceeded: u64,
    spends: u64,
    duplicates: u64,
    conflicts: u64,
    late_spends: u64,
    lapsed_holds: u64,
    lapsed_leases: u64,
    forgotten_ids: u64,
    pub effects_applied: u64,
    divergences: u64,
}

impl Counters {
    /// Counts an effect that was not made so, or not sent on.
    pub(super) fn diverged(&mut self) {
        self.divergences = self.divergences.saturating_add(1);
    }

    /// Counts what a command came to.
    pub(super) fn tally(&mut self, tally: Tally) {
        let counter = match tally {
            Tally::Nothing => return,
            Tally::Admitted => &mut self.admitted,
            Tally::Denied(Verdict::UnknownAccount) => &mut self.unknown_account,
            Tally::Denied(Verdict::Suspended) => &mut self.suspended,
            Tally::Denied(Verdict::TooLarge) => &mut self.too_large,
            Tally::Denied(Verdict::OverBudget) => &mut self.over_budget,
            Tally::Denied(Verdict::ConcurrencyLimited) => &mut self.concurrency_limited,
            Tally::Denied(Verdict::InFlight) => &mut self.in_flight,
            Tally::Denied(Verdict::RateLimited) => &mut self.rate_limited,
            Tally::Denied(Verdict::QuotaExceeded) => &mut self.quota_exceeded,
            Tally::Denied(Verdict::Ok | Verdict::Duplicate) => return,
            Tally::Spend => &mut self.spends,
            Tally::Duplicate => &mut self.duplicates,
            Tally::LateSpend => {
                self.late_spends = self.late_spends.saturating_add(1);
                &mut self.spends
            }
        };
        *counter = counter.saturating_add(1);
    }

    /// Counts a conflict.
    pub(super) fn conflict(&mut self) {
        self.conflicts = self.conflicts.saturating_add(1);
    }

    /// Counts what was cleared away in passing.
    pub(super) fn cleared(&mut self, cleared: Cleared) {
        self.lapsed_holds = self.lapsed_holds.saturating_add(cleared.lapsed_holds.into());
        self.lapsed_leases = self.lapsed_leases.saturating_add(cleared.lapsed_leases.into());
        self.forgotten_ids = self.forgotten_ids.saturating_add(cleared.forgotten_ids.into());
    }

    /// Every count with its name.
    pub(super) fn rows(&self) -> [(&'static CStr, u64); 18] {
        [
            (c"admitted", self.admitted),
            (c"denied_unknown_account", self.unknown_account),
            (c"denied_suspended", self.suspended),
            (c"denied_too_large", self.too_large),
            (c"denied_over_budget", self.over_budget),
            (c"denied_rate_limited", self.rate_limited),
            (c"denied_concurrency_limited", self.concurrency_limited),
            (c"denied_in_flight", self.in_flight),
            (c"denied_quota_exceeded", self.quota_exceeded),
            (c"spends", self.spends),
            (c"duplicates", self.duplicates),
            (c"conflicts", self.conflicts),
            (c"late_spends", self.late_spends),
            (c"lapsed_holds", self.lapsed_holds),
            (c"lapsed_leases", self.lapsed_leases),
            (c"forgotten_ids", self.forgotten_ids),
            (c"effects_applied", self.effects_applied),
            (c"divergences", self.divergences),
        ]
    }
}
