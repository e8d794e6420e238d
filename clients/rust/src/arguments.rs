//! What is asked for, where a command takes more than a key and an id. Words of the wire, written in
//! one place each.

use std::time::Duration;

use bstr::BString;
use redis::Cmd;

use crate::{Figure, Money};

/// What an ADMIT asks for; without more it is one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    cost: Option<u64>,
    scope: Option<BString>,
    tokens: Option<u64>,
    pub(crate) hold: Option<Terms>,
}

impl Ask {
    /// So many requests; 0 takes none.
    pub fn cost(mut self, requests: u64) -> Self {
        self.cost = Some(requests);
        self
    }

    /// A model, or any other sub-limit, with limits of its own.
    pub fn scope(mut self, name: impl AsRef<[u8]>) -> Self {
        self.scope = Some(name.as_ref().into());
        self
    }

    /// Reserves tokens in the tokens windows.
    pub fn tokens(mut self, tokens: u64) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Sets money aside.
    pub fn hold(mut self, terms: Terms) -> Self {
        self.hold = Some(terms);
        self
    }

    pub(crate) fn write(&self, cmd: &mut Cmd) {
        option(cmd, "COST", self.cost);
        if let Some(scope) = &self.scope {
            cmd.arg("SCOPE").arg(scope.as_slice());
        }
        option(cmd, "TOKENS", self.tokens);
        if let Some(hold) = &self.hold {
            cmd.arg("HOLD").arg(hold.id.as_slice()).arg(hold.amount.to_string());
            option(cmd, "TTL", hold.ttl_ms);
        }
    }
}

/// What a hold sets aside, under which id, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    pub(crate) id: BString,
    amount: Money,
    ttl_ms: Option<u64>,
}

impl Terms {
    /// Sets an amount aside under a new random id, for `fw.hold-ttl-ms`.
    pub fn of(amount: Money) -> Self {
        Self { id: uuid::Uuid::new_v4().to_string().into(), amount, ttl_ms: None }
    }

    /// Under an id of the caller's own: the same id with the same amount is taken once.
    pub fn id(mut self, id: impl AsRef<[u8]>) -> Self {
        self.id = id.as_ref().into();
        self
    }

    /// Until it lapses, 1 to 86400000.
    pub fn ttl_ms(mut self, ttl_ms: u64) -> Self {
        self.ttl_ms = Some(ttl_ms);
        self
    }
}

/// What a charge is for, and so how a repeat of it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Charge {
    /// Something not held. It counts once under its id, however often it is sent.
    Once(BString),
    /// What a held request cost in all. It closes the hold.
    Held(BString, Option<u64>),
    /// What a held request cost so far, in all. Its hold stays open, and its TTL starts anew.
    Partial(BString, Option<u64>),
    /// Something without an id: if it is sent again, it is charged again.
    EachTime,
}

impl Charge {
    /// Something not held, under an id.
    pub fn id(id: impl AsRef<[u8]>) -> Self {
        Self::Once(id.as_ref().into())
    }

    /// What a held request cost in all, and the tokens it used.
    pub fn hold(id: impl AsRef<[u8]>, tokens: impl Into<Option<u64>>) -> Self {
        Self::Held(id.as_ref().into(), tokens.into())
    }

    /// What a held request cost so far, in all, and the tokens it used.
    pub fn partial(id: impl AsRef<[u8]>, tokens: impl Into<Option<u64>>) -> Self {
        Self::Partial(id.as_ref().into(), tokens.into())
    }

    pub(crate) fn write(&self, cmd: &mut Cmd) {
        match self {
            Self::EachTime => {}
            Self::Once(id) => {
                cmd.arg("ID").arg(id.as_slice());
            }
            Self::Held(id, tokens) | Self::Partial(id, tokens) => {
                cmd.arg("HOLD").arg(id.as_slice());
                option(cmd, "TOKENS", *tokens);
            }
        }
        if let Self::Partial(..) = self {
            cmd.arg("PARTIAL");
        }
    }
}

/// The id of a top-up, and where its money comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credit {
    /// The customer bought it.
    Bought(BString),
    /// The platform gave it.
    Promo(BString),
}

impl Credit {
    /// Bought by the customer.
    pub fn bought(id: impl AsRef<[u8]>) -> Self {
        Self::Bought(id.as_ref().into())
    }

    /// Given by the platform.
    pub fn promo(id: impl AsRef<[u8]>) -> Self {
        Self::Promo(id.as_ref().into())
    }

    pub(crate) fn write(&self, cmd: &mut Cmd) {
        let (Self::Bought(id) | Self::Promo(id)) = self;
        cmd.arg("ID").arg(id.as_slice());
        if let Self::Promo(_) = self {
            cmd.arg("PROMO");
        }
    }
}

