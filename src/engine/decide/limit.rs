//! FW.LIMIT: the limits an account has of its own, VALUE within MAX.

use super::present::Present;
use super::{Decision, Missing, Request};
use crate::engine::effect::Change;
use crate::engine::extras::LimitKind;
use crate::engine::limit::{Limit, LimitName, Override, Units};
use crate::engine::policy::Policy;
use crate::engine::verdict::{LimitRow, Refusal};

/// Which limit is set, and to what; an absent VALUE or MAX stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetLimit {
    /// Which limit.
    pub name: LimitName,
    /// What the customer chose.
    pub value: Option<To>,
    /// What the operator approved.
    pub max: Option<To>,
}

/// What a VALUE or a MAX is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Nothing of the account's own.
    Default,
    /// This.
    Figure(Limit<Units>),
}

impl To {
    const fn figure(self) -> Option<Limit<Units>> {
        match self {
            Self::Default => None,
            Self::Figure(limit) => Some(limit),
        }
    }
}

impl Request for SetLimit {
    type Answer = LimitRow;

    fn missing(&self, policy: &Policy) -> Missing<LimitRow> {
        match policy.lacks(&self.name) {
            Some(quota) => Missing::Refuse(Refusal::UnknownQuota(quota.clone())),
            None => Missing::Fresh,
        }
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<LimitRow>, Refusal> {
        let before = present.account.own(&self.name).unwrap_or_default();
        // Of a quota that left the platform, what was set can still be dropped.
        let sets = [self.value, self.max].into_iter().flatten().any(|to| to != To::Default);
        if let Some(quota) = present.policy.lacks(&self.name)
            && (sets || before.is_default())
        {
            return Err(Refusal::UnknownQuota(quota.clone()));
        }
        let own = Override {
            value: self.value.map_or(before.value, To::figure),
            max: self.max.map_or(before.max, To::figure),
        };
        let in_force = present.in_force_with(&self.name, Some(own));
        if self.value.and_then(To::figure).is_some_and(|value| value > in_force.max) {
            return Err(Refusal::AboveMax);
        }
        if let Some(kind) = LimitKind::of(&self.name)
            && !present.account.has_room_for(&self.name)
            && !own.is_default()
        {
            return Err(Refusal::Full(kind.plural(), kind.bound()));
        }
        // A scoped limit that is removed takes its window along.
        let is_gone = own.is_default() && matches!(self.name, LimitName::Scoped(..));
        let used = if is_gone { Units::ZERO } else { present.used(&self.name) };
        let answer = LimitRow { name: self.name.clone(), in_force, used };
        if own == before {
            return Ok(Decision::unchanged(answer));
        }
        let change = Change::Limit(Box::new((self.name.clone(), own)));
        Ok(Decision::changed(answer, present.effect(change)))
    }
}
