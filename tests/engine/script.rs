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
    HoldLapses,
    /// A closed or lapsed hold is.
    HoldForgotten,
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
    /// Of nothing, for so long.
    Holds(i64),
    /// Holds of nothing that were settled.
    Settled,
    /// Invoices that failed.
    Invoices,
    /// Of one unit of this quota.
    Leases(&'static str),
}

#[derive(Clone, Debug)]
pub enum Setting {
    NewAccounts(Mode),
    Requests(i128),
    Tokens(i128),
    Concurrency(i128),
    Tiers(Vec<TierRow>),
    Quotas(Vec<(String, i128)>),
    Anchor(u8),
    HoldTtl(i64),
    LeaseTtl(i64),
    HoldMemory(i64),
    SpendMemory(i64),
    BillingMemory(i64),
    Thresholds(Vec<u8>),
}

impl Setting {
    /// Puts the setting into the platform's figures.
    pub fn put(self, figures: &mut Figures) {
        match self {
            Self::NewAccounts(mode) => figures.new_accounts = mode,
            Self::Requests(limit) => figures.requests = limit,
            Self::Tokens(limit) => figures.tokens = limit,
            Self::Concurrency(limit) => figures.concurrency = limit,
            Self::Tiers(rows) => figures.tiers = rows,
            Self::Quotas(rows) => figures.quotas = rows,
            Self::Anchor(day) => figures.anchor = day,
            Self::HoldTtl(ttl) => figures.hold_ttl = ttl,
            Self::LeaseTtl(ttl) => figures.lease_ttl = ttl,
            Self::HoldMemory(span) => figures.hold_memory = span,
            Self::SpendMemory(span) => figures.spend_memory = span,
            Self::BillingMemory(span) => figures.billing_memory = span,
            Self::Thresholds(rows) => figures.thresholds = rows,
        }
    }
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

/// The arguments of FW.ADMIT and FW.PEEK.
#[derive(Clone, Debug)]
pub struct Ask {
    pub cost: i128,
    pub scope: Option<String>,
    pub tokens: Option<i128>,
    pub hold: Option<HoldAsk>,
}

#[derive(Clone, Debug)]
pub struct HoldAsk {
    pub id: u32,
    pub amount: i128,
    pub ttl: Option<i64>,
}

/// The arguments of FW.SPEND with HOLD.
#[derive(Clone, Debug)]
pub struct Settle {
    pub id: u32,
    pub amount: i128,
    pub tokens: Option<i128>,
    pub partial: bool,
}

/// What became of an invoice.
#[derive(Clone, Copy, Debug)]
pub enum Invoice {
    Failed,
    Paid(i128),
    Voided,
}

impl Ask {
    pub const fn of_nothing() -> Self {
        Self { cost: 0, scope: None, tokens: None, hold: None }
    }
}

#[derive(Clone, Debug)]
pub enum Command {
    Admit(Ask),
    Peek(Ask),
    Spend { amount: i128, id: Option<u32> },
    Settle(Settle),
    Void { id: u32 },
    Extend { id: u32, ttl: i64 },
    TopUp { amount: i128, id: u32, promo: bool },
    Refund { amount: i128, id: u32 },
    Invoice { id: u32, event: Invoice },
    Set { payment_method: Option<bool>, tier: Option<String>, anchor: Option<u8> },
    Suspend { reason: String },
    Resume,
    Limit { name: String, value: Option<To>, max: Option<To> },
    Reserve { id: u32, wanted: Vec<(String, i128)>, ttl: Option<i64> },
    Renew { id: u32, token: Token, ttl: Option<i64> },
    Release { id: u32, token: Option<Token> },
    Sync { upto: Token, running: Vec<u32> },
    Get,
    Quotas { name: Option<String> },
    Leases { count: usize },
    Holds { count: usize },
    Log { count: usize },
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
        let rows = matches!(self, Self::Leases { .. } | Self::Holds { .. } | Self::Log { .. });
        rows || matches!(self, Self::Get | Self::Quotas { .. })
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

impl fmt::Display for Ask {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "COST {}", self.cost)?;
        write!(out, "{}{}", option("SCOPE", &self.scope), option("TOKENS", &self.tokens))?;
        match &self.hold {
            Some(HoldAsk { id, amount, ttl }) => {
                write!(out, " HOLD {id} {amount} nanos{}", option("TTL", ttl))
            }
            None => Ok(()),
        }
    }
}

impl fmt::Display for Settle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, amount, tokens, partial } = self;
        let partial = if *partial { " PARTIAL" } else { "" };
        write!(out, "SPEND {amount} nanos HOLD {id}{}{partial}", option("TOKENS", tokens))
    }
}

impl fmt::Display for Command {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admit(ask) => write!(out, "ADMIT {ask}"),
            Self::Peek(ask) => write!(out, "PEEK {ask}"),
            Self::Spend { amount, id } => write!(out, "SPEND {amount} nanos{}", option("ID", id)),
            Self::Settle(settle) => settle.fmt(out),
            Self::Void { id } => write!(out, "VOID {id}"),
            Self::Extend { id, ttl } => write!(out, "EXTEND {id} {ttl}"),
            Self::TopUp { amount, id, promo } => {
                let promo = if *promo { " PROMO" } else { "" };
                write!(out, "TOPUP {amount} nanos ID {id}{promo}")
            }
            Self::Refund { amount, id } => write!(out, "REFUND {amount} nanos ID {id}"),
            Self::Invoice { id, event } => write!(out, "INVOICE {event:?} {id}"),
            Self::Set { payment_method, tier, anchor } => {
                let fields = [
                    option("payment-method", payment_method),
                    option("tier", tier),
                    option("anchor-day", anchor),
                ];
                write!(out, "SET{}", fields.concat())
            }
            Self::Suspend { reason } => write!(out, "SUSPEND {reason:?}"),
            Self::Resume => write!(out, "RESUME"),
            Self::Limit { name, value, max } => {
                write!(out, "LIMIT {name}{}{}", to("VALUE", value), to("MAX", max))
            }
            Self::Get => write!(out, "GET"),
            Self::Quotas { name } => write!(out, "QUOTAS{}", option("", name)),
            Self::Leases { count } => write!(out, "LEASES COUNT {count}"),
            Self::Holds { count } => write!(out, "HOLDS COUNT {count}"),
            Self::Log { count } => write!(out, "LOG COUNT {count}"),
            _ => write!(out, "QUOTA {}", lease_words(self)),
        }
    }
}

/// A command about leases.
fn lease_words(command: &Command) -> String {
    match command {
        Command::Reserve { id, wanted, ttl } => {
            format!("RESERVE {id} {wanted:?}{}", option("TTL", ttl))
        }
        Command::Renew { id, token, ttl } => {
            format!("RENEW {id} {token:?}{}", option("TTL", ttl))
        }
        Command::Release { id, token } => format!("RELEASE {id}{}", option("token", token)),
        Command::Sync { upto, running } => format!("SYNC {upto:?} {running:?}"),
        _ => String::new(),
    }
}