/// What became of an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invoice {
    /// It could not be collected: the account is suspended until it is paid or voided.
    Failed,
    /// It was paid.
    Paid,
    /// It was paid, and so much less is owed.
    PaidAmount(Money),
    /// It was taken back.
    Voided,
}

impl Invoice {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Failed => "FAILED",
            Self::Paid | Self::PaidAmount(_) => "PAID",
            Self::Voided => "VOIDED",
        }
    }
}

/// Fields of an account to be set, all or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// Whether a payment method is on file.
    pub payment_method: Option<bool>,
    /// Pins a tier: a name, or `unlimited`; `auto` ends that.
    pub tier: Option<String>,
    /// The day on which the account's month begins, 1 to 31.
    pub anchor_day: Option<u64>,
}

impl Fields {
    pub(crate) fn write(&self, cmd: &mut Cmd) {
        if let Some(on_file) = self.payment_method {
            cmd.arg("payment-method").arg(if on_file { "yes" } else { "no" });
        }
        if let Some(tier) = &self.tier {
            cmd.arg("tier").arg(tier);
        }
        option(cmd, "anchor-day", self.anchor_day);
    }
}

/// A figure for a limit, no bound, or the platform's figure again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A count, or money for `spend`.
    Figure(Figure),
    /// No bound.
    Unlimited,
    /// The platform's (or tier's) figure again.
    Default,
}

impl<F: Into<Figure>> From<F> for Bound {
    fn from(figure: F) -> Self {
        Self::Figure(figure.into())
    }
}

impl Bound {
    fn word(self) -> String {
        match self {
            Self::Figure(Figure::Count(count)) => count.to_string(),
            Self::Figure(Figure::Money(money)) => money.to_string(),
            Self::Unlimited => "unlimited".to_owned(),
            Self::Default => "DEFAULT".to_owned(),
        }
    }
}

/// A change of a limit: of what the customer chose, of what the operator approved, or of both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    value: Option<Bound>,
    max: Option<Bound>,
}

impl Change {
    /// What the customer chooses, at most MAX.
    pub fn value(mut self, bound: impl Into<Bound>) -> Self {
        self.value = Some(bound.into());
        self
    }

    /// What the operator approves.
    pub fn max(mut self, bound: impl Into<Bound>) -> Self {
        self.max = Some(bound.into());
        self
    }

    pub(crate) fn write(&self, cmd: &mut Cmd) {
        option(cmd, "VALUE", self.value.map(Bound::word));
        option(cmd, "MAX", self.max.map(Bound::word));
    }
}

/// The counts that a lease is to hold, absolute; a quota not named keeps its count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quotas {
    pub(crate) counts: Vec<(BString, u64)>,
    ttl_ms: Option<u64>,
    pub(crate) every: Option<Duration>,
}

impl Quotas {
    /// So much of one quota.
    pub fn of(name: impl AsRef<[u8]>, count: u64) -> Self {
        Self { counts: vec![(name.as_ref().into(), count)], ttl_ms: None, every: None }
    }

    /// And so much of another.
    pub fn and(mut self, name: impl AsRef<[u8]>, count: u64) -> Self {
        self.counts.push((name.as_ref().into(), count));
        self
    }

    /// Until the lease lapses, 0 (never) to 31536000000.
    pub fn ttl_ms(mut self, ttl_ms: u64) -> Self {
        self.ttl_ms = Some(ttl_ms);
        self
    }

    /// How often the heartbeat of [`Lease`](crate::Lease) renews it: a third of the TTL, and every
    /// minute for a lease that never lapses, unless this is said.
    pub fn renewed_every(mut self, every: Duration) -> Self {
        self.every = Some(every);
        self
    }

    pub(crate) fn write(&self, cmd: &mut Cmd) {
        for (name, count) in &self.counts {
            cmd.arg(name.as_slice()).arg(*count);
        }
        option(cmd, "TTL", self.ttl_ms);
    }
}

/// The token of a lease that is renewed, and its new TTL, if it gets one. A number is a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewal {
    token: u64,
    ttl_ms: Option<u64>,
}

impl From<u64> for Renewal {
    fn from(token: u64) -> Self {
        Self { token, ttl_ms: None }
    }
}

impl Renewal {
    /// The TTL from now on, 0 (never lapses) to 31536000000.
    pub fn ttl_ms(mut self, ttl_ms: u64) -> Self {
        self.ttl_ms = Some(ttl_ms);
        self
    }

    pub(crate) fn write(&self, cmd: &mut Cmd) {
        cmd.arg(self.token);
        option(cmd, "TTL", self.ttl_ms);
    }
}

/// An option and its value, if there is one.
pub(crate) fn option(cmd: &mut Cmd, name: &str, value: Option<impl redis::ToRedisArgs>) {
    if let Some(value) = value {
        cmd.arg(name).arg(value);
    }
}
