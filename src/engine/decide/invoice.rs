//! FW.INVOICE: what the billing system says of invoices, in whatever order it arrives.
//!
//! A failed invoice is a state and suspends until it is paid or voided. Both are final, and are
//! remembered also for invoices never seen, so that a failure that arrives later changes nothing.

use super::present::{Outlook, Present};
use super::{Decision, Missing, Request};
use crate::engine::act::{Act, Entry, Space};
use crate::engine::bounds::FAILED_INVOICES;
use crate::engine::effect::Change;
use crate::engine::id::Id;
use crate::engine::money::Money;
use crate::engine::policy::Policy;
use crate::engine::verdict::{Outcome, Refusal, Statement};

/// What happened to an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// The invoice.
    pub id: Id,
    /// What happened.
    pub event: Event,
}

/// What can happen to an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its payment failed.
    Failed,
    /// It was paid, which lowers what is owed by this much.
    Paid(Money),
    /// It was voided.
    Voided,
}

impl Request for Invoice {
    type Answer = Statement;

    fn missing(&self, _policy: &Policy) -> Missing<Statement> {
        Missing::Fresh
    }

    fn records(&self) -> bool {
        true
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Statement>, Refusal> {
        // Whatever is still stored of an invoice that failed since was forgotten then.
        let is_failed = present.account.failed().is_some_and(|failed| failed.contains(&self.id));
        let known = present.recall(Space::Invoice, &self.id).filter(|_| !is_failed);
        match self.event {
            Event::Failed => self.failed(present, known),
            Event::Paid(amount) => self.ended(present, known, Act::Paid(amount)),
            Event::Voided => self.ended(present, known, Act::InvoiceVoided),
        }
    }
}

impl Invoice {
    fn failed(
        &self,
        present: &Present<'_>,
        known: Option<Act>,
    ) -> Result<Decision<Statement>, Refusal> {
        let failed = present.account.failed();
        if known.is_some() || failed.is_some_and(|failed| failed.contains(&self.id)) {
            return Ok(Decision::unchanged(present.statement(Outcome::Duplicate)));
        }
        if failed.is_some_and(|failed| failed.len() >= FAILED_INVOICES) {
            return Err(Refusal::Full("failed invoices", FAILED_INVOICES));
        }
        let outlook = Outlook { payment_failed: Some(true), ..Outlook::default() };
        let after = present.expecting(outlook);
        let change = Change::Fail(Box::new(self.id.clone()));
        Ok(Decision::changed(after.statement(Outcome::Ok), after.effect(change)))
    }

    fn ended(
        &self,
        present: &Present<'_>,
        known: Option<Act>,
        act: Act,
    ) -> Result<Decision<Statement>, Refusal> {
        match known {
            Some(known) if known == act => {
                return Ok(Decision::unchanged(present.statement(Outcome::Duplicate)));
            }
            Some(_) => return Err(Refusal::Conflict),
            None => {}
        }
        let mut failed = present.account.failed().into_iter().flatten();
        let others = failed.any(|failed| *failed != self.id);
        let ledger = match act {
            Act::Paid(amount) => present.record().ledger.paid(amount),
            _ => present.record().ledger,
        };
        let outlook = Outlook { payment_failed: Some(others), ..Outlook::default() };
        let after = present.with(|after| after.record.ledger = ledger).expecting(outlook);
        let entry = Entry::new(self.id.clone(), act, present.now);
        let change = Change::Remember(Box::new(entry));
        Ok(Decision::changed(after.statement(Outcome::Ok), after.effect(change)))
    }
}
