//! FW.SPEND, FW.TOPUP and FW.REFUND: money used, money paid, and money given back.
//!
//! All record what happened, whatever the limits say. An id makes each exactly-once: the same id
//! with the same amount changes nothing, with another amount it is a conflict.

use super::hold::Settle;
use super::present::Present;
use super::{Decision, Missing, Request};
use crate::engine::act::{Act, Entry, Kept};
use crate::engine::effect::Change;
use crate::engine::id::Id;
use crate::engine::ledger::Ledger;
use crate::engine::money::Money;
use crate::engine::policy::Policy;
use crate::engine::verdict::{Outcome, Refusal, Statement};

/// A charge for something that was not held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spend {
    /// What it cost.
    pub amount: Money,
    /// Makes it exactly-once.
    pub id: Option<Id>,
}

/// FW.SPEND in both of its forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Charge {
    /// For something that was not held.
    Plain(Spend),
    /// For a held request.
    Held(Settle),
}

/// A credit note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// How much.
    pub amount: Money,
    /// Makes it exactly-once.
    pub id: Id,
}

/// Credits bought, or given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopUp {
    /// How much, and whether it was bought or given.
    pub act: Act,
    /// Makes it exactly-once.
    pub id: Id,
}

impl Request for Spend {
    type Answer = Statement;

    fn missing(&self, _policy: &Policy) -> Missing<Statement> {
        Missing::Fresh
    }

    fn records(&self) -> bool {
        true
    }

    fn recalls(&self) -> Option<Kept> {
        self.id.as_ref().map(|_| Kept::Spends)
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Statement>, Refusal> {
        match &self.id {
            Some(id) => once(present, id, Act::Spend(self.amount)),
            None if self.amount.is_zero() => {
                Ok(Decision::unchanged(present.statement(Outcome::Ok)))
            }
            None => record(present, Act::Spend(self.amount), Change::None),
        }
    }
}

impl Request for Charge {
    type Answer = Statement;

    fn missing(&self, _policy: &Policy) -> Missing<Statement> {
        Missing::Fresh
    }

    fn records(&self) -> bool {
        true
    }

    fn recalls(&self) -> Option<Kept> {
        match self {
            Self::Plain(spend) => spend.recalls(),
            Self::Held(settle) => settle.recalls(),
        }
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Statement>, Refusal> {
        match self {
            Self::Plain(spend) => spend.decide(present),
            Self::Held(settle) => settle.decide(present),
        }
    }
}

impl Request for Refund {
    type Answer = Statement;

    fn missing(&self, _policy: &Policy) -> Missing<Statement> {
        // There is nothing to give back.
        Missing::Refuse(Refusal::NoAccount)
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Statement>, Refusal> {
        once(present, &self.id, Act::Refund(self.amount))
    }
}

impl Request for TopUp {
    type Answer = Statement;

    fn missing(&self, _policy: &Policy) -> Missing<Statement> {
        Missing::Create
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Statement>, Refusal> {
        once(present, &self.id, self.act)
    }
}

/// Records an act unless its id is remembered.
fn once(present: &Present<'_>, id: &Id, act: Act) -> Result<Decision<Statement>, Refusal> {
    match present.recall(act.space(), id) {
        Some(known) if known == act => {
            Ok(Decision::unchanged(present.statement(Outcome::Duplicate)))
        }
        Some(_) => Err(Refusal::Conflict),
        None => {
            let entry = Entry::new(id.clone(), act, present.now);
            record(present, act, Change::Remember(Box::new(entry)))
        }
    }
}

fn record(present: &Present<'_>, act: Act, change: Change) -> Result<Decision<Statement>, Refusal> {
    let ledger = after(present.record().ledger, act)?;
    let after = present.with(|after| after.record.ledger = ledger);
    after.check_held()?;
    Ok(Decision::changed(after.statement(Outcome::Ok), after.effect(change)))
}

fn after(ledger: Ledger, act: Act) -> Result<Ledger, Refusal> {
    let after = match act {
        Act::Spend(amount) => ledger.charged(amount),
        Act::TopUp(amount) => ledger.topped_up(amount),
        Act::Promo(amount) => ledger.given(amount),
        Act::Refund(amount) => ledger.refunded(amount),
        // Recorded elsewhere.
        Act::Paid(_) | Act::InvoiceVoided | Act::Settled(_) | Act::Voided => Ok(ledger),
    };
    Ok(after?)
}
