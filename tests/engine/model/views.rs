//! What FW.GET, FW.QUOTAS and FW.LEASES show.

use std::collections::BTreeSet;

use super::account::Account;
use super::figures::Figures;
use crate::answer::{AccountRow, Answer, Error, LeaseRow};
use crate::script::{is_quota, is_scoped};

impl Account {
    pub(super) fn view_account(&self, figures: &Figures) -> Answer {
        let next = self.earned_place(figures).map_or(0, |place| place + 1);
        let next_tier = figures.tiers.get(next);
        let lacks = |history: i128| (history - self.history).max(0);
        Answer::Account(Box::new(AccountRow {
            statement: self.statement("OK", figures),
            tier_source: self.tier(figures).2,
            payment_method: self.payment_method,
            limit: self.limit_row("spend", figures),
            credits: self.credits,
            promo: self.promo,
            owed: self.owed,
            history: self.history,
            next_tier: next_tier.map(|row| (row.name.clone(), lacks(row.history))),
            period: self.period,
            previous_spent: self.previous_spent,
            open_holds: self.open.len(),
            leases: self.leases.len(),
            failed_invoices: self.failed.len(),
            blocked: self.blocked.clone(),
            anchor: self.anchor_day(figures),
            created: self.created,
        }))
    }

    pub(super) fn view_limits(
        &self,
        name: Option<&str>,
        figures: &Figures,
    ) -> Result<Answer, Error> {
        let is_gone = |name: &&str| is_quota(name) && figures.quota(name).is_none();
        if let Some(name) = name {
            if is_gone(&name) && self.quota_used(name) == 0 {
                return Err(Error::UnknownQuota);
            }
            return Ok(Answer::Limit(self.limit_row(name, figures)));
        }
        let mut names = vec!["requests", "tokens", "concurrency", "spend"];
        names.extend(figures.quotas.iter().map(|(name, _)| name.as_str()));
        // Quotas that left the platform are shown while leases hold them.
        let held = self.leases.values().flat_map(|lease| lease.counts.keys().map(String::as_str));
        names.extend(held.filter(is_gone).collect::<BTreeSet<_>>());
        names.extend(self.limits.keys().map(String::as_str).filter(|name| is_scoped(name)));
        Ok(Answer::Limits(names.iter().map(|name| self.limit_row(name, figures)).collect()))
    }

    pub(super) fn view_leases(&self, count: usize) -> Answer {
        let rows = self.leases.iter().take(count).map(|(id, lease)| LeaseRow {
            id: id.clone(),
            token: lease.token,
            quotas: lease.counts.clone().into_iter().collect(),
            ttl: lease.ttl,
            lapses: lease.lapses.unwrap_or(-1),
        });
        Answer::Leases(rows.collect())
    }
}
