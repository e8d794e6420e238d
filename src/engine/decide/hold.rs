//! FW.SPEND of a hold, FW.VOID and FW.EXTEND: what became of a request that was admitted.
//!
//! What a request cost is recorded whatever the limits say, also after its hold lapsed. A hold that
//! was closed is remembered, so that the same command again changes nothing.

use super::kept::Known;
use super::present::{Outlook, Present};
use super::{Decision, Missing, Request};
use crate::engine::act::{Act, Entry, Kept};
use crate::engine::effect::{
    Change, Count, Effect, HoldChange, Meters, NewFigures, Onto, ScopeMeters,
};
use crate::engine::hold::{Details, Hold};
use crate::engine::id::Id;
use crate::engine::ledger::Ledger;
use crate::engine::limit::{Limit, LimitName, Meter, Units};
use crate::engine::money::Money;
use crate::engine::policy::Policy;
use crate::engine::time::Millis;
use crate::engine::verdict::{Outcome, Refusal, Statement};

/// What a held request cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settle {
    /// The hold.
    pub id: Id,
    /// All that it cost, from the beginning.
    pub amount: Money,
    /// All tokens that it used, from the beginning.
    pub tokens: Option<Units>,
    /// Whether more is to come.
    pub part: Part,
}

/// Whether an amount is the last word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The request is done; the hold is closed.
    All,
    /// The request goes on; the hold stays open.
    SoFar,
}

/// The held request did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Void {
    /// The hold.
    pub id: Id,
}

/// A long request keeps its hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extend {
    /// The hold.
    pub id: Id,
    /// Its time to live from now on, 1 ms to a day.
    pub ttl: Millis,
}

/// A hold that was found, and how.
struct Found {
    hold: Hold,
    outcome: Outcome,
}

/// Finds a hold that can be charged or voided: an open one, or one that lapsed and is remembered. Or
/// tells what a closed one is answered with, if it was closed by `same`.
fn find(present: &Present<'_>, id: &Id, same: Act) -> Result<Result<Found, Statement>, Refusal> {
    match present.known_hold(id) {
        None => Err(Refusal::NoHold),
        Some(Known::Open(hold)) => Ok(Ok(Found { hold, outcome: Outcome::Ok })),
        Some(Known::Lapsed(hold)) => Ok(Ok(Found { hold, outcome: Outcome::Late })),
        Some(Known::Closed(act)) if act == same => Ok(Err(present.statement(Outcome::Duplicate))),
        Some(Known::Closed(_)) => Err(Refusal::Conflict),
    }
}

impl Request for Settle {
    type Answer = Statement;

    fn missing(&self, _policy: &Policy) -> Missing<Statement> {
        Missing::Fresh
    }

    fn records(&self) -> bool {
        true
    }

    fn recalls(&self) -> Option<Kept> {
        Some(Kept::Closed)
    }

    #[inline(always)]
    fn decide(&self, present: &Present<'_>) -> Result<Decision<Statement>, Refusal> {
        let Some((ledger, limit, held)) = self.short_cut(present) else {
            return self.decide_by_all_rules(present);
        };
        // Built where it is returned: it is never copied.
        Ok(Decision {
            takes: false,
            effect: Some(Effect {
                time: present.now,
                onto: Onto::Standing,
                figures: NewFigures::Ledger(ledger),
                forget: present.forget(Some(Kept::Closed), None),
                change: Change::Meter(Meters {
                    requests: Units::ZERO,
                    tokens: Count::None,
                    scope: None,
                    hold: HoldChange::Close(Entry {
                        id: self.id.clone(),
                        time: present.now,
                        act: Act::Settled(self.amount),
                    }),
                }),
            }),
            answer: present.active(&ledger, limit, held),
        })
    }
}

