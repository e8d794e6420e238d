//! FW.ADMIT and FW.PEEK: may this request be served?
//!
//! The first rule that fails decides, in the order of [`Verdict`]. All of a request is taken, or
//! nothing: requests and tokens in every window that limits them, and a hold.

use super::gauge::{Asks, Gauges};
use super::kept::Known;
use super::present::Present;
use super::{Decision, Missing, Request};
use crate::engine::bounds::HOLDS;
use crate::engine::effect::{Change, Count, HoldChange, Meters, ScopeMeters};
use crate::engine::hold::{Details, Hold};
use crate::engine::id::{Id, Scope};
use crate::engine::lapse::Open;
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

/// Why a request is denied.
struct Denial {
    verdict: Verdict,
    policy: Decider,
    retry: Retry,
}

impl Request for Admit {
    type Answer = Admission;

    fn missing(&self, _policy: &Policy) -> Missing<Admission> {
        Missing::FreshOr(self.unknown_account())
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Admission>, Refusal> {
        let gauges = self.gauges(present);
        if let Some(answer) = self.without_taking(present, &gauges)? {
            return Ok(Decision::unchanged(answer));
        }
        let answer = self.admitted(Verdict::Ok, &gauges.after());
        let change = self.change(present, &gauges)?;
        if change == Change::None {
            return Ok(Decision::unchanged(answer));
        }
        let takes = self.hold.is_some();
        Ok(Decision { takes, ..Decision::changed(answer, present.effect(change)) })
    }
}

impl Request for Peek {
    type Answer = Admission;

    fn missing(&self, policy: &Policy) -> Missing<Admission> {
        self.0.missing(policy)
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Admission>, Refusal> {
        let gauges = self.0.gauges(present);
        if let Some(answer) = self.0.without_taking(present, &gauges)? {
            return Ok(Decision::unchanged(answer));
        }
        // What would be an error is one here too.
        self.0.change(present, &gauges)?;
        Ok(Decision::unchanged(self.0.admitted(Verdict::Ok, &gauges)))
    }
}

impl Admit {
    fn gauges<'a>(&self, present: &Present<'a>) -> Gauges<'a> {
        let (requests, tokens, scope) = (self.cost, self.tokens, self.scope.as_ref());
        Gauges::of(&Asks { requests, tokens, scope }, present)
    }

    /// The answer if nothing is taken: the request was admitted before, or is denied.
    fn without_taking(
        &self,
        present: &Present<'_>,
        gauges: &Gauges<'_>,
    ) -> Result<Option<Admission>, Refusal> {
        if let Some(ask) = &self.hold {
            match present.known_hold(&ask.id) {
                Some(Known::Open(hold)) if hold.amount == ask.amount => {
                    return Ok(Some(self.admitted(Verdict::Duplicate, gauges)));
                }
                Some(_) => return Err(Refusal::Conflict),
                None => {}
            }
        }
        let denial = self.denied(present, gauges);
        Ok(denial.map(|Denial { verdict, policy, retry }| Admission {
            verdict,
            policy,
            window: gauges.tightest(Meter::Requests).1,
            tokens: self.tokens.map(|_| gauges.tightest(Meter::Tokens).1),
            retry,
        }))
    }

