//! FW.EXPLAIN: what FW.ADMIT would answer, with every check on the way, and what would help.
//!
//! The verdict is that of FW.ADMIT's own rules. The checks are told beside it, from the same gauges
//! and the same purse: also those that come after the one that decides.

use super::admit::Admit;
use super::gauge::Gauges;
use super::present::Present;
use super::purse::Purse;
use super::{Decision, Missing, Request};
use crate::engine::bounds::HOLDS;
use crate::engine::explanation::{Check, Existence, Explanation, Figures, Level, Prepaid, Way};
use crate::engine::limit::{Limit, LimitName, Meter, Source, Units};
use crate::engine::money::Money;
use crate::engine::policy::Policy;
use crate::engine::standing::Reasons;
use crate::engine::verdict::{Decider, Refusal, Verdict};

/// FW.EXPLAIN: why FW.ADMIT would answer what it would answer. Nothing is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explain(pub Admit);

/// Invoices that are named; the others are counted.
const NAMED_INVOICES: usize = 3;

impl Request for Explain {
    type Answer = Explanation;

    fn missing(&self, policy: &Policy) -> Missing<Explanation> {
        let existence = Existence::Rejected;
        self.0.missing(policy).map(|admission| Explanation {
            admission,
            existence,
            checks: Vec::new(),
        })
    }

    fn of_new(&self, answer: Explanation) -> Explanation {
        Explanation { existence: Existence::WouldBeCreated, ..answer }
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Explanation>, Refusal> {
        let gauges = self.0.gauges(present);
        let purse = self.0.purse(present);
        let admission = self.0.peek(present, &gauges, purse.as_ref())?;
        let checks = match admission.verdict {
            Verdict::Duplicate => vec![Check::passed(Figures::Admitted)],
            _ => Checks { request: &self.0, present, gauges: &gauges }.all(purse.as_ref()),
        };
        let existence = Existence::Exists;
        Ok(Decision::unchanged(Explanation { admission, existence, checks }))
    }
}

/// What an amount is checked beside.
#[derive(Clone, Copy)]
enum Beside {
    /// What was spent, alone.
    Nothing,
    /// What open holds set aside, too.
    OpenHolds,
}

/// What all checks are made of.
struct Checks<'a, 'p> {
    request: &'a Admit,
    present: &'a Present<'p>,
    gauges: &'a Gauges<'a>,
}

impl Checks<'_, '_> {
    fn all(&self, purse: Option<&Purse>) -> Vec<Check> {
        let mut checks = self.standing();
        let asked = self.asked();
        let mut sizes = asked.clone();
        if let Some(purse) = purse {
            sizes.push(self.level(LimitName::Concurrency, Units::of(1)));
            sizes.push(self.spend(purse, Money::ZERO));
        }
        let limited = |level: &&Level| level.in_force.limit != Limit::Unlimited;
        checks.extend(sizes.iter().filter(limited).map(|level| self.size(level)));
        if let Some(purse) = purse {
            checks.extend(self.money(purse, Beside::Nothing));
        }
        // What never fits waits for nothing.
        let fits = |level: &Level| level.in_force.limit.fits(Units::ZERO, level.asks);
        checks.extend(asked.into_iter().filter(fits).map(|level| self.window(level)));
        if let Some(purse) = purse {
            checks.extend(self.open(purse));
            checks.extend(self.money(purse, Beside::OpenHolds));
        }
        checks
    }

    /// One check of standing, or one for each reason that suspends.
    fn standing(&self) -> Vec<Check> {
        let present = self.present;
        let reasons = present.reasons();
        if reasons.is_active() {
            return vec![Check::passed(Figures::Active)];
        }
        let failed =
            |figures| Check::failed(figures, Verdict::Suspended, Decider::Reasons(reasons));
        let mut checks = Vec::new();
        if reasons.contain(Reasons::BLOCKED) {
            let why = present.account.blocked().cloned();
            checks.push(failed(Figures::Blocked(why)).helped([Way::Resume]));
        }
        if reasons.contain(Reasons::PAYMENT_FAILED) {
            let invoices = present.account.failed().into_iter().flatten();
            let count = invoices.clone().count();
            let ways = invoices.take(NAMED_INVOICES).map(|id| Way::Pay(id.clone()));
            checks.push(failed(Figures::PaymentFailed(count)).helped(ways));
        }
        if reasons.contain(Reasons::NO_PAYMENT_METHOD) {
            let ways = [Way::TopUpBeyond(present.record().ledger.owed), Way::PaymentMethod];
            checks.push(failed(Figures::NoPaymentMethod).helped(ways));
        }
        if reasons.contain(Reasons::SPEND_LIMIT) {
            let spent = present.record().ledger.spent;
            let used = Units::of_money(spent);
            let level = Level { used, ..self.level(LimitName::Spend, Units::ZERO) };
            // The least that could be spent has to fit.
            let needs = spent.plus(Money::LEAST).unwrap_or(Money::MAX);
            let ways = self.ways_to_spend(needs);
            // A limit of 0 suspends in every month.
            let month = (level.in_force.limit != Limit::At(Units::ZERO)).then(|| self.month());
            checks.push(failed(Figures::SpendLimit(level)).helped(month.into_iter().chain(ways)));
        }
        checks
    }

