#![doc = include_str!("ARCHITECTURE.md")]

pub mod codec;
pub mod command;
pub mod engine;
pub mod module;

use command::{
    Visitor, admit, clock, get, leases, limit, peek, quota, quotas, set, spend, tiers, topup,
};

/// Shows every command to a visitor: the command table.
pub fn commands(visitor: &mut impl Visitor) {
    visitor.command::<admit::Admit>();
    visitor.command::<peek::Peek>();
    visitor.command::<spend::Spend>();
    visitor.command::<topup::TopUp>();
    visitor.command::<set::Set>();
    visitor.command::<limit::Limit>();
    visitor.command::<quota::Quota>();
    visitor.command::<quotas::Quotas>();
    visitor.command::<get::Get>();
    visitor.command::<leases::Leases>();
    visitor.keyless::<tiers::Tiers>();
    visitor.keyless::<clock::Clock>();
}
