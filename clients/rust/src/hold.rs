//! A held request from its admission to its settlement.
//!
//! What is not settled is voided when the hold is dropped: by an error that returns early, by a
//! panic, by forgetting to say what it cost. Nobody is charged by guess. Where the void cannot be
//! sent the hold lapses after its TTL.

use bstr::BString;
use redis::ConnectionLike;

use crate::arguments::{Charge, Terms};
use crate::replies::{Admission, MoneyReply};
use crate::{Command, Error, Limits, Money, Result, commands};

/// An id is 1 to 128 bytes, and `hold:` goes before this one.
const LONGEST_ID: usize = 123;

/// What became of a request for a hold.
#[derive(Debug)]
#[must_use = "a hold that is dropped is voided"]
pub enum Opened<H> {
    /// Serve it, and say what it cost.
    Admitted(H),
    /// Do not serve it: nothing is held.
    Denied(Admission),
}

/// What a held request cost in all: a plain value, so that it can be kept (also on disk) until Redis
/// is back, and sent over any connection by [`Limits::settle`]. It counts once.
///
/// A hold that the server does not know (lost in a failover, or forgotten long after it lapsed) is
/// charged under an id of its own, `hold:` and the hold's, less what partials have charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The account.
    pub key: BString,
    /// The hold's id.
    pub id: BString,
    /// The cost, in all.
    pub amount: Money,
    /// The tokens used, in all.
    pub tokens: Option<u64>,
    /// What partials have charged of it.
    pub charged: Money,
}

impl Settlement {
    pub(crate) fn of_the_hold(&self) -> Command<MoneyReply> {
        commands::spend(&self.key, self.amount, &Charge::hold(&self.id, self.tokens))
    }

    pub(crate) fn by_itself(&self) -> Command<MoneyReply> {
        let rest = self.amount.checked_sub(self.charged).unwrap_or(Money::ZERO);
        let id = [b"hold:".as_slice(), &self.id].concat();
        commands::spend(&self.key, rest, &Charge::id(id))
    }
}

/// The id of a hold that can be settled under `hold:`, too.
pub(crate) fn named(terms: &Terms) -> Result<BString> {
    if !(1..=LONGEST_ID).contains(&terms.id.len()) {
        return Err(Error::Invalid(format!("a hold's id is 1 to {LONGEST_ID} bytes")));
    }
    Ok(terms.id.clone())
}

pub(crate) fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::NoHold(_))
}

/// `None` where the server does not know the hold.
pub(crate) fn known<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(reply) => Ok(Some(reply)),
        Err(error) if is_unknown(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(crate) fn tell_unvoided(id: &BString, why: &dyn std::fmt::Display) {
    log::warn!("hold {id} was not voided and will lapse: {why}");
}

/// What is known of a hold.
#[derive(Debug)]
pub(crate) struct Meter {
    pub(crate) key: BString,
    pub(crate) id: BString,
    pub(crate) admission: Admission,
    total: Option<(Money, Option<u64>)>,
    charged: Money,
}

impl Meter {
    pub(crate) fn new(key: BString, id: BString, admission: Admission) -> Self {
        Self { key, id, admission, total: None, charged: Money::ZERO }
    }

    pub(crate) fn used(&mut self, amount: Money, tokens: Option<u64>) {
        self.total = Some((amount, tokens));
    }

    pub(crate) fn charged(&mut self, amount: Money) {
        self.charged = amount;
    }

    pub(crate) fn partial(&self, amount: Money, tokens: Option<u64>) -> Command<MoneyReply> {
        commands::spend(&self.key, amount, &Charge::partial(&self.id, tokens))
    }

    pub(crate) fn void(&self) -> Command<MoneyReply> {
        commands::void(&self.key, &self.id)
    }

    pub(crate) fn settlement(&self) -> Option<Settlement> {
        let (amount, tokens) = self.total?;
        let (key, id) = (self.key.clone(), self.id.clone());
        Some(Settlement { key, id, amount, tokens, charged: self.charged })
    }

    pub(crate) fn settlement_of(&mut self, amount: Money, tokens: Option<u64>) -> Settlement {
        self.used(amount, tokens);
        let (key, id) = (self.key.clone(), self.id.clone());
        Settlement { key, id, amount, tokens, charged: self.charged }
    }
}

/// A request that was admitted, and the money set aside for it; made by [`Limits::hold`].
///
/// Dropped before it is settled it is voided, also by a panic; what [`Hold::partial`] charged stays.
/// The drop waits for the server, so the connection needs a timeout; if the void fails, a warning
/// is logged and the hold lapses after its TTL.
pub struct Hold<'a, C: ConnectionLike> {
    limits: &'a mut Limits<C>,
    meter: Meter,
    settled: bool,
}

