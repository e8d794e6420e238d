//! FW.ADMIT and FW.PEEK: may this request be served?
//!
//! The first rule that fails decides, in the order of [`Verdict`]. All of a request is taken, or
//! nothing: requests and tokens in every window that limits them, and a hold.

use super::gauge::{Asks, Gauges, When};
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

/// What a request asks of windows and of money, read once.
struct Asked<'a> {
    gauges: Gauges<'a>,
    purse: Option<Purse>,
}

impl<'a> Asked<'a> {
    fn of(request: &Admit, present: &Present<'a>) -> Self {
        let (requests, tokens, scope) = (request.cost, request.tokens, request.scope.as_ref());
        let purse = request.hold.as_ref().map(|ask| Purse::of(present, ask.amount));
        Self { gauges: Gauges::of(&Asks { requests, tokens, scope }, present), purse }
    }
}

impl Request for Admit {
    type Answer = Admission;

    fn missing(&self, _policy: &Policy) -> Missing<Admission> {
        Missing::FreshOr(self.unknown_account())
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Admission>, Refusal> {
        let asked = Asked::of(self, present);
        if let Some(answer) = self.without_taking(present, &asked)? {
            return Ok(Decision::unchanged(answer));
        }
        let answer = self.admitted(Verdict::Ok, &asked.gauges, When::After);
        let change = self.change(present, &asked)?;
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
        let asked = Asked::of(&self.0, present);
        if let Some(answer) = self.0.without_taking(present, &asked)? {
            return Ok(Decision::unchanged(answer));
        }
        // What would be an error is one here too.
        self.0.change(present, &asked)?;
        Ok(Decision::unchanged(self.0.admitted(Verdict::Ok, &asked.gauges, When::Before)))
    }
}

impl Admit {
    /// The answer if nothing is taken: the request was admitted before, or is denied.
    fn without_taking(
        &self,
        present: &Present<'_>,
        asked: &Asked<'_>,
    ) -> Result<Option<Admission>, Refusal> {
        let gauges = &asked.gauges;
        if let Some(ask) = &self.hold {
            match present.known_hold(&ask.id) {
                Some(Known::Open(hold)) if hold.amount == ask.amount => {
                    return Ok(Some(self.admitted(Verdict::Duplicate, gauges, When::Before)));
                }
                Some(_) => return Err(Refusal::Conflict),
                None => {}
            }
        }
        let denial = denied(present, asked);
        Ok(denial.map(|Denial { verdict, policy, retry }| Admission {
            verdict,
            policy,
            window: gauges.tightest(Meter::Requests, When::Before).1,
            tokens: self.tokens.map(|_| gauges.tightest(Meter::Tokens, When::Before).1),
            retry,
        }))
    }

    fn admitted(&self, verdict: Verdict, gauges: &Gauges<'_>, when: When) -> Admission {
        let (name, window) = gauges.tightest(Meter::Requests, when);
        Admission {
            verdict,
            policy: Decider::Limit(name.cloned().unwrap_or(LimitName::Requests)),
            window,
            tokens: self.tokens.map(|_| gauges.tightest(Meter::Tokens, when).1),
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

    /// What the request takes.
    fn change(&self, present: &Present<'_>, asked: &Asked<'_>) -> Result<Change, Refusal> {
        let gauges = &asked.gauges;
        let requests = gauges.taken(Meter::Requests, 0);
        if self.hold.is_none() && self.tokens.is_none() && self.scope.is_none() {
            return Ok(plain(requests));
        }
        let meters = Meters {
            requests,
            tokens: now(gauges.taken(Meter::Tokens, 0)),
            scope: self.scope.as_ref().and_then(|scope| {
                let requests = gauges.taken(Meter::Requests, 1);
                let tokens = now(gauges.taken(Meter::Tokens, 1));
                let counts = !requests.is_zero() || tokens != Count::None;
                counts.then(|| ScopeMeters { scope: scope.clone(), requests, tokens })
            }),
            hold: match (&self.hold, &asked.purse) {
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
        Ok(if is_plain { plain(requests) } else { Change::Meter(Box::new(meters)) })
    }

    fn hold(&self, ask: &Ask, present: &Present<'_>, gauges: &Gauges<'_>) -> Hold {
        let ttl = ask.ttl.unwrap_or(present.policy.hold_ttl);
        Hold::new(ask.amount, ttl, present.now).detailed(Details {
            charged: Money::ZERO,
            tokens: self.tokens.unwrap_or_default(),
            reported: Units::ZERO,
            scope: self.scope.clone(),
            counted: !gauges.taken(Meter::Tokens, 0).is_zero(),
            counted_in_scope: !gauges.taken(Meter::Tokens, 1).is_zero(),
        })
    }
}

/// The first rule that forbids the request.
fn denied(present: &Present<'_>, asked: &Asked<'_>) -> Option<Denial> {
    let never = |verdict, policy| Some(Denial { verdict, policy, retry: Retry::Never });
    let reasons = present.reasons();
    if !reasons.is_active() {
        return never(Verdict::Suspended, Decider::Reasons(reasons));
    }
    if let Some(name) = asked.gauges.too_large() {
        return never(Verdict::TooLarge, Decider::Limit(name.clone()));
    }
    let money = asked.purse.as_ref();
    if let Some(name) = money.and_then(|money| money.too_large(present)) {
        return never(Verdict::TooLarge, Decider::Limit(name));
    }
    if let Some(policy) = money.and_then(|money| money.lacks(Money::ZERO)) {
        return never(Verdict::OverBudget, policy);
    }
    if let Some((name, wait)) = asked.gauges.longest_wait() {
        let (verdict, policy) = (Verdict::RateLimited, Decider::Limit(name.clone()));
        return Some(Denial { verdict, policy, retry: wait });
    }
    money.and_then(|money| money.beside_open_holds(present))
}

/// What is taken if it is requests alone.
fn plain(requests: Units) -> Change {
    if requests.is_zero() { Change::None } else { Change::Admit(requests) }
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

    /// Checks that what is spent and held fits with the amount, also without a limit.
    fn check_sum(&self) -> Result<(), Refusal> {
        let sum = self.spent.plus(self.held).and_then(|sum| sum.plus(self.amount));
        sum.map(|_| ()).ok_or(Refusal::TooMuch("spent and held"))
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
