//! FW.ADMIT and FW.PEEK: may this request be served?
//!
//! The first rule that fails decides, in the order of [`Verdict`]. All of a request is taken, or
//! nothing.

use super::present::Present;
use super::{Decision, Missing, Request};
use crate::engine::effect::Change;
use crate::engine::limit::{Limit, LimitName, Units};
use crate::engine::policy::Policy;
use crate::engine::verdict::{Admission, Decider, Refusal, Retry, Shown, Verdict};
use crate::engine::window::SPAN;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admit {
    /// Requests it counts as.
    pub cost: Units,
}

/// FW.PEEK: what FW.ADMIT would answer, with nothing taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peek(pub Admit);

impl Request for Admit {
    type Answer = Admission;

    fn missing(&self, _policy: &Policy) -> Missing<Admission> {
        Missing::FreshOr(unknown_account())
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Admission>, Refusal> {
        let limit = present.in_force(&LimitName::Requests).limit;
        if let Some(denial) = self.denied(present, limit) {
            return Ok(Decision::unchanged(denial));
        }
        let Limit::At(_) = limit else {
            return Ok(Decision::unchanged(admitted(Shown::UNLIMITED)));
        };
        if self.cost.is_zero() {
            return Ok(Decision::unchanged(admitted(shown(present, limit))));
        }
        let window = &present.account.requests;
        let used = window.used(present.now).plus(self.cost).ok_or(Refusal::TooMuch("requests"))?;
        let shown = Shown { limit, remaining: limit.remaining(used), reset: SPAN };
        Ok(Decision::changed(admitted(shown), present.effect(Change::Admit(self.cost))))
    }
}

impl Request for Peek {
    type Answer = Admission;

    fn missing(&self, policy: &Policy) -> Missing<Admission> {
        self.0.missing(policy)
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Admission>, Refusal> {
        let limit = present.in_force(&LimitName::Requests).limit;
        let denial = self.0.denied(present, limit);
        Ok(Decision::unchanged(denial.unwrap_or_else(|| admitted(shown(present, limit)))))
    }
}

impl Admit {
    /// The first rule that forbids the request, as its answer.
    fn denied(&self, present: &Present<'_>, limit: Limit<Units>) -> Option<Admission> {
        let deny = |verdict, policy, retry| {
            Some(Admission { verdict, policy, window: shown(present, limit), retry })
        };
        let reasons = present.reasons();
        if !reasons.is_active() {
            return deny(Verdict::Suspended, Decider::Reasons(reasons), Retry::Never);
        }
        let Limit::At(most) = limit else { return None };
        if self.cost > most {
            return deny(Verdict::TooLarge, REQUESTS, Retry::Never);
        }
        let window = &present.account.requests;
        let used = window.used(present.now);
        if self.cost.is_zero() || limit.fits(used, self.cost) {
            return None;
        }
        let lacking = used.minus(most.minus(self.cost));
        let retry = window.frees(lacking, present.now).map_or(Retry::Never, Retry::After);
        deny(Verdict::RateLimited, REQUESTS, retry)
    }
}

const REQUESTS: Decider = Decider::Limit("requests");

fn admitted(window: Shown) -> Admission {
    Admission { verdict: Verdict::Ok, policy: REQUESTS, window, retry: Retry::Now }
}

fn unknown_account() -> Admission {
    Admission {
        verdict: Verdict::UnknownAccount,
        policy: Decider::Nothing,
        window: Shown::UNLIMITED,
        retry: Retry::Never,
    }
}

/// The requests window as it is now.
fn shown(present: &Present<'_>, limit: Limit<Units>) -> Shown {
    if limit == Limit::Unlimited {
        return Shown::UNLIMITED;
    }
    let window = &present.account.requests;
    let remaining = limit.remaining(window.used(present.now));
    Shown { limit, remaining, reset: window.reset(present.now) }
}
