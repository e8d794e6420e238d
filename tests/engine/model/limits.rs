//! Limits: VALUE within MAX, and FW.LIMIT.

use super::account::Account;
use super::figures::{Figures, UNLIMITED};
use crate::answer::{Answer, Error, LimitRow};
use crate::script::{To, is_quota, is_scoped};

/// An account has at most so many limits within scopes, and as many of quotas.
const SCOPED_LIMITS: usize = 64;
const QUOTA_LIMITS: usize = 64;

impl Account {
    pub(super) fn limit(
        &mut self,
        name: &str,
        to: (Option<To>, Option<To>),
        figures: &Figures,
    ) -> Result<Answer, Error> {
        let (value, max) = self.limits.get(name).copied().unwrap_or_default();
        let after = (to.0.unwrap_or(value), to.1.unwrap_or(max));
        let is_known = self.limits.contains_key(name);
        if after == (None, None) {
            self.limits.remove(name);
            if is_scoped(name) {
                self.windows.remove(name);
            }
        } else {
            self.limits.insert(name.to_owned(), after);
        }
        let row = self.limit_row(name, figures);
        if to.0.flatten().is_some_and(|value| value > row.max) {
            return Err(Error::NotAllowed);
        }
        if !is_known && self.limits.contains_key(name) {
            self.check_room(name)?;
        }
        Ok(Answer::Limit(row))
    }

    fn check_room(&self, name: &str) -> Result<(), Error> {
        let names = || self.limits.keys();
        let scoped = names().filter(|name| is_scoped(name)).count();
        let quotas = names().filter(|name| is_quota(name)).count();
        if is_scoped(name) && scoped > SCOPED_LIMITS {
            Err(Error::Full(SCOPED_LIMITS))
        } else if is_quota(name) && quotas > QUOTA_LIMITS {
            Err(Error::Full(QUOTA_LIMITS))
        } else {
            Ok(())
        }
    }

    /// A limit as FW.QUOTAS shows it.
    pub(super) fn limit_row(&self, name: &str, figures: &Figures) -> LimitRow {
        let (mut max, mut source, used) = match name {
            "requests" => (figures.requests, "platform", self.counted(name)),
            "tokens" => (figures.tokens, "platform", self.counted(name)),
            "concurrency" => {
                (figures.concurrency, "platform", i128::try_from(self.open.len()).unwrap())
            }
            "spend" => (self.tier(figures).1, "tier", self.spent + self.held()),
            _ if is_scoped(name) => (UNLIMITED, "platform", self.counted(name)),
            _ => (figures.quota(name).unwrap_or(0), "platform", self.quota_used(name)),
        };
        let is_gone = is_quota(name) && figures.quota(name).is_none();
        let mut limit = max;
        if let Some(own) = self.limits.get(name).filter(|_| !is_gone) {
            if let Some(most) = own.1 {
                (max, source) = (most, "operator");
            }
            limit = max;
            if let Some(value) = own.0.filter(|value| *value <= max) {
                (limit, source) = (value, "customer");
            }
        }
        LimitRow { name: name.to_owned(), limit, max, used, source }
    }
}
