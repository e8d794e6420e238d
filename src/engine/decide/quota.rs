//! FW.QUOTA: GPUs and deployed models, held under leases.

use std::collections::BTreeMap;

use super::present::Present;
use super::{Decision, Missing, Request};
use crate::engine::bounds::{LEASE_COUNTS, LEASES};
use crate::engine::effect::{Change, Effect};
use crate::engine::id::{Id, Name};
use crate::engine::lease::Lease;
use crate::engine::limit::{Limit, LimitName, Units};
use crate::engine::policy::Policy;
use crate::engine::time::Millis;
use crate::engine::verdict::{Decider, Refusal, Reservation, Verdict};

/// The counts wanted for a lease, absolute; a quota not named keeps its count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// The lease.
    pub id: Id,
    /// Counts by quota, in the command's order; each quota once, and at least one.
    pub wanted: Vec<(Name, Units)>,
    /// Its time to live from now on; zero never lapses.
    pub ttl: Option<Millis>,
}

/// The heartbeat of a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renew {
    /// The lease.
    pub id: Id,
    /// The token it was given.
    pub token: i64,
    /// Its time to live from now on; zero never lapses.
    pub ttl: Option<Millis>,
}

/// The end of a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The lease.
    pub id: Id,
    /// The token it was given; any if absent.
    pub token: Option<i64>,
}

/// What really runs: every other lease up to a token is released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sync<I> {
    /// The largest token the caller saw.
    pub upto: i64,
    /// The leases that run.
    pub running: I,
}

/// How the counts wanted differ from those held.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Differs {
    grows: bool,
    shrinks: bool,
}

impl Request for Reserve {
    type Answer = Reservation;

    fn missing(&self, _policy: &Policy) -> Missing<Reservation> {
        Missing::FreshOr(unknown_account())
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Reservation>, Refusal> {
        let held = present.lease(&self.id);
        let differs = self.differs(held);
        let reasons = present.reasons();
        if !reasons.is_active() && (differs.grows || !differs.shrinks) {
            return Ok(Decision::unchanged(suspended(present, held, self.first())));
        }
        for (quota, count) in &self.wanted {
            let more = count.minus(held_of(held, quota));
            let limit = present.in_force(&LimitName::Quota(quota.clone())).limit;
            let used = present.quota_used(quota);
            if !more.is_zero() && !limit.fits(used, more) {
                return Ok(Decision::unchanged(Reservation {
                    verdict: Verdict::QuotaExceeded,
                    policy: Decider::Limit(LimitName::Quota(quota.clone())),
                    ..reservation(present, held, Some(quota))
                }));
            }
            used.plus(more).ok_or(Refusal::TooMuch("the use of the quota"))?;
        }
        if held.is_none() && differs.grows && is_full(present) {
            return Ok(Decision::unchanged(full()));
        }
        self.granted(present, held)
    }
}

impl Reserve {
    fn first(&self) -> Option<&Name> {
        self.wanted.first().map(|(quota, _)| quota)
    }

    fn differs(&self, held: Option<&Lease>) -> Differs {
        Differs {
            grows: self.wanted.iter().any(|(quota, count)| *count > held_of(held, quota)),
            shrinks: self.wanted.iter().any(|(quota, count)| *count < held_of(held, quota)),
        }
    }

    fn granted(
        &self,
        present: &Present<'_>,
        held: Option<&Lease>,
    ) -> Result<Decision<Reservation>, Refusal> {
        let counts = self.counts(held);
        if counts.len() > LEASE_COUNTS {
            return Err(Refusal::Full("quotas in one lease", LEASE_COUNTS));
        }
        let after = match held {
            _ if counts.is_empty() => None,
            Some(held) => Some(self.changed(present, held, counts)),
            None => Some(self.new_lease(present, counts)?),
        };
        let mut answer = reservation(present, after.as_ref(), self.first());
        if let Some((quota, wanted)) = self.wanted.first() {
            let others = answer.used.minus(held_of(held, quota));
            answer.used = others.plus(*wanted).ok_or(Refusal::TooMuch("the use of the quota"))?;
        }
        let effect = match (after, held) {
            (Some(lease), None) => Some(put_new(present, self.id.clone(), lease)),
            (Some(lease), Some(held)) => {
                let changes = lease != *held || present.follows_back();
                changes.then(|| put(present, self.id.clone(), lease))
            }
            (None, Some(_)) => Some(present.effect(Change::Release(vec![self.id.clone()]))),
            (None, None) => None,
        };
        let takes = self.differs(held).grows;
        Ok(Decision { answer, effect, takes })
    }

    /// The counts of the lease afterwards: those held, with those wanted over them, without zeros.
    fn counts(&self, held: Option<&Lease>) -> Vec<(Name, Units)> {
        let mut counts = held.map_or_else(Vec::new, |lease| lease.counts.clone());
        counts.retain(|(quota, _)| !self.wanted.iter().any(|(wanted, _)| wanted == quota));
        counts.extend(self.wanted.iter().filter(|(_, count)| !count.is_zero()).cloned());
        counts.sort();
        counts
    }

    fn new_lease(
        &self,
        present: &Present<'_>,
        counts: Vec<(Name, Units)>,
    ) -> Result<Lease, Refusal> {
        let token = present.account.last_token().checked_add(1);
        let token = token.ok_or(Refusal::TooMuch("the token"))?;
        let ttl = self.ttl.unwrap_or(present.policy.lease_ttl);
        Ok(Lease { token, counts, ttl, lapses: Lease::lapse(ttl, present.now) })
    }