impl Settle {
    /// The ledger, the limit, and what is held after what nearly every call is: the last word on a hold
    /// of money alone, of an account that is active and stays so, with nothing to tell. All rules
    /// together would decide the same.
    #[inline(always)]
    fn short_cut(&self, present: &Present<'_>) -> Option<(Ledger, Limit<Money>, Money)> {
        if self.part != Part::All || self.tokens.is_some() {
            return None;
        }
        let amount = present.plain_hold(&self.id)?;
        let ledger = present.record().ledger.charged(self.amount).ok()?;
        let (limit, held) = (present.spend_limit(), present.held().minus(amount));
        let fits = ledger.spent.plus(held).is_some();
        (fits && present.is_quiet_after(&ledger, limit)).then_some((ledger, limit, held))
    }

    #[inline(never)]
    fn decide_by_all_rules(&self, present: &Present<'_>) -> Result<Decision<Statement>, Refusal> {
        let found = match find(present, &self.id, Act::Settled(self.amount))? {
            Ok(found) => found,
            Err(duplicate) => return Ok(Decision::unchanged(duplicate)),
        };
        let charged = found.hold.charged();
        if self.amount < charged {
            return Err(Refusal::Conflict);
        }
        let ledger = present.record().ledger.charged(self.amount.minus(charged))?;
        let after = present.with(|after| after.record.ledger = ledger);
        match self.part {
            Part::All => self.all(&after, &found),
            Part::SoFar => self.so_far(&after, &found),
        }
    }

    fn all(&self, after: &Present<'_>, found: &Found) -> Result<Decision<Statement>, Refusal> {
        let reserved = self.tokens.unwrap_or(found.hold.details().tokens);
        let entry = Entry::new(self.id.clone(), Act::Settled(self.amount), after.now);
        let change = Closing { found, reserved, entry };
        change.decide(after, found.outcome)
    }

    fn so_far(&self, after: &Present<'_>, found: &Found) -> Result<Decision<Statement>, Refusal> {
        let before = found.hold.details();
        let told = self.tokens.unwrap_or_default();
        let details = Details {
            charged: self.amount,
            tokens: before.tokens.max(told),
            reported: before.reported.max(told),
            ..before.clone()
        };
        let raises = details.charged > before.charged || details.reported > before.reported;
        let outcome = if raises { found.outcome } else { Outcome::Duplicate };
        let reserved = details.tokens;
        let mut hold = found.hold.clone().detailed(details);
        if found.outcome == Outcome::Ok {
            hold = hold.renewed(found.hold.ttl(), after.now);
        }
        let starts_anew = found.outcome == Outcome::Ok && after.follows_back();
        if hold == found.hold && !starts_anew {
            return Ok(Decision::unchanged(after.statement(outcome)));
        }
        let held = held_without(after, found).plus(open_part(found, &hold));
        let after = expecting(after, held)?;
        let hold = HoldChange::Put(self.id.clone(), hold);
        let meters = Correction { present: &after, hold: &found.hold }.meters(reserved, hold)?;
        Ok(Decision::changed(after.statement(outcome), after.effect(meters)))
    }
}

impl Request for Void {
    type Answer = Statement;

    fn missing(&self, _policy: &Policy) -> Missing<Statement> {
        Missing::Fresh
    }

    fn recalls(&self) -> Option<Kept> {
        Some(Kept::Closed)
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Statement>, Refusal> {
        let found = match find(present, &self.id, Act::Voided)? {
            Ok(found) => found,
            Err(duplicate) => return Ok(Decision::unchanged(duplicate)),
        };
        // What was reported was used.
        let reserved = found.hold.details().reported;
        let entry = Entry::new(self.id.clone(), Act::Voided, present.now);
        Closing { found: &found, reserved, entry }.decide(present, Outcome::Ok)
    }
}

impl Request for Extend {
    type Answer = Statement;

    fn missing(&self, _policy: &Policy) -> Missing<Statement> {
        Missing::Fresh
    }

