//! The client for tokio.

mod hold;
mod lease;

use std::future::Future;

use bstr::BString;
use redis::aio::ConnectionLike;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::arguments::{Ask, Change, Charge, Credit, Fields, Invoice, Quotas, Renewal, Terms};
use crate::hold::{Opened, Settlement, is_unknown, named};
use crate::lease::Leased;
use crate::methods::for_each_command;
use crate::replies::{
    Account, Admission, Explanation, HeldLease, Limit, LogEntry, MoneyReply, OpenHold, Reservation,
    Tier,
};
use crate::{Command, Error, Money, Result, commands};
pub use hold::AsyncHold;
pub use lease::AsyncLease;

/// A connection that many tasks share: `MultiplexedConnection`, `ConnectionManager`, the cluster's
/// `ClusterConnection`.
pub trait Connection: ConnectionLike + Clone + Send + Sync + 'static {}

impl<C: ConnectionLike + Clone + Send + Sync + 'static> Connection for C {}

/// The module's commands on an asynchronous connection of redis-rs; clones share it.
///
/// A method each, with the arguments of the functions in [`commands`]. All of them fail if the
/// command is refused or there is no answer; a denial is a reply.
#[derive(Clone)]
pub struct AsyncLimits<C> {
    connection: C,
}

/// Connections of redis-rs need not print.
impl<C> std::fmt::Debug for AsyncLimits<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AsyncLimits").finish_non_exhaustive()
    }
}

macro_rules! methods {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $reply:ty;)*) => {
        $(
            #[doc = concat!("See [`commands::", stringify!($name), "`].")]
            ///
            /// # Errors
            /// The command was refused, or there was no answer.
            pub async fn $name(&self, $($argument: $kind),*) -> Result<$reply> {
                self.run(&commands::$name($($argument),*)).await
            }
        )*
    };
}

impl<C: Connection> AsyncLimits<C> {
    /// A client on a connection, with its own timeouts, TLS and user.
    pub fn new(connection: C) -> Self {
        Self { connection }
    }

    /// The connection, for commands of other kinds.
    pub fn connection(&self) -> &C {
        &self.connection
    }

    /// Sends a command.
    ///
    /// # Errors
    /// The command was refused, or there was no answer.
    pub async fn run<T>(&self, command: &Command<T>) -> Result<T> {
        command.run_async(&mut self.connection.clone()).await
    }

    for_each_command!(methods);

    /// See [`commands::help`].
    ///
    /// # Errors
    /// There was no answer.
    pub async fn help<'a>(&self, command: impl Into<Option<&'a str>>) -> Result<Vec<BString>> {
        self.run(&commands::help(command)).await
    }

    /// Admits a request with a hold, which is voided when it is dropped before it is settled; also
    /// when this very call is cancelled.
    ///
    /// # Errors
    /// There is no answer, or the id is not 1 to 123 bytes long or was used otherwise. After a lost
    /// answer the hold may be open: the same call with the same id takes nothing again.
    pub async fn hold(
        &self,
        key: impl AsRef<[u8]>,
        terms: Terms,
        ask: &Ask,
    ) -> Result<Opened<AsyncHold<C>>> {
        let id = named(&terms)?;
        let command = commands::admit(&key, &ask.clone().hold(terms));
        let mut open = hold::Open::new(self.clone(), key.as_ref().into(), id);
        let answer = self.run(&command).await;
        if answer.as_ref().is_ok_and(Admission::admitted) {
            return answer.map(|admission| Opened::Admitted(AsyncHold::new(open, admission)));
        }
        open.settled = true;
        answer.map(Opened::Denied)
    }

    /// Records what a held request cost, once, however often it is sent, and whether or not the
    /// server still knows the hold.
    ///
    /// # Errors
    /// It was not recorded, or the answer was lost: send the same again.
    pub async fn settle(&self, settlement: &Settlement) -> Result<MoneyReply> {
        match self.run(&settlement.of_the_hold()).await {
            Err(error) if is_unknown(&error) => self.run(&settlement.by_itself()).await,
            settled => settled,
        }
    }

    /// Reserves quotas for as long as a job runs; a task renews the lease.
    ///
    /// # Errors
    /// There is no answer, the lease would hold nothing, or there is no tokio runtime.
    pub async fn lease(
        &self,
        key: impl AsRef<[u8]>,
        id: impl AsRef<[u8]>,
        quotas: &Quotas,
    ) -> Result<Leased<AsyncLease>> {
        let terms = crate::lease::Terms::of(key.as_ref(), id.as_ref(), quotas)?;
        let runtime = Handle::try_current().map_err(lost)?;
        let reservation = self.reserve(&key, &id, quotas).await?;
        if !reservation.reserved() {
            return Ok(Leased::Denied(reservation));
        }
        let terms = terms.granted(quotas, &reservation);
        let beat = |order, ended| lease::beat_on(self.clone(), terms, order, ended);
        Ok(Leased::Reserved(AsyncLease::begin(beat, reservation, &runtime)))
    }
}

fn lost(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Unavailable(std::io::Error::other(why).into())
}

/// Awaits work that goes on if its caller is cancelled; then a failure is logged.
async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
    failure: String,
) -> Result<T> {
    let Ok(runtime) = Handle::try_current() else { return work.await };
    let (tell, told) = oneshot::channel();
    runtime.spawn(async move {
        if let Err(Err(error)) = tell.send(work.await) {
            log::warn!("{failure}: {error}");
        }
    });
    told.await.unwrap_or_else(|gone| Err(lost(gone)))
}