    /// The lease with other counts. Its time starts anew, unless the account is suspended: then it
    /// only shrinks.
    fn changed(&self, present: &Present<'_>, held: &Lease, counts: Vec<(Name, Units)>) -> Lease {
        if present.reasons().is_active() {
            Lease { counts, ..renewed(held, self.ttl, present.now) }
        } else {
            Lease { counts, ..held.clone() }
        }
    }
}

impl Request for Renew {
    type Answer = Reservation;

    fn missing(&self, _policy: &Policy) -> Missing<Reservation> {
        Missing::FreshOr(unknown_account())
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Reservation>, Refusal> {
        let lease = present.lease(&self.id).ok_or(Refusal::NoLease)?;
        if lease.token != self.token {
            return Err(Refusal::Stale(lease.token));
        }
        let shown = lease.counts.first().map(|(quota, _)| quota);
        if !present.reasons().is_active() {
            return Ok(Decision::unchanged(suspended(present, Some(lease), shown)));
        }
        let after = renewed(lease, self.ttl, present.now);
        let answer = reservation(present, Some(&after), shown);
        if after == *lease && !present.follows_back() {
            return Ok(Decision::unchanged(answer));
        }
        Ok(Decision::changed(answer, put(present, self.id.clone(), after)))
    }
}

impl Request for Release {
    type Answer = usize;

    fn missing(&self, _policy: &Policy) -> Missing<usize> {
        Missing::Fresh
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<usize>, Refusal> {
        let Some(lease) = present.lease(&self.id) else {
            return Ok(Decision::unchanged(0));
        };
        if self.token.is_some_and(|token| token != lease.token) {
            return Err(Refusal::Stale(lease.token));
        }
        let effect = present.effect(Change::Release(vec![self.id.clone()]));
        Ok(Decision::changed(1, effect))
    }
}

impl<'a, I: Iterator<Item = &'a [u8]> + Clone> Request for Sync<I> {
    type Answer = usize;

    fn missing(&self, _policy: &Policy) -> Missing<usize> {
        Missing::Fresh
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<usize>, Refusal> {
        let Some(leases) = present.account.leases() else {
            return Ok(Decision::unchanged(0));
        };
        let seen = leases.all_living(present.now).filter(|(_, lease)| lease.token <= self.upto);
        // As many as there are leases, however many ids the caller lists.
        let mut gone: BTreeMap<&[u8], &Id> = seen.map(|(id, _)| (id.as_bytes(), id)).collect();
        for running in self.running.clone() {
            gone.remove(running);
        }
        if gone.is_empty() {
            return Ok(Decision::unchanged(0));
        }
        let ids: Vec<Id> = gone.into_values().cloned().collect();
        let answer = ids.len();
        Ok(Decision::changed(answer, present.effect(Change::Release(ids))))
    }
}

fn renewed(lease: &Lease, ttl: Option<Millis>, now: Millis) -> Lease {
    let ttl = ttl.unwrap_or(lease.ttl);
    Lease { ttl, lapses: Lease::lapse(ttl, now), ..lease.clone() }
}

fn put(present: &Present<'_>, id: Id, lease: Lease) -> Effect {
    present.effect(Change::Lease(Box::new((id, lease))))
}

/// Stores a lease under a token that was never given before.
fn put_new(present: &Present<'_>, id: Id, lease: Lease) -> Effect {
    let token = lease.token;
    let with_token = present.with(|after| after.last_token = token);
    put(&with_token, id, lease)
}

fn held_of(held: Option<&Lease>, quota: &Name) -> Units {
    held.map_or(Units::ZERO, |lease| lease.count(quota))
}

fn is_full(present: &Present<'_>) -> bool {
    present.account.leases().is_some_and(|leases| leases.count(present.now) >= LEASES)
}

fn suspended(present: &Present<'_>, lease: Option<&Lease>, shown: Option<&Name>) -> Reservation {
    Reservation {
        verdict: Verdict::Suspended,
        policy: Decider::Reasons(present.reasons()),
        ..reservation(present, lease, shown)
    }
}

/// The answer that shows a lease, and one quota as it is before the command.
fn reservation(present: &Present<'_>, lease: Option<&Lease>, shown: Option<&Name>) -> Reservation {
    let ttl = match lease {
        Some(lease) if lease.lapses == Millis::NEVER => Millis::NEVER,
        Some(lease) => lease.lapses.since(present.now),
        None => Millis::ZERO,
    };
    let limit = |quota: &Name| present.in_force(&LimitName::Quota(quota.clone())).limit;
    Reservation {
        verdict: Verdict::Ok,
        token: lease.map_or(0, |lease| lease.token),
        ttl,
        policy: Decider::Nothing,
        limit: shown.map_or(Limit::At(Units::ZERO), limit),
        used: shown.map_or(Units::ZERO, |quota| present.quota_used(quota)),
    }
}

fn full() -> Reservation {
    let bound = Units::new(i64::try_from(LEASES).unwrap_or(i64::MAX)).unwrap_or_default();
    Reservation {
        verdict: Verdict::QuotaExceeded,
        policy: Decider::Bound("leases"),
        limit: Limit::At(bound),
        used: bound,
        ..unknown_account()
    }
}

fn unknown_account() -> Reservation {
    Reservation {
        verdict: Verdict::UnknownAccount,
        token: 0,
        ttl: Millis::ZERO,
        policy: Decider::Nothing,
        limit: Limit::At(Units::ZERO),
        used: Units::ZERO,
    }
}
