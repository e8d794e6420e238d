//! A held request under tokio.
//!
//! Drop cannot wait, so it hands the void to the runtime it runs in. Where there is none (the
//! program is ending, or the hold was taken out of tokio) nothing is sent, a warning is logged, and
//! the hold lapses after its TTL.

use bstr::BString;
use tokio::runtime::Handle;

use super::{AsyncLimits, Connection, to_the_end};
use crate::hold::{Meter, Settlement, known, tell_unvoided};
use crate::replies::{Admission, MoneyReply};
use crate::{Error, Money, Result, commands};

/// What is voided when it is dropped, from the moment the request is sent.
pub(super) struct Open<C: Connection> {
    limits: AsyncLimits<C>,
    key: BString,
    id: BString,
    pub(super) settled: bool,
}

impl<C: Connection> Open<C> {
    pub(super) fn new(limits: AsyncLimits<C>, key: BString, id: BString) -> Self {
        Self { limits, key, id, settled: false }
    }
}

impl<C: Connection> Drop for Open<C> {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let runtime = match Handle::try_current() {
            Ok(runtime) => runtime,
            Err(none) => return tell_unvoided(&self.id, &none),
        };
        let (limits, id) = (self.limits.clone(), self.id.clone());
        let void = commands::void(&self.key, &self.id);
        runtime.spawn(async move {
            if let Err(error) = known(limits.run(&void).await) {
                tell_unvoided(&id, &error);
            }
        });
    }
}

/// A request that was admitted, and the money set aside for it; made by [`AsyncLimits::hold`].
///
/// Dropped before it is settled, by an error, a panic or because its task was cancelled, it is
/// voided in the background; what [`AsyncHold::partial`] charged stays. If there is no tokio runtime
/// to do that, or the void fails, a warning is logged and the hold lapses after its TTL.
///
/// `spend` and `void` are finished in the background if the task that awaits them is cancelled.
pub struct AsyncHold<C: Connection> {
    open: Open<C>,
    meter: Meter,
}

/// Connections of redis-rs need not print.
impl<C: Connection> std::fmt::Debug for AsyncHold<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AsyncHold").field("meter", &self.meter).finish_non_exhaustive()
    }
}

impl<C: Connection> AsyncHold<C> {
    pub(super) fn new(open: Open<C>, admission: Admission) -> Self {
        let meter = Meter::new(open.key.clone(), open.id.clone(), admission);
        Self { open, meter }
    }

    /// The id that names it in all commands.
    pub fn id(&self) -> &BString {
        &self.meter.id
    }

    /// The answer to the request, with the fields for the HTTP response.
    pub fn admission(&self) -> &Admission {
        &self.meter.admission
    }

    /// Says what the request cost so far, in all, for [`AsyncHold::finish`]. Nothing is sent.
    pub fn used(&mut self, amount: Money, tokens: impl Into<Option<u64>>) {
        self.meter.used(amount, tokens.into());
    }

    /// What the request cost by what was said last; `None` if nobody said it.
    pub fn settlement(&self) -> Option<Settlement> {
        self.meter.settlement()
    }

    /// As [`Hold::partial`](crate::Hold::partial).
    ///
    /// # Errors
    /// There is no answer; or the total is below an earlier one, `Conflict`.
    pub async fn partial(
        &mut self,
        amount: Money,
        tokens: impl Into<Option<u64>>,
    ) -> Result<Option<MoneyReply>> {
        let tokens = tokens.into();
        self.meter.used(amount, tokens);
        let reply = known(self.open.limits.run(&self.meter.partial(amount, tokens)).await)?;
        if reply.is_some() {
            self.meter.charged(amount);
        }
        Ok(reply)
    }

    /// Lets the hold lapse `ttl_ms` from now; `None`: it is not open, and can still be spent.
    ///
    /// # Errors
    /// There is no answer, or the TTL is not 1 to 86400000.
    pub async fn extend(&mut self, ttl_ms: u64) -> Result<Option<MoneyReply>> {
        known(self.open.limits.extend(&self.meter.key, &self.meter.id, ttl_ms).await)
    }

    /// Charges what the request cost in all, and closes the hold.
    ///
    /// # Errors
    /// It may have been charged, so from now on it is never voided: call it again with the same
    /// figures, or keep [`AsyncHold::settlement`] until Redis is back.
    pub async fn spend(
        &mut self,
        amount: Money,
        tokens: impl Into<Option<u64>>,
    ) -> Result<MoneyReply> {
        self.open.settled = true;
        let settlement = self.meter.settlement_of(amount, tokens.into());
        let limits = self.open.limits.clone();
        let failure = format!("hold {} was not spent", self.meter.id);
        to_the_end(async move { limits.settle(&settlement).await }, failure).await
    }

    /// Spends what `used` or `partial` named last.
    ///
    /// # Errors
    /// As [`AsyncHold::spend`]; or nobody said what it cost, `CostUnknown`, and it was voided.
    pub async fn finish(&mut self) -> Result<MoneyReply> {
        match self.meter.settlement() {
            Some(settlement) => self.spend(settlement.amount, settlement.tokens).await,
            None => {
                self.void().await?;
                Err(Error::CostUnknown(self.meter.id.to_string()))
            }
        }
    }

    /// Closes the hold without charging more. `None`: the server does not know it.
    ///
    /// # Errors
    /// There is no answer; the hold lapses if it is not voided again. Or it was spent, `Conflict`.
    pub async fn void(&mut self) -> Result<Option<MoneyReply>> {
        self.open.settled = true;
        let (limits, void) = (self.open.limits.clone(), self.meter.void());
        let failure = format!("hold {} was not voided and will lapse", self.meter.id);
        to_the_end(async move { known(limits.run(&void).await) }, failure).await
    }
}