    /// The windows that the request asks something of, limited or not.
    fn asked(&self) -> Vec<Level> {
        let Admit { cost, scope, tokens, .. } = self.request;
        let of = |meter, asks: Units| {
            let scoped = scope.as_ref().map(|scope| LimitName::Scoped(meter, scope.clone()));
            let names = std::iter::once(LimitName::of(meter)).chain(scoped);
            names.map(move |name| self.level(name, asks))
        };
        let tokens = tokens.map(|tokens| of(Meter::Tokens, tokens));
        of(Meter::Requests, *cost).chain(tokens.into_iter().flatten()).collect()
    }

    fn size(&self, level: &Level) -> Check {
        let figures = Figures::Size(level.clone());
        if level.in_force.limit.fits(Units::ZERO, level.asks) {
            return Check::passed(figures);
        }
        let policy = Decider::Limit(level.name.clone());
        let ways = match level.name {
            LimitName::Spend => self.ways_to_spend(level.asks.as_money()),
            _ => vec![self.raise(&level.name, level.asks)],
        };
        let less = ask_for(&Level { used: Units::ZERO, ..level.clone() });
        Check::failed(figures, Verdict::TooLarge, policy).helped(less.into_iter().chain(ways))
    }

    fn window(&self, level: Level) -> Check {
        let Some(wait) = self.gauges.wait(&level.name) else {
            return Check::passed(Figures::Window(level));
        };
        let ways = [Way::Wait(wait), self.raise_for(&level)];
        let (verdict, policy) = (Verdict::RateLimited, Decider::Limit(level.name.clone()));
        Check::failed(Figures::Window(level), verdict, policy).helped(ways)
    }

    /// Whether one more hold may be open.
    fn open(&self, purse: &Purse) -> Vec<Check> {
        let level = self.level(LimitName::Concurrency, Units::of(1));
        let wait = self.open_hold();
        let limited = Verdict::ConcurrencyLimited;
        let mut checks = Vec::new();
        if level.in_force.limit.fits(level.used, level.asks) {
            checks.push(Check::passed(Figures::Concurrency(level)));
        } else if level.in_force.limit.fits(Units::ZERO, level.asks) {
            let ways = [wait.clone(), self.raise_for(&level)];
            let policy = Decider::Limit(level.name.clone());
            checks.push(Check::failed(Figures::Concurrency(level), limited, policy).helped(ways));
        }
        let holds = Figures::Holds(purse.open);
        checks.push(match purse.open < HOLDS {
            true => Check::passed(holds),
            false => Check::failed(holds, limited, Decider::Bound("holds")).helped([wait]),
        });
        checks
    }

    /// Whether the amount fits: what is spent this month, and what is prepaid if nothing else is.
    /// What cannot fit by itself is not checked beside more.
    fn money(&self, purse: &Purse, beside: Beside) -> Vec<Check> {
        let (verdict, held, least) = match beside {
            Beside::Nothing => (Verdict::OverBudget, Money::ZERO, Units::ZERO),
            Beside::OpenHolds => (Verdict::InFlight, purse.held, Units::of_money(purse.spent)),
        };
        let mut checks = Vec::new();
        let level = self.spend(purse, held);
        if level.in_force.limit.fits(least, level.asks) {
            let fits = level.in_force.limit.fits(level.used, level.asks);
            checks.push(Check {
                denial: (!fits).then_some((verdict, Decider::Limit(LimitName::Spend))),
                ways: if fits { Vec::new() } else { self.ways_beside(beside, &level) },
                figures: match beside {
                    Beside::Nothing => Figures::Budget(level),
                    Beside::OpenHolds => Figures::Beside(level),
                },
            });
        }
        let alone = purse.credits.fits(Money::ZERO, purse.amount);
        if let Limit::At(credits) = purse.credits
            && (alone || matches!(beside, Beside::Nothing))
        {
            let prepaid = Prepaid { credits, held, asks: purse.amount };
            let fits = purse.credits.fits(held, purse.amount);
            checks.push(Check {
                figures: Figures::Credits(prepaid),
                denial: (!fits).then_some((verdict, Decider::Bound("credits"))),
                ways: if fits { Vec::new() } else { self.ways_to_prepay(beside, prepaid) },
            });
        }
        checks
    }