    fn admitted(&self, verdict: Verdict, gauges: &Gauges<'_>) -> Admission {
        let (name, window) = gauges.tightest(Meter::Requests);
        Admission {
            verdict,
            policy: Decider::Limit(name.cloned().unwrap_or(LimitName::Requests)),
            window,
            tokens: self.tokens.map(|_| gauges.tightest(Meter::Tokens).1),
            retry: Retry::Now,
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

    /// The first rule that forbids the request.
    fn denied(&self, present: &Present<'_>, gauges: &Gauges<'_>) -> Option<Denial> {
        let never = |verdict, policy| Some(Denial { verdict, policy, retry: Retry::Never });
        let reasons = present.reasons();
        if !reasons.is_active() {
            return never(Verdict::Suspended, Decider::Reasons(reasons));
        }
        if let Some(name) = gauges.too_large() {
            return never(Verdict::TooLarge, Decider::Limit(name.clone()));
        }
        let money = self.hold.as_ref().map(|ask| Purse::of(present, ask.amount));
        if let Some(name) = money.as_ref().and_then(|money| money.too_large(present)) {
            return never(Verdict::TooLarge, Decider::Limit(name));
        }
        if let Some(policy) = money.as_ref().and_then(|money| money.lacks(Money::ZERO)) {
            return never(Verdict::OverBudget, policy);
        }
        if let Some((name, wait)) = gauges.longest_wait(present.now) {
            let (verdict, policy) = (Verdict::RateLimited, Decider::Limit(name.clone()));
            return Some(Denial { verdict, policy, retry: wait });
        }
        money.and_then(|money| money.beside_open_holds(present))
    }

    /// What the request takes.
    fn change(&self, present: &Present<'_>, gauges: &Gauges<'_>) -> Result<Change, Refusal> {
        let requests = gauges.taken(Meter::Requests, 0);
        let meters = Meters {
            requests,
            tokens: now(gauges.taken(Meter::Tokens, 0)),
            scope: self.scope.as_ref().and_then(|scope| {
                let requests = gauges.taken(Meter::Requests, 1);
                let tokens = now(gauges.taken(Meter::Tokens, 1));
                let counts = !requests.is_zero() || tokens != Count::None;
                counts.then(|| ScopeMeters { scope: scope.clone(), requests, tokens })
            }),
            hold: match &self.hold {
                None => HoldChange::None,
                Some(ask) => HoldChange::Put(ask.id.clone(), self.hold(ask, present, gauges)?),
            },
        };
        let plain = meters.tokens == Count::None
            && meters.scope.is_none()
            && meters.hold == HoldChange::None;
        Ok(match plain {
            true if requests.is_zero() => Change::None,
            true => Change::Admit(requests),
            false => Change::Meter(Box::new(meters)),
        })
    }

    fn hold(&self, ask: &Ask, present: &Present<'_>, gauges: &Gauges<'_>) -> Result<Hold, Refusal> {
        let Purse { spent, held, amount, .. } = Purse::of(present, ask.amount);
        let sum = spent.plus(held).and_then(|sum| sum.plus(amount));
        sum.ok_or(Refusal::TooMuch("spent and held"))?;
        let ttl = ask.ttl.unwrap_or(present.policy.hold_ttl);
        Ok(Hold::new(ask.amount, ttl, present.now).detailed(Details {
            charged: Money::ZERO,
            tokens: self.tokens.unwrap_or_default(),
            reported: Units::ZERO,
            scope: self.scope.clone(),
            counted: !gauges.taken(Meter::Tokens, 0).is_zero(),
            counted_in_scope: !gauges.taken(Meter::Tokens, 1).is_zero(),
        }))
    }
}

fn now(units: Units) -> Count {
    if units.is_zero() { Count::None } else { Count::Now(units) }
}

/// The money an account may still set aside, and what is asked of it.
struct Purse {
    amount: Money,
    limit: Limit<Money>,
    spent: Money,
    held: Money,
    open: usize,
    /// What is prepaid, where nothing else is to be drawn on.
    credits: Limit<Money>,
}

impl Purse {
    fn of(present: &Present<'_>, amount: Money) -> Self {
        let record = present.record();
        let Open { count, held } = present.open();
        let credits = match record.payment_method {
            true => Limit::Unlimited,
            false => Limit::At(record.ledger.prepaid().unwrap_or(Money::MAX)),
        };
        let (limit, spent) = (present.spend_limit(), record.ledger.spent);
        Self { amount, limit, spent, held, open: count, credits }
    }

    /// The limit that is less than the request asks for, however little is used of it.
    fn too_large(&self, present: &Present<'_>) -> Option<LimitName> {
        let none = Limit::At(Units::ZERO);
        if present.in_force(&LimitName::Concurrency).limit == none {
            return Some(LimitName::Concurrency);
        }
        (!self.limit.fits(Money::ZERO, self.amount)).then_some(LimitName::Spend)
    }

    /// What the amount does not fit when so much is held by others.
    fn lacks(&self, held: Money) -> Option<Decider> {
        // What is spent and held fits together in every account.
        let used = self.spent.plus(held).unwrap_or(Money::MAX);
        if !self.limit.fits(used, self.amount) {
            return Some(Decider::Limit(LimitName::Spend));
        }
        (!self.credits.fits(held, self.amount)).then_some(Decider::Bound("credits"))
    }

    /// Why the hold cannot be opened beside those that are open.
    fn beside_open_holds(&self, present: &Present<'_>) -> Option<Denial> {
        let deny = |verdict, policy| {
            Some(Denial { verdict, policy, retry: Retry::After(present.nearest_lapse()) })
        };
        let limit = present.in_force(&LimitName::Concurrency).limit;
        let open = Units::new(i64::try_from(self.open).unwrap_or(i64::MAX)).unwrap_or_default();
        if !limit.fits(open, Units::of(1)) {
            return deny(Verdict::ConcurrencyLimited, Decider::Limit(LimitName::Concurrency));
        }
        if self.open >= HOLDS {
            return deny(Verdict::ConcurrencyLimited, Decider::Bound("holds"));
        }
        self.lacks(self.held).and_then(|policy| deny(Verdict::InFlight, policy))
    }
}
