//! The client for threads, on one connection.

use redis::ConnectionLike;

use crate::arguments::{Ask, Change, Charge, Credit, Fields, Invoice, Quotas, Renewal, Terms};
use crate::hold::{Hold, Opened, Settlement, is_unknown, named};
use crate::lease::{Lease, Leased};
use crate::methods::for_each_command;
use crate::replies::{
    Account, Admission, Explanation, HeldLease, Limit, LogEntry, MoneyReply, OpenHold, Reservation,
    Tier,
};
use crate::{Command, Money, Result, commands};
use bstr::BString;

/// The module's commands on a connection of redis-rs: a `Connection`, a `ClusterConnection`, one
/// out of a pool, a `Client` (which connects for each command), or a `&mut` of one.
///
/// A method each, with the arguments of the functions in [`commands`]. All of them fail if the
/// command is refused or there is no answer; a denial is a reply.
pub struct Limits<C> {
    connection: C,
}

/// Connections of redis-rs need not print.
impl<C> std::fmt::Debug for Limits<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits").finish_non_exhaustive()
    }
}

macro_rules! methods {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $reply:ty;)*) => {
        $(
            #[doc = concat!("See [`commands::", stringify!($name), "`].")]
            ///
            /// # Errors
            /// The command was refused, or there was no answer.
            pub fn $name(&mut self, $($argument: $kind),*) -> Result<$reply> {
                self.run(&commands::$name($($argument),*))
            }
        )*
    };
}

impl<C: ConnectionLike> Limits<C> {
    /// A client on a connection, with its own timeouts, TLS and user.
    pub fn new(connection: C) -> Self {
        Self { connection }
    }

    /// The connection, for commands of other kinds.
    pub fn connection(&mut self) -> &mut C {
        &mut self.connection
    }

    /// Sends a command.
    ///
    /// # Errors
    /// The command was refused, or there was no answer.
    pub fn run<T>(&mut self, command: &Command<T>) -> Result<T> {
        command.run(&mut self.connection)
    }

    for_each_command!(methods);

    /// See [`commands::help`].
    ///
    /// # Errors
    /// There was no answer.
    pub fn help<'a>(&mut self, command: impl Into<Option<&'a str>>) -> Result<Vec<BString>> {
        self.run(&commands::help(command))
    }

    /// Admits a request with a hold, which is voided when it is dropped before it is settled.
    ///
    /// # Errors
    /// There is no answer, or the id is not 1 to 123 bytes long or was used otherwise. After a lost
    /// answer the hold may be open: the same call with the same id takes nothing again.
    pub fn hold(
        &mut self,
        key: impl AsRef<[u8]>,
        terms: Terms,
        ask: &Ask,
    ) -> Result<Opened<Hold<'_, C>>> {
        let id = named(&terms)?;
        let admission = self.admit(&key, &ask.clone().hold(terms))?;
        if !admission.admitted() {
            return Ok(Opened::Denied(admission));
        }
        Ok(Opened::Admitted(Hold::new(self, key.as_ref().into(), id, admission)))
    }

    /// Records what a held request cost, once, however often it is sent, and whether or not the
    /// server still knows the hold.
    ///
    /// # Errors
    /// It was not recorded, or the answer was lost: send the same again.
    pub fn settle(&mut self, settlement: &Settlement) -> Result<MoneyReply> {
        match self.run(&settlement.of_the_hold()) {
            Err(error) if is_unknown(&error) => self.run(&settlement.by_itself()),
            settled => settled,
        }
    }

    /// Reserves quotas for as long as a job runs; a thread renews the lease on this connection.
    ///
    /// # Errors
    /// There is no answer, the lease would hold nothing, or there is no thread to be had. A lease
    /// that was reserved all the same lapses.
    pub fn lease(
        mut self,
        key: impl AsRef<[u8]>,
        id: impl AsRef<[u8]>,
        quotas: &Quotas,
    ) -> Result<Leased<Lease>>
    where
        C: Send + 'static,
    {
        let terms = crate::lease::Terms::of(key.as_ref(), id.as_ref(), quotas)?;
        let reservation = self.reserve(&key, &id, quotas)?;
        if !reservation.reserved() {
            return Ok(Leased::Denied(reservation));
        }
        let terms = terms.granted(quotas, &reservation);
        Ok(Leased::Reserved(Lease::begin(self, terms, reservation)?))
    }
}
