//! The rule book: what a request may do to an account, judged by reading.
//!
//! Every request, views among them, goes through [`judge`]: it finds the time that holds for the
//! account, follows a clock that went back, and stands in for an account that does not exist. The
//! rules themselves are in the files beside it. Nothing here changes an account; what should change
//! is returned as an [`Effect`].

pub mod present;

pub mod allowed;
pub mod kept;
pub mod news;

pub mod gauge;
pub mod purse;

pub mod admit;
pub mod explain;
pub mod hold;
pub mod invoice;
pub mod limit;
pub mod quota;
pub mod set;
pub mod spend;
pub mod suspend;

use std::sync::Arc;

use super::account::{Account, Record};
use super::act::Kept;
use super::apply;
use super::bounds::CLOCK_STEP_MS;
use super::effect::{After, Change, Effect, Forget, NewFigures, Onto};
use super::index::Hashing;
use super::ledger::Ledger;
use super::log::Told;
use super::month::Period;
use super::policy::{NewAccounts, Policy};
use super::time::Millis;
use super::verdict::Refusal;
use present::{Moment, Present};

/// What was decided: the answer, and the change that makes it so. Without an effect nothing
/// changes.
#[derive(Clone, Debug)]
pub struct Decision<A> {
    /// What the caller is told.
    pub answer: A,
    /// What changes, if anything.
    pub effect: Option<Effect>,
    /// Whether the change takes something that a server without memory to spare refuses. What was
    /// used is always recorded, and giving back always works.
    pub takes: bool,
}

impl<A> Decision<A> {
    /// An answer that changes nothing.
    pub const fn unchanged(answer: A) -> Self {
        Self { answer, effect: None, takes: false }
    }

    /// The same decision with its answer told in another form.
    pub fn map<B>(self, tell: impl FnOnce(A) -> B) -> Decision<B> {
        Decision { answer: tell(self.answer), effect: self.effect, takes: self.takes }
    }

    /// An answer, and the change that makes it so.
    pub const fn changed(answer: A, effect: Effect) -> Self {
        Self { answer, effect: Some(effect), takes: false }
    }
}

/// What a request is answered when there is no account.
pub enum Missing<A> {
    /// The account is created, in every mode.
    Create,
    /// As on a new account, or this answer where new accounts are rejected.
    FreshOr(A),
    /// As on a new account, or the error NOACCOUNT where new accounts are rejected.
    Fresh,
    /// This answer, in every mode.
    Answer(A),
    /// It cannot be done, in every mode.
    Refuse(Refusal),
}

impl<A> Missing<A> {
    /// The same with its answer told in another form.
    pub fn map<B>(self, tell: impl FnOnce(A) -> B) -> Missing<B> {
        match self {
            Self::Create => Missing::Create,
            Self::FreshOr(answer) => Missing::FreshOr(tell(answer)),
            Self::Fresh => Missing::Fresh,
            Self::Answer(answer) => Missing::Answer(tell(answer)),
            Self::Refuse(refusal) => Missing::Refuse(refusal),
        }
    }
}

/// Something that can be asked of an account.
pub trait Request {
    /// What it is answered with.
    type Answer;

    /// What it means when there is no account.
    fn missing(&self, policy: &Policy) -> Missing<Self::Answer>;

    /// Whether an account that this request creates has a payment method; `None` for what the
    /// platform gives to new accounts.
    fn payment_method(&self) -> Option<bool> {
        None
    }

    /// What it is answered if it would create the account that it was judged against.
    fn of_new(&self, answer: Self::Answer) -> Self::Answer {
        answer
    }

    /// Whether it tells what has happened already, so that it is recorded even where memory runs
    /// out.
    fn records(&self) -> bool {
        false
    }

    /// The memory whose ids it is compared with, so that they can be fetched ahead; with those of
    /// closed holds, the open ones.
    fn recalls(&self) -> Option<Kept> {
        None
    }

