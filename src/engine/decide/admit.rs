//! FW.ADMIT and FW.PEEK: may this request be served?
//!
//! The first rule that fails decides, in the order of [`Verdict`]. All of a request is taken, or
//! nothing: requests and tokens in every window that limits them, and a hold.

use super::gauge::{Asks, Gauges, When, Whose};
use super::kept::Known;
use super::present::Present;
use super::purse::{Judged, Purse};
use super::{Decision, Missing, Request};
use crate::engine::act::Kept;
use crate::engine::effect::{
    Change, Count, Effect, HoldChange, Meters, NewFigures, Onto, ScopeMeters,
};
use crate::engine::hold::{Details, Hold};
use crate::engine::id::{Id, Scope};
use crate::engine::limit::{Limit, LimitName, Meter, Units};
use crate::engine::money::Money;
use crate::engine::policy::Policy;
use crate::engine::time::Millis;
use crate::engine::verdict::{Admission, Decider, Refusal, Retry, Shown, Verdict};

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admit {
    /// Requests it counts as.
    pub cost: Units,
    /// The sub-limit it falls under.
    pub scope: Option<Scope>,
    /// Tokens it reserves.
    pub tokens: Option<Units>,
    /// Money it sets aside.
    pub hold: Option<Ask>,
}

/// Money to be set aside under an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// What makes a repeated command harmless, and what the request is settled under.
    pub id: Id,
    /// How much.
    pub amount: Money,
    /// Its time to live, 1 ms to a day.
    pub ttl: Option<Millis>,
}

/// FW.PEEK: what FW.ADMIT would answer, with nothing taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peek(pub Admit);

impl Request for Admit {
    type Answer = Admission;

    fn missing(&self, _policy: &Policy) -> Missing<Admission> {
        Missing::FreshOr(self.unknown_account())
    }

    #[inline(always)]
    fn recalls(&self) -> Option<Kept> {
        self.hold.as_ref().map(|_| Kept::Closed)
    }

    #[inline(always)]
    fn decide(&self, present: &Present<'_>) -> Result<Decision<Admission>, Refusal> {
        let Some((limit, remaining)) = self.window_of_short_cut(present) else {
            return self.decide_by_all_rules(present);
        };
        // Each decision is built where it is returned, its answer last: none is copied.
        let Some(ask) = &self.hold else {
            return Ok(Decision {
                takes: false,
                effect: Some(Effect {
                    time: present.now,
                    onto: Onto::Standing,
                    figures: NewFigures::Kept,
                    forget: present.forget(None, None),
                    change: Change::Admit(self.cost),
                }),
                answer: Admission::plain(limit, remaining),
            });
        };
        if !self.hold_fits(ask, present) {
            return self.decide_by_all_rules(present);
        }
        let ttl = ask.ttl.unwrap_or(present.policy.hold_ttl);
        Ok(Decision {
            takes: true,
            effect: Some(Effect {
                time: present.now,
                onto: Onto::Standing,
                figures: NewFigures::Kept,
                forget: present.forget(None, Some(&ask.id)),
                change: Change::Meter(Meters {
                    requests: self.cost,
                    tokens: Count::None,
                    scope: None,
                    hold: HoldChange::Put(ask.id.clone(), Hold::new(ask.amount, ttl, present.now)),
                }),
            }),
            answer: Admission::plain(limit, remaining),
        })
    }
}

impl Admit {
    /// The limit, and what is left of it, after what nearly every call is: requests, and a hold perhaps,
    /// of an account that is active and has room. Nothing else matters then, and nothing need be built
    /// for the other rules. They would answer the same, and decide whatever this does not admit.
    #[inline(always)]
    fn window_of_short_cut(&self, present: &Present<'_>) -> Option<(Units, Units)> {
        let asks_more = self.scope.is_some() || self.tokens.is_some() || self.cost.is_zero();
        if asks_more || !present.is_quiet_if_active() {
            return None;
        }
        let Limit::At(limit) = present.in_force(&LimitName::Requests).limit else { return None };
        let used = present.account.requests.used(present.now);
        if !Limit::At(limit).fits(used, self.cost) || !present.reasons().is_active() {
            return None;
        }
        Some((limit, limit.minus(used).minus(self.cost)))
    }