    fn ways_beside(&self, beside: Beside, level: &Level) -> Vec<Way> {
        let needs = level.used.plus(level.asks).map_or(Money::MAX, Units::as_money);
        let first = match beside {
            Beside::Nothing => [ask_for(level), Some(self.month())],
            Beside::OpenHolds => [Some(self.open_hold()), None],
        };
        first.into_iter().flatten().chain(self.ways_to_spend(needs)).collect()
    }

    fn ways_to_prepay(&self, beside: Beside, prepaid: Prepaid) -> Vec<Way> {
        let Prepaid { credits, held, asks } = prepaid;
        let lacks = held.plus(asks).unwrap_or(Money::MAX).minus(credits);
        let first = match beside {
            Beside::Nothing if credits.is_zero() => None,
            Beside::Nothing => Some(Way::AskFor(Units::of_money(credits))),
            Beside::OpenHolds => Some(self.open_hold()),
        };
        first.into_iter().chain([self.top_up(lacks), Way::PaymentMethod]).collect()
    }

    fn open_hold(&self) -> Way {
        Way::AwaitHold(self.present.nearest_lapse())
    }

    /// A higher tier, where the tier decides, and a higher limit.
    fn ways_to_spend(&self, needs: Money) -> Vec<Way> {
        let (source, tier_source) =
            (self.present.in_force(&LimitName::Spend).source, self.present.tier().1);
        let value = self.present.account.own(&LimitName::Spend).and_then(|own| own.value);
        let needed = Units::of_money(needs);
        let by_tier = source == Source::Tier
            && tier_source == Source::Tier
            && value.is_none_or(|value| value.fits(Units::ZERO, needed));
        let tier = if by_tier { self.present.tier_that_allows(needs) } else { None };
        let reach = tier.map(|(name, gap)| match self.top_up(gap) {
            Way::TopUp(amount) => Way::ReachTier(amount, name.clone()),
            way => way,
        });
        reach.into_iter().chain([self.raise(&LimitName::Spend, needed)]).collect()
    }

    fn raise_for(&self, level: &Level) -> Way {
        self.raise(&level.name, level.used.plus(level.asks).unwrap_or(Units::MAX))
    }

    /// What of a limit has to be raised until it allows so much in all.
    fn raise(&self, name: &LimitName, needs: Units) -> Way {
        let fits = |limit: Limit<Units>| limit.fits(Units::ZERO, needs);
        let max = self.present.in_force(name).max;
        match self.present.account.own(name).and_then(|own| own.value) {
            Some(value) if fits(max) && !fits(value) => Way::RaiseValue(max),
            Some(value) if !fits(value) => Way::RaiseBoth,
            _ => Way::RaiseMax,
        }
    }

    /// A top-up pays what is owed first.
    fn top_up(&self, lacks: Money) -> Way {
        Way::TopUp(lacks.plus(self.present.record().ledger.owed).unwrap_or(Money::MAX))
    }

    fn month(&self) -> Way {
        Way::AwaitMonth(self.present.record().period.end().since(self.present.now))
    }

    fn level(&self, name: LimitName, asks: Units) -> Level {
        let in_force = self.present.in_force(&name);
        Level { in_force, used: self.present.used(&name), name, asks }
    }

    fn spend(&self, purse: &Purse, held: Money) -> Level {
        // What is spent and held fits together in every account.
        let used = Units::of_money(purse.spent.plus(held).unwrap_or(Money::MAX));
        Level { used, ..self.level(LimitName::Spend, Units::of_money(purse.amount)) }
    }
}

/// What of a limit could be asked for, if anything.
fn ask_for(level: &Level) -> Option<Way> {
    match level.in_force.limit.remaining(level.used) {
        Limit::At(most) if !most.is_zero() => Some(Way::AskFor(most)),
        _ => None,
    }
}
