//! FW.SET: what the operator says of an account.

use super::present::Present;
use super::{Decision, Missing, Request};
use crate::engine::effect::Change;
use crate::engine::id::Name;
use crate::engine::month::Anchor;
use crate::engine::policy::Policy;
use crate::engine::verdict::{Outcome, Refusal, Statement};

/// Fields to set; an absent one stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    /// Whether a payment method is on file.
    pub payment_method: Option<bool>,
    /// The tier.
    pub tier: Option<Pin>,
    /// The day on which spending periods begin.
    pub anchor: Option<Anchor>,
}

/// Who decides the tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pin {
    /// What the account earns.
    Auto,
    /// The operator: a tier's name, or `unlimited`.
    To(Name),
}

impl Request for Set {
    type Answer = Statement;

    fn missing(&self, _policy: &Policy) -> Missing<Statement> {
        Missing::Create
    }

    fn payment_method(&self) -> Option<bool> {
        self.payment_method
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Statement>, Refusal> {
        let after = present.with(|after| {
            let record = &mut after.record;
            if let Some(payment_method) = self.payment_method {
                record.payment_method = payment_method;
            }
            match &self.tier {
                Some(Pin::Auto) => after.pinned = None,
                Some(Pin::To(name)) => after.pinned = Some(name.clone()),
                None => {}
            }
            if let Some(anchor) = self.anchor.filter(|_| self.anchor != record.anchor) {
                record.anchor = Some(anchor);
                record.period = record.period.anchored(anchor, present.now);
            }
        });
        // Setting what is set already changes nothing, not even what is due.
        let answer = after.statement(Outcome::Ok);
        if after.is_as(present) {
            return Ok(Decision::unchanged(answer));
        }
        Ok(Decision::changed(answer, after.effect(Change::None)))
    }
}