    /// Judges it against the account as it is now.
    ///
    /// # Errors
    /// A [`Refusal`] if it cannot be done at all. Nothing changes then.
    fn decide(&self, present: &Present<'_>) -> Result<Decision<Self::Answer>, Refusal>;
}

/// Judges a request at the clock's time, against an account or its absence, and changes nothing.
///
/// The effect, if there is one, belongs to exactly this account: to the one found, or to none.
///
/// # Errors
/// A [`Refusal`] if the request cannot be done at all.
pub fn judge<R: Request>(
    request: &R,
    found: Option<&Account>,
    rules: &Rules<'_>,
) -> Result<Decision<R::Answer>, Refusal> {
    let Some(account) = found else {
        return judge_missing(request, rules);
    };
    if clock_went_back(account, rules.clock) {
        return judge_rewound(request, account, rules);
    }
    let now = rules.clock.max(account.latest);
    // Never moved: what was just written in small pieces is slow to copy.
    let mut present = Present::stored(account, rules.policy, Moment { now, through: now });
    present.see_what_is_due();
    request.decide(&present)
}

/// What a request is judged by, beside the account.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// The platform's figures.
    pub policy: &'a Policy,
    /// The server's clock, read once.
    pub clock: Millis,
    /// The process's seed for tables of ids.
    pub hashing: &'a Hashing,
}

/// Holds if the clock stands so far behind the account that the account follows it back.
#[must_use]
pub fn clock_went_back(account: &Account, clock: Millis) -> bool {
    account.latest.since(clock).0 > CLOCK_STEP_MS
}

/// Judges on a copy that has followed the clock back; the effect will make the original follow.
#[cold]
fn judge_rewound<R: Request>(
    request: &R,
    account: &Account,
    rules: &Rules<'_>,
) -> Result<Decision<R::Answer>, Refusal> {
    let now = rules.clock;
    let mut after = After::of(account);
    let anchor = account.record.anchor.unwrap_or(rules.policy.anchor);
    after.record.period = account.record.period.no_later_than_second_end_after(anchor, now);
    let after = Arc::new(after);
    let follow = Effect {
        time: now,
        onto: Onto::Rewound,
        figures: NewFigures::All(after.clone()),
        forget: Forget::default(),
        change: Change::None,
    };
    let rewound = apply::rewound(account, &follow);
    let moment = Moment { now, through: account.latest };
    let mut decision = request.decide(&Present::new(&rewound, rules.policy, moment))?;
    if let Some(effect) = &mut decision.effect {
        effect.onto = Onto::Rewound;
        effect.figures.complete(|| after);
    }
    Ok(decision)
}

#[cold]
fn judge_missing<R: Request>(
    request: &R,
    rules: &Rules<'_>,
) -> Result<Decision<R::Answer>, Refusal> {
    let rejects = rules.policy.new_accounts == NewAccounts::Reject;
    let missing = request.missing(rules.policy);
    let creates = matches!(missing, Missing::Create);
    match missing {
        Missing::Refuse(refusal) => return Err(refusal),
        Missing::Answer(answer) => return Ok(Decision::unchanged(answer)),
        Missing::FreshOr(answer) if rejects => return Ok(Decision::unchanged(answer)),
        Missing::Fresh if rejects => return Err(Refusal::NoAccount),
        Missing::Create | Missing::Fresh | Missing::FreshOr(_) => {}
    }
    let given = rules.policy.new_accounts == NewAccounts::Open;
    let payment_method = request.payment_method().unwrap_or(given);
    let fresh = Account::new(new_record(rules, payment_method), rules.clock);
    let moment = Moment { now: rules.clock, through: rules.clock };
    let present = Present::new(&fresh, rules.policy, moment);
    let mut decision = request.decide(&present)?;
    decision.answer = request.of_new(decision.answer);
    if decision.effect.is_none() && creates {
        decision.effect = Some(present.effect(Change::None));
    }
    if let Some(effect) = &mut decision.effect {
        effect.onto = Onto::Nothing;
        effect.figures.complete(|| Arc::new(present.after()));
        if let NewFigures::All(after) = &mut effect.figures {
            news::of_new(Arc::make_mut(after));
        }
        decision.takes |= !request.records();
    }
    Ok(decision)
}

fn new_record(rules: &Rules<'_>, payment_method: bool) -> Record {
    Record {
        period: Period::containing(rules.policy.anchor, rules.clock),
        ledger: Ledger::default(),
        // What it earns from the start is nothing new.
        earned: rules.policy.tiers.row(0).filter(|_| payment_method).map(|row| row.name.clone()),
        anchor: None,
        payment_method,
        told: Told::default(),
    }
}
