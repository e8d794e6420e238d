//! Quotas: leases of counts, with tokens and a time to live.

use std::collections::BTreeMap;

use super::account::{Account, Lease};
use super::figures::{Figures, MOST};
use crate::answer::{Answer, Error, Reservation};
use crate::script::id_text;

const LEASES: usize = 1_000;
const QUOTAS_IN_ONE_LEASE: usize = 128;

/// A lease's id, the counts wanted of it, and its time to live if one was given.
type Reserve<'a> = (&'a str, &'a [(String, i128)], Option<i64>);
/// A lease's id, the token named, and its time to live if one was given.
type Renew<'a> = (&'a str, i64, Option<i64>);

impl Lease {
    pub(super) fn count(&self, quota: &str) -> i128 {
        self.counts.get(quota).copied().unwrap_or(0)
    }

    fn start(&mut self, ttl: i64, now: i64) {
        self.ttl = ttl;
        self.lapses = (ttl > 0).then(|| now + ttl);
    }
}

impl Account {
    pub(super) fn quota_used(&self, quota: &str) -> i128 {
        self.leases.values().map(|lease| lease.count(quota)).sum()
    }

    fn leased(&self, id: &str, quota: &str) -> i128 {
        self.leases.get(id).map_or(0, |lease| lease.count(quota))
    }

    pub(super) fn reserve(
        &mut self,
        (id, wanted, ttl): Reserve<'_>,
        figures: &Figures,
    ) -> Result<Answer, Error> {
        let grows = wanted.iter().any(|(quota, count)| *count > self.leased(id, quota));
        let shrinks = wanted.iter().any(|(quota, count)| *count < self.leased(id, quota));
        let reasons = self.reasons(figures);
        let first = Some(wanted[0].0.as_str());
        if !reasons.is_empty() && (grows || !shrinks) {
            return Ok(self.reservation(id, ("SUSPENDED", &reasons, first), figures));
        }
        for (quota, count) in wanted {
            let after = self.quota_used(quota) - self.leased(id, quota) + count;
            let grows = *count > self.leased(id, quota);
            if grows && after > self.limit_row(quota, figures).limit {
                let said = ("QUOTA_EXCEEDED", quota.as_str(), Some(quota.as_str()));
                return Ok(self.reservation(id, said, figures));
            }
            if after > MOST {
                return Err(Error::TooMuch);
            }
        }
        let is_new = !self.leases.contains_key(id);
        if is_new && grows && self.leases.len() >= LEASES {
            return Ok(full());
        }
        if is_new && grows {
            self.last_token += 1;
            let (token, ttl) = (self.last_token, figures.lease_ttl);
            let lease = Lease { token, counts: BTreeMap::new(), ttl, lapses: None };
            self.leases.insert(id.to_owned(), lease);
        }
        if let Some(lease) = self.leases.get_mut(id) {
            lease.counts.extend(wanted.iter().cloned());
            lease.counts.retain(|_, count| *count > 0);
            if lease.counts.len() > QUOTAS_IN_ONE_LEASE {
                return Err(Error::Full(QUOTAS_IN_ONE_LEASE));
            }
            if reasons.is_empty() {
                lease.start(ttl.unwrap_or(lease.ttl), self.latest);
            }
        }
        self.leases.retain(|_, lease| !lease.counts.is_empty());
        Ok(self.reservation(id, ("OK", "", first), figures))
    }

    pub(super) fn renew(
        &mut self,
        (id, token, ttl): Renew<'_>,
        figures: &Figures,
    ) -> Result<Answer, Error> {
        let (now, reasons) = (self.latest, self.reasons(figures));
        let lease = self.leases.get_mut(id).ok_or(Error::NoLease)?;
        if lease.token != token {
            return Err(Error::Stale(lease.token));
        }
        let first = lease.counts.keys().next().cloned();
        let verdict = if reasons.is_empty() { "OK" } else { "SUSPENDED" };
        if reasons.is_empty() {
            lease.start(ttl.unwrap_or(lease.ttl), now);
        }
        Ok(self.reservation(id, (verdict, &reasons, first.as_deref()), figures))
    }

    pub(super) fn release(&mut self, id: &str, token: Option<i64>) -> Result<Answer, Error> {
        match self.leases.get(id) {
            None => Ok(Answer::Count(0)),
            Some(lease) if token.is_some_and(|token| token != lease.token) => {
                Err(Error::Stale(lease.token))
            }
            Some(_) => {
                self.leases.remove(id);
                Ok(Answer::Count(1))
            }
        }
    }

    pub(super) fn sync(&mut self, upto: i64, running: &[u32]) -> Answer {
        let running: Vec<String> = running.iter().map(|id| id_text(*id)).collect();
        let before = self.leases.len();
        self.leases.retain(|id, lease| lease.token > upto || running.contains(id));
        Answer::Count(before - self.leases.len())
    }

    /// The answer of this verdict and policy that shows a lease as it stands, and one quota.
    fn reservation(
        &self,
        id: &str,
        (verdict, policy, shown): (&'static str, &str, Option<&str>),
        figures: &Figures,
    ) -> Answer {
        let lease = self.leases.get(id);
        let row = shown.map(|quota| self.limit_row(quota, figures));
        Answer::Reservation(Reservation {
            verdict,
            token: lease.map_or(0, |lease| lease.token),
            ttl: lease.map_or(0, |lease| lease.lapses.map_or(-1, |lapses| lapses - self.latest)),
            policy: policy.to_owned(),
            limit: row.as_ref().map_or(0, |row| row.limit),
            used: row.map_or(0, |row| row.used),
        })
    }
}

fn full() -> Answer {
    let (verdict, policy) = ("QUOTA_EXCEEDED", "leases".to_owned());
    Answer::Reservation(Reservation {
        verdict,
        token: 0,
        ttl: 0,
        policy,
        limit: 1_000,
        used: 1_000,
    })
}

pub fn unknown() -> Answer {
    let (verdict, policy) = ("UNKNOWN_ACCOUNT", String::new());
    Answer::Reservation(Reservation { verdict, token: 0, ttl: 0, policy, limit: 0, used: 0 })
}
