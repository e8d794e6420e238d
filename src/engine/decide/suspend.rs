//! FW.SUSPEND and FW.RESUME: an operator blocks an account, and unblocks it.

use super::present::{Outlook, Present};
use super::{Decision, Missing, Request};
use crate::engine::effect::Change;
use crate::engine::policy::Policy;
use crate::engine::standing::Reason;
use crate::engine::verdict::{Outcome, Refusal, Statement};

/// Blocks an account, for a reason of the operator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspend {
    /// Why.
    pub reason: Reason,
}

/// Unblocks an account. Whatever else suspends it still does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resume;

impl Request for Suspend {
    type Answer = Statement;

    fn missing(&self, _policy: &Policy) -> Missing<Statement> {
        Missing::Fresh
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Statement>, Refusal> {
        Ok(block(present, Some(&self.reason)))
    }
}

impl Request for Resume {
    type Answer = Statement;

    fn missing(&self, _policy: &Policy) -> Missing<Statement> {
        Missing::Fresh
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Statement>, Refusal> {
        Ok(block(present, None))
    }
}

fn block(present: &Present<'_>, reason: Option<&Reason>) -> Decision<Statement> {
    if present.account.blocked() == reason {
        return Decision::unchanged(present.statement(Outcome::Ok));
    }
    let outlook = Outlook { blocked: Some(reason.is_some()), ..Outlook::default() };
    let after = present.expecting(outlook);
    Decision::changed(after.statement(Outcome::Ok), after.effect(Change::Block(reason.cloned())))
}
