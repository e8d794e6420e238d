//! The script of a history: commands, steps of the clock and changes of the policy, as plain data.
//!
//! Steps are chosen without looking at any account, so that a history stays a history when steps
//! are dropped from it. What depends on the account (a token, the instant at which a lease lapses)
//! is looked up when the step is taken.

use std::fmt;

use crate::model::figures::{Figures, Mode, TierRow, UNLIMITED};

/// The ids with which an account is filled begin here.
pub const FIRST_FILLED: u32 = 1_000_000;

#[derive(Clone, Debug)]
pub enum Step {
    Clock(Move),
    Policy(Setting),
    Command(Command),
    /// So many of them, with ids of their own, to fill an account.
    Fill(Filling, u32),
    /// DEL: the key is gone.
    Delete,
}

#[derive(Clone, Copy, Debug)]
pub enum Move {
    Ahead(i64),
    Back(i64),
    /// To the end of the calendar month, and so much further.
    MonthEnd(i64),
    /// To the next such instant of the account, and so much further; nowhere if there is none.
    Next(Event, i64),
}

/// What happens to an account at an instant of its own.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    LeaseLapses,
    SlotFrees,
    IdForgotten,
    PeriodEnds,
}

/// What an account is filled with.
#[derive(Clone, Copy, Debug)]
pub enum Filling {
    Spends,
    Billings,
    /// Of one unit of this quota.
    Leases(&'static str),
}

#[derive(Clone, Debug)]
pub enum Setting {
    NewAccounts(Mode),
    Requests(i128),
    Tiers(Vec<TierRow>),
    Quotas(Vec<(String, i128)>),
    Anchor(u8),
    LeaseTtl(i64),
    SpendMemory(i64),
    BillingMemory(i64),
}

/// A token that a caller names.
#[derive(Clone, Copy, Debug)]
pub enum Token {
    /// The lease's own, and so much more.
    Own(i64),
    /// The largest one given, and so much more.
    Last(i64),
    Exact(i64),
}

/// What FW.LIMIT sets a VALUE or a MAX to; `None` is DEFAULT.
pub type To = Option<i128>;

#[derive(Clone, Debug)]
pub enum Command {
    Admit { cost: i128 },
    Peek { cost: i128 },
    Spend { amount: i128, id: Option<u32> },
    TopUp { amount: i128, id: u32, promo: bool },
    Set { payment_method: Option<bool>, tier: Option<String>, anchor: Option<u8> },
    Limit { name: String, value: Option<To>, max: Option<To> },
    Reserve { id: u32, wanted: Vec<(String, i128)>, ttl: Option<i64> },
    Renew { id: u32, token: Token, ttl: Option<i64> },
    Release { id: u32, token: Option<Token> },
    Sync { upto: Token, running: Vec<u32> },
    Get,
    Quotas { name: Option<String> },
    Leases { count: usize },
}

impl Command {
    /// Holds if the command's own grammar refuses it: it names a tier or a quota the platform does
    /// not know. Such a command never comes to an account.
    pub fn is_malformed(&self, figures: &Figures) -> bool {
        match self {
            Self::Set { tier: Some(tier), .. } => {
                !matches!(tier.as_str(), "auto" | "unlimited") && figures.tier(tier).is_none()
            }
            Self::Limit { name, .. } => is_quota(name) && figures.quota(name).is_none(),
            Self::Reserve { wanted, .. } => {
                wanted.iter().any(|(name, _)| figures.quota(name).is_none())
            }
            _ => false,
        }
    }

    /// Holds for what only looks.
    pub fn is_view(&self) -> bool {
        matches!(self, Self::Get | Self::Quotas { .. } | Self::Leases { .. })
    }
}

/// Holds if a limit of this name is a quota's.
pub fn is_quota(name: &str) -> bool {
    !is_scoped(name) && !matches!(name, "requests" | "tokens" | "concurrency" | "spend")
}

/// Holds if a limit of this name is a scope's.
pub fn is_scoped(name: &str) -> bool {
    name.contains('@')
}

/// The bytes of an id. Some are too long to be kept without memory of their own.
pub fn id_text(id: u32) -> String {
    let length = match id % 4 {
        0 => 128,
        1 => 39,
        2 => 38,
        _ => 1,
    };
    format!("{id:x>length$}")
}

fn amount(amount: i128) -> String {
    if amount == UNLIMITED { "unlimited".to_owned() } else { amount.to_string() }
}

fn option<T: fmt::Debug>(word: &str, value: &Option<T>) -> String {
    value.as_ref().map_or_else(String::new, |value| format!(" {word} {value:?}"))
}

fn to(word: &str, value: &Option<To>) -> String {
    let text = |to: To| to.map_or_else(|| "DEFAULT".to_owned(), amount);
    value.map_or_else(String::new, |to| format!(" {word} {}", text(to)))
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock(Move::Ahead(ms)) => write!(out, "clock +{ms}"),
            Self::Clock(Move::Back(ms)) => write!(out, "clock -{ms}"),
            Self::Clock(moved) => write!(out, "clock {moved:?}"),
            Self::Policy(setting) => write!(out, "policy {setting:?}"),
            Self::Command(command) => command.fmt(out),
            Self::Fill(filling, count) => write!(out, "fill {filling:?} {count}"),
            Self::Delete => write!(out, "DEL"),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admit { cost } => write!(out, "ADMIT COST {cost}"),
            Self::Peek { cost } => write!(out, "PEEK COST {cost}"),
            Self::Spend { amount, id } => write!(out, "SPEND {amount} nanos{}", option("ID", id)),
            Self::TopUp { amount, id, promo } => {
                let promo = if *promo { " PROMO" } else { "" };
                write!(out, "TOPUP {amount} nanos ID {id}{promo}")
            }
            Self::Set { payment_method, tier, anchor } => {
                let fields = [
                    option("payment-method", payment_method),
                    option("tier", tier),
                    option("anchor-day", anchor),
                ];
                write!(out, "SET{}", fields.concat())
            }
            Self::Limit { name, value, max } => {
                write!(out, "LIMIT {name}{}{}", to("VALUE", value), to("MAX", max))
            }
            Self::Reserve { id, wanted, ttl } => {
                write!(out, "QUOTA RESERVE {id} {wanted:?}{}", option("TTL", ttl))
            }
            Self::Renew { id, token, ttl } => {
                write!(out, "QUOTA RENEW {id} {token:?}{}", option("TTL", ttl))
            }
            Self::Release { id, token } => {
                write!(out, "QUOTA RELEASE {id}{}", option("token", token))
            }
            Self::Sync { upto, running } => write!(out, "QUOTA SYNC {upto:?} {running:?}"),
            Self::Get => write!(out, "GET"),
            Self::Quotas { name } => write!(out, "QUOTAS{}", option("", name)),
            Self::Leases { count } => write!(out, "LEASES COUNT {count}"),
        }
    }
}