    /// Holds if such a request can have its hold: its id is new, and it fits whole.
    fn hold_fits(&self, ask: &Ask, present: &Present<'_>) -> bool {
        let is_new = present.account.parts.is_new_among_few(&ask.id);
        if !is_new && present.known_hold(&ask.id).is_some() {
            return false;
        }
        // What fits beside the open holds fits alone.
        let purse = Purse::of(present, ask.amount);
        purse.beside_open_holds(present).is_none() && purse.check_sum().is_ok()
    }

    #[inline(never)]
    fn decide_by_all_rules(&self, present: &Present<'_>) -> Result<Decision<Admission>, Refusal> {
        let gauges = self.gauges(present);
        let purse = self.purse(present);
        let judged = self.judge(present, &gauges, purse.as_ref())?;
        let (change, when) = match judged.verdict {
            Verdict::Ok => (self.change(present, &gauges, purse.as_ref())?, When::After),
            _ => (Change::None, When::Before),
        };
        let effect = match change {
            Change::None => None,
            change => Some(present.effect(change)),
        };
        Ok(Decision {
            takes: self.hold.is_some(),
            effect,
            answer: self.answer(judged, &gauges, when),
        })
    }
}

impl Request for Peek {
    type Answer = Admission;

    fn missing(&self, policy: &Policy) -> Missing<Admission> {
        self.0.missing(policy)
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Admission>, Refusal> {
        let gauges = self.0.gauges(present);
        let purse = self.0.purse(present);
        self.0.peek(present, &gauges, purse.as_ref()).map(Decision::unchanged)
    }
}

impl Admit {
    #[inline(always)]
    pub(super) fn gauges<'a>(&'a self, present: &Present<'a>) -> Gauges<'a> {
        let (requests, tokens, scope) = (self.cost, self.tokens, self.scope.as_ref());
        Gauges::of(Asks { requests, tokens, scope }, present)
    }

    #[inline(always)]
    pub(super) fn purse(&self, present: &Present<'_>) -> Option<Purse> {
        self.hold.as_ref().map(|ask| Purse::of(present, ask.amount))
    }

    /// What the request would be answered, with nothing taken.
    pub(super) fn peek(
        &self,
        present: &Present<'_>,
        gauges: &Gauges<'_>,
        purse: Option<&Purse>,
    ) -> Result<Admission, Refusal> {
        let judged = self.judge(present, gauges, purse)?;
        if judged.verdict == Verdict::Ok {
            // What would be an error is one here too.
            self.change(present, gauges, purse)?;
        }
        Ok(self.answer(judged, gauges, When::Before))
    }

    /// Judges the request: admitted before under its hold, denied, or admitted.
    #[inline(always)]
    fn judge(
        &self,
        present: &Present<'_>,
        gauges: &Gauges<'_>,
        purse: Option<&Purse>,
    ) -> Result<Judged, Refusal> {
        let admitted = |verdict| Judged { verdict, policy: None, retry: Retry::Now };
        if let Some(ask) = &self.hold {
            match present.known_hold(&ask.id) {
                Some(Known::Open(hold)) if hold.amount == ask.amount => {
                    return Ok(admitted(Verdict::Duplicate));
                }
                Some(_) => return Err(Refusal::Conflict),
                None => {}
            }
        }
        Ok(denied(present, gauges, purse).unwrap_or_else(|| admitted(Verdict::Ok)))
    }

    #[inline(always)]
    fn answer(&self, judged: Judged, gauges: &Gauges<'_>, when: When) -> Admission {
        let (name, window) = gauges.tightest(Meter::Requests, when);
        Admission {
            verdict: judged.verdict,
            policy: match judged.policy {
                Some(policy) => policy,
                None => Decider::Limit(name),
            },
            window,
            tokens: self.tokens.map(|_| gauges.tightest(Meter::Tokens, when).1),
            retry: judged.retry,
        }
    }