impl<'a, C: ConnectionLike> Hold<'a, C> {
    pub(crate) fn new(
        limits: &'a mut Limits<C>,
        key: BString,
        id: BString,
        admission: Admission,
    ) -> Self {
        Self { limits, meter: Meter::new(key, id, admission), settled: false }
    }

    /// The id that names it in all commands.
    pub fn id(&self) -> &BString {
        &self.meter.id
    }

    /// The answer to the request, with the fields for the HTTP response.
    pub fn admission(&self) -> &Admission {
        &self.meter.admission
    }

    /// The client, while the request is served.
    pub fn limits(&mut self) -> &mut Limits<C> {
        self.limits
    }

    /// Says what the request cost so far, in all, for [`Hold::finish`]. Nothing is sent.
    pub fn used(&mut self, amount: Money, tokens: impl Into<Option<u64>>) {
        self.meter.used(amount, tokens.into());
    }

    /// What the request cost by what was said last; `None` if nobody said it.
    pub fn settlement(&self) -> Option<Settlement> {
        self.meter.settlement()
    }

    /// Charges the total so far, and starts the hold's TTL anew.
    ///
    /// The reply says whether the account may go on. `None`: the server does not know the hold; the
    /// end charges everything.
    ///
    /// # Errors
    /// There is no answer; or the total is below an earlier one, `Conflict`.
    pub fn partial(
        &mut self,
        amount: Money,
        tokens: impl Into<Option<u64>>,
    ) -> Result<Option<MoneyReply>> {
        let tokens = tokens.into();
        self.meter.used(amount, tokens);
        let reply = known(self.limits.run(&self.meter.partial(amount, tokens)))?;
        if reply.is_some() {
            self.meter.charged(amount);
        }
        Ok(reply)
    }

    /// Lets the hold lapse `ttl_ms` from now; `None`: it is not open, and can still be spent.
    ///
    /// # Errors
    /// There is no answer, or the TTL is not 1 to 86400000.
    pub fn extend(&mut self, ttl_ms: u64) -> Result<Option<MoneyReply>> {
        known(self.limits.extend(&self.meter.key, &self.meter.id, ttl_ms))
    }

    /// Charges what the request cost in all, and closes the hold.
    ///
    /// # Errors
    /// It may have been charged, so from now on it is never voided: call it again with the same
    /// figures, or keep [`Hold::settlement`] until Redis is back.
    pub fn spend(&mut self, amount: Money, tokens: impl Into<Option<u64>>) -> Result<MoneyReply> {
        self.settled = true;
        self.limits.settle(&self.meter.settlement_of(amount, tokens.into()))
    }

    /// Spends what `used` or `partial` named last.
    ///
    /// # Errors
    /// As [`Hold::spend`]; or nobody said what it cost, `CostUnknown`, and it was voided.
    pub fn finish(&mut self) -> Result<MoneyReply> {
        match self.meter.settlement() {
            Some(settlement) => self.spend(settlement.amount, settlement.tokens),
            None => {
                self.void()?;
                Err(Error::CostUnknown(self.meter.id.to_string()))
            }
        }
    }

    /// Closes the hold without charging more. `None`: the server does not know it.
    ///
    /// # Errors
    /// There is no answer; the hold lapses if it is not voided again. Or it was spent, `Conflict`.
    pub fn void(&mut self) -> Result<Option<MoneyReply>> {
        self.settled = true;
        known(self.limits.run(&self.meter.void()))
    }
}

/// Connections of redis-rs need not print.
impl<C: ConnectionLike> std::fmt::Debug for Hold<'_, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hold").field("meter", &self.meter).finish_non_exhaustive()
    }
}

impl<C: ConnectionLike> Drop for Hold<'_, C> {
    fn drop(&mut self) {
        if !self.settled
            && let Err(error) = self.void()
        {
            tell_unvoided(&self.meter.id, &error);
        }
    }
}