    fn recalls(&self) -> Option<Kept> {
        Some(Kept::Closed)
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Statement>, Refusal> {
        let Some(Known::Open(hold)) = present.known_hold(&self.id) else {
            return Err(Refusal::NoHold);
        };
        let answer = present.statement(Outcome::Ok);
        let after = hold.clone().renewed(self.ttl, present.now);
        if after == hold && !present.follows_back() {
            return Ok(Decision::unchanged(answer));
        }
        let reserved = hold.details().tokens;
        let put = HoldChange::Put(self.id.clone(), after);
        let meters = Correction { present, hold: &hold }.meters(reserved, put)?;
        Ok(Decision::changed(answer, present.effect(meters)))
    }
}

/// The end of a hold.
struct Closing<'a> {
    found: &'a Found,
    /// Tokens it reserves in the end.
    reserved: Units,
    entry: Entry,
}

impl Closing<'_> {
    fn decide(
        self,
        present: &Present<'_>,
        outcome: Outcome,
    ) -> Result<Decision<Statement>, Refusal> {
        let after = expecting(present, Some(held_without(present, self.found)))?;
        let correction = Correction { present: &after, hold: &self.found.hold };
        let meters = correction.meters(self.reserved, HoldChange::Close(self.entry))?;
        Ok(Decision::changed(after.statement(outcome), after.effect(meters)))
    }
}

/// What the other open holds set aside.
fn held_without(present: &Present<'_>, found: &Found) -> Money {
    present.held().minus(open_part(found, &found.hold))
}

/// What a hold sets aside: nothing if it was found lapsed.
fn open_part(found: &Found, hold: &Hold) -> Money {
    if found.outcome == Outcome::Ok { hold.held() } else { Money::ZERO }
}

/// The account with so much held, if that fits.
fn expecting<'a>(present: &Present<'a>, held: Option<Money>) -> Result<Present<'a>, Refusal> {
    let held = held.ok_or(Refusal::TooMuch("held"))?;
    let after = present.expecting(Outlook { held: Some(held), ..Outlook::default() });
    after.check_held().map(|()| after)
}

/// Corrects what the windows counted for a hold's tokens.
struct Correction<'a, 'p> {
    present: &'a Present<'p>,
    hold: &'a Hold,
}

impl Correction<'_, '_> {
    /// What windows count when the hold reserves so many tokens.
    fn meters(&self, reserved: Units, hold: HoldChange) -> Result<Change, Refusal> {
        let details = self.hold.details();
        let difference = (details.tokens, reserved);
        let tokens = self.count(&LimitName::Tokens, details.counted, difference)?;
        let mut scope = None;
        if let Some(name) = details.scope {
            let window = LimitName::Scoped(Meter::Tokens, name.clone());
            let tokens = self.count(&window, details.counted_in_scope, difference)?;
            let meters = ScopeMeters { scope: name, requests: Units::ZERO, tokens };
            scope = (tokens != Count::None).then(|| Box::new(meters));
        }
        Ok(Change::Meter(Meters { requests: Units::ZERO, tokens, scope, hold }))
    }

    fn count(
        &self,
        name: &LimitName,
        counted: bool,
        (before, after): (Units, Units),
    ) -> Result<Count, Refusal> {
        // As it is where tokens were not reserved.
        if before == after {
            return Ok(Count::None);
        }
        let (more, fewer) = (after.minus(before), before.minus(after));
        let (now, admitted) = (self.present.now, self.hold.admitted());
        let window = self.present.account.window(name);
        let fits = window.is_none_or(|window| window.can_count(more, now));
        let slot_lives = counted && window.is_some_and(|window| window.counts(admitted, now));
        let is_limited = || self.present.in_force(name).limit != Limit::Unlimited;
        let count = match slot_lives {
            true if !more.is_zero() => Count::Raise(more, admitted),
            true if !fewer.is_zero() => Count::Lower(fewer, admitted),
            false if !more.is_zero() && is_limited() => Count::Now(more),
            _ => Count::None,
        };
        if more.is_zero() || fits || count == Count::None {
            Ok(count)
        } else {
            Err(Refusal::TooMuch("tokens"))
        }
    }
}
