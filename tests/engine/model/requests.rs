//! Admission: standing, then the requests window.

use super::account::{Account, Slot};
use super::figures::{Figures, UNLIMITED};
use crate::answer::{Admission, Answer};

const SPAN_MS: i64 = 60_000;
const JOIN_MS: i64 = 1_000;

impl Slot {
    pub(super) fn frees(&self) -> i64 {
        self.last + SPAN_MS
    }
}

impl Account {
    pub(super) fn admit(&mut self, cost: i128, figures: &Figures) -> Answer {
        let denied = self.denied(cost, figures);
        if denied.is_none() && cost > 0 && self.requests_limit(figures) != UNLIMITED {
            self.take(cost);
        }
        denied.unwrap_or_else(|| self.admission(("OK", "requests", 0), figures))
    }

    pub(super) fn peek(&self, cost: i128, figures: &Figures) -> Answer {
        let denied = self.denied(cost, figures);
        denied.unwrap_or_else(|| self.admission(("OK", "requests", 0), figures))
    }

    fn denied(&self, cost: i128, figures: &Figures) -> Option<Answer> {
        let limit = self.requests_limit(figures);
        let reasons = self.reasons(figures);
        if !reasons.is_empty() {
            return Some(self.admission(("SUSPENDED", &reasons, -1), figures));
        }
        if cost > limit {
            return Some(self.admission(("TOO_LARGE", "requests", -1), figures));
        }
        let mut used = self.requests_used();
        if cost == 0 || used + cost <= limit {
            return None;
        }
        let mut wait = 0;
        for slot in &self.slots {
            if used + cost > limit {
                used -= slot.units;
                wait = slot.frees() - self.latest;
            }
        }
        Some(self.admission(("RATE_LIMITED", "requests", wait), figures))
    }

    fn take(&mut self, units: i128) {
        let now = self.latest;
        match self.slots.last_mut() {
            Some(newest) if now - newest.first < JOIN_MS => {
                newest.last = now;
                newest.units += units;
            }
            _ => self.slots.push(Slot { first: now, last: now, units }),
        }
    }

    pub(super) fn requests_used(&self) -> i128 {
        self.slots.iter().map(|slot| slot.units).sum()
    }

    fn requests_limit(&self, figures: &Figures) -> i128 {
        self.limit_row("requests", figures).limit
    }

    /// The answer of this verdict, policy and retry_after, with the window as it is now.
    fn admission(
        &self,
        (verdict, policy, retry_after): (&'static str, &str, i64),
        figures: &Figures,
    ) -> Answer {
        let limit = self.requests_limit(figures);
        let (mut remaining, mut reset) = (UNLIMITED, 0);
        if limit != UNLIMITED {
            remaining = (limit - self.requests_used()).max(0);
            reset = self.slots.last().map_or(0, |newest| newest.frees() - self.latest);
        }
        let policy = policy.to_owned();
        Answer::Admission(Admission { verdict, policy, limit, remaining, reset, retry_after })
    }
}

pub fn unknown() -> Answer {
    Answer::Admission(Admission {
        verdict: "UNKNOWN_ACCOUNT",
        policy: String::new(),
        limit: UNLIMITED,
        remaining: UNLIMITED,
        reset: 0,
        retry_after: -1,
    })
}