    fn unknown_account(&self) -> Admission {
        Admission {
            verdict: Verdict::UnknownAccount,
            policy: Decider::Nothing,
            window: Shown::UNLIMITED,
            tokens: self.tokens.map(|_| Shown::UNLIMITED),
            retry: Retry::Never,
        }
    }

    /// What the request takes.
    #[inline(always)]
    fn change(
        &self,
        present: &Present<'_>,
        gauges: &Gauges<'_>,
        purse: Option<&Purse>,
    ) -> Result<Change, Refusal> {
        let requests = gauges.taken(Meter::Requests, Whose::Account);
        if self.hold.is_none() && self.tokens.is_none() && self.scope.is_none() {
            return Ok(plain(requests));
        }
        let meters = Meters {
            requests,
            tokens: now(gauges.taken(Meter::Tokens, Whose::Account)),
            scope: self.scope.as_ref().and_then(|scope| {
                let requests = gauges.taken(Meter::Requests, Whose::Scope);
                let tokens = now(gauges.taken(Meter::Tokens, Whose::Scope));
                let counts = !requests.is_zero() || tokens != Count::None;
                let scope = || ScopeMeters { scope: scope.clone(), requests, tokens };
                counts.then(|| Box::new(scope()))
            }),
            hold: match (&self.hold, purse) {
                (Some(ask), Some(purse)) => {
                    purse.check_sum()?;
                    HoldChange::Put(ask.id.clone(), self.hold(ask, present, gauges))
                }
                _ => HoldChange::None,
            },
        };
        let is_plain = meters.tokens == Count::None
            && meters.scope.is_none()
            && meters.hold == HoldChange::None;
        Ok(if is_plain { plain(requests) } else { Change::Meter(meters) })
    }

    fn hold(&self, ask: &Ask, present: &Present<'_>, gauges: &Gauges<'_>) -> Hold {
        let ttl = ask.ttl.unwrap_or(present.policy.hold_ttl);
        Hold::new(ask.amount, ttl, present.now).detailed(Details {
            charged: Money::ZERO,
            tokens: self.tokens.unwrap_or_default(),
            reported: Units::ZERO,
            scope: self.scope.clone(),
            counted: !gauges.taken(Meter::Tokens, Whose::Account).is_zero(),
            counted_in_scope: !gauges.taken(Meter::Tokens, Whose::Scope).is_zero(),
        })
    }
}

/// The first rule that forbids the request.
#[inline(always)]
fn denied(present: &Present<'_>, gauges: &Gauges<'_>, purse: Option<&Purse>) -> Option<Judged> {
    let deny = |verdict, policy, retry| Some(Judged { verdict, policy: Some(policy), retry });
    let never = |verdict, policy| deny(verdict, policy, Retry::Never);
    let reasons = present.reasons();
    if !reasons.is_active() {
        return never(Verdict::Suspended, Decider::Reasons(reasons));
    }
    if let Some(name) = gauges.too_large() {
        return never(Verdict::TooLarge, Decider::Limit(name));
    }
    if let Some(name) = purse.and_then(|purse| purse.too_large(present)) {
        return never(Verdict::TooLarge, Decider::Limit(name));
    }
    if let Some(policy) = purse.and_then(|purse| purse.lacks(Money::ZERO)) {
        return never(Verdict::OverBudget, policy);
    }
    if let Some((name, wait)) = gauges.longest_wait() {
        return deny(Verdict::RateLimited, Decider::Limit(name), wait);
    }
    purse.and_then(|purse| purse.beside_open_holds(present))
}

/// What is taken if it is requests alone.
#[inline(always)]
fn plain(requests: Units) -> Change {
    if requests.is_zero() { Change::None } else { Change::Admit(requests) }
}

#[inline(always)]
fn now(units: Units) -> Count {
    if units.is_zero() { Count::None } else { Count::Now(units) }
}
