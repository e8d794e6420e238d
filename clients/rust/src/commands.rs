//! The commands, as values: words to send, and how to read the reply.
//!
//! [`Limits`](crate::Limits) and [`AsyncLimits`](crate::AsyncLimits) have a method for each, with
//! the same arguments. Here they are for pipelines:
//!
//! ```
//! # use fw_limits_client::{Ask, Error, commands};
//! # fn many(connection: &mut redis::Connection) -> Result<(), Error> {
//! let batch = [commands::admit("acct:1", &Ask::default()), commands::admit("acct:2", &Ask::default())];
//! let mut pipe = redis::pipe();
//! for command in &batch {
//!     pipe.add_command(command.cmd().clone());
//! }
//! let replies: Vec<redis::Value> = pipe.ignore_errors().query(connection)?;
//! for (command, reply) in batch.iter().zip(replies) {
//!     println!("{}", command.answer(reply)?.verdict);
//! }
//! # Ok(())
//! # }
//! ```

use redis::Cmd;

use crate::arguments::{Ask, Change, Charge, Credit, Fields, Invoice, Quotas, Renewal, option};
use crate::replies::{
    Account, Admission, Explanation, HeldLease, Limit, LogEntry, MoneyReply, OpenHold, Reservation,
    Tier,
};
use crate::{Command, Money};
use bstr::BString;

fn on(name: &str, key: impl AsRef<[u8]>) -> Cmd {
    let mut cmd = redis::cmd(name);
    cmd.arg(key.as_ref());
    cmd
}

fn asking(name: &str, key: impl AsRef<[u8]>, ask: &Ask) -> Cmd {
    let mut cmd = on(name, key);
    ask.write(&mut cmd);
    cmd
}

/// Asks whether the account may be served, and takes all that is asked for, or nothing.
pub fn admit(key: impl AsRef<[u8]>, ask: &Ask) -> Command<Admission> {
    Command::of(asking("FW.ADMIT", key, ask))
}

/// The answer that `admit` would give; nothing is taken.
pub fn peek(key: impl AsRef<[u8]>, ask: &Ask) -> Command<Admission> {
    Command::of(asking("FW.PEEK", key, ask))
}

/// Every check that `admit` would make, which one decides, and what would help, for people.
pub fn explain(key: impl AsRef<[u8]>, ask: &Ask) -> Command<Explanation> {
    Command::of(asking("FW.EXPLAIN", key, ask))
}

/// Records a charge; the [`Charge`] says what it is for.
pub fn spend(key: impl AsRef<[u8]>, amount: Money, charge: &Charge) -> Command<MoneyReply> {
    let mut cmd = on("FW.SPEND", key);
    charge.write(cmd.arg(amount.to_string()));
    Command::of(cmd)
}

/// Closes a hold without charging more; what a partial charged stays.
pub fn void(key: impl AsRef<[u8]>, id: impl AsRef<[u8]>) -> Command<MoneyReply> {
    let mut cmd = on("FW.VOID", key);
    cmd.arg(id.as_ref());
    Command::of(cmd)
}

/// Keeps an open hold: it lapses `ttl_ms` from now, 1 to 86400000.
pub fn extend(key: impl AsRef<[u8]>, id: impl AsRef<[u8]>, ttl_ms: u64) -> Command<MoneyReply> {
    let mut cmd = on("FW.EXTEND", key);
    cmd.arg(id.as_ref()).arg(ttl_ms);
    Command::of(cmd)
}

/// Credits that were bought or given.
pub fn topup(key: impl AsRef<[u8]>, amount: Money, credit: &Credit) -> Command<MoneyReply> {
    let mut cmd = on("FW.TOPUP", key);
    credit.write(cmd.arg(amount.to_string()));
    Command::of(cmd)
}

/// A credit note.
pub fn refund(key: impl AsRef<[u8]>, amount: Money, id: impl AsRef<[u8]>) -> Command<MoneyReply> {
    let mut cmd = on("FW.REFUND", key);
    cmd.arg(amount.to_string()).arg("ID").arg(id.as_ref());
    Command::of(cmd)
}

/// What became of an invoice.
pub fn invoice(
    key: impl AsRef<[u8]>,
    invoice: impl AsRef<[u8]>,
    became: Invoice,
) -> Command<MoneyReply> {
    let mut cmd = on("FW.INVOICE", key);
    cmd.arg(became.word()).arg(invoice.as_ref());
    if let Invoice::PaidAmount(amount) = became {
        cmd.arg("AMOUNT").arg(amount.to_string());
    }
    Command::of(cmd)
}

/// Sets fields of the account, all or none.
pub fn set(key: impl AsRef<[u8]>, fields: &Fields) -> Command<MoneyReply> {
    let mut cmd = on("FW.SET", key);
    fields.write(&mut cmd);
    Command::of(cmd)
}

/// Blocks the account until `resume`; the reason is 1 to 256 bytes.
pub fn suspend(key: impl AsRef<[u8]>, reason: impl AsRef<[u8]>) -> Command<MoneyReply> {
    let mut cmd = on("FW.SUSPEND", key);
    cmd.arg(reason.as_ref());
    Command::of(cmd)
}

/// Ends what `suspend` began.
pub fn resume(key: impl AsRef<[u8]>) -> Command<MoneyReply> {
    Command::of(on("FW.RESUME", key))
}

/// Changes a limit; replies the row as it is then.
pub fn limit(key: impl AsRef<[u8]>, name: impl AsRef<[u8]>, change: Change) -> Command<Limit> {
    let mut cmd = on("FW.LIMIT", key);
    change.write(cmd.arg(name.as_ref()));
    Command::of(cmd)
}

/// Holds exactly these counts under a lease, or changes nothing.
pub fn reserve(
    key: impl AsRef<[u8]>,
    id: impl AsRef<[u8]>,
    quotas: &Quotas,
) -> Command<Reservation> {
    let mut cmd = on("FW.QUOTA", key);
    quotas.write(cmd.arg("RESERVE").arg(id.as_ref()));
    Command::of(cmd)
}

/// The heartbeat of a lease: its TTL starts anew, or the answer is the order to stop.
pub fn renew(
    key: impl AsRef<[u8]>,
    id: impl AsRef<[u8]>,
    renewal: impl Into<Renewal>,
) -> Command<Reservation> {
    let mut cmd = on("FW.QUOTA", key);
    renewal.into().write(cmd.arg("RENEW").arg(id.as_ref()));
    Command::of(cmd)
}

/// Gives a lease back; false if there was none. Without a token, whoever's it is.
pub fn release(
    key: impl AsRef<[u8]>,
    id: impl AsRef<[u8]>,
    token: impl Into<Option<u64>>,
) -> Command<bool> {
    let mut cmd = on("FW.QUOTA", key);
    cmd.arg("RELEASE").arg(id.as_ref()).arg(token.into());
    Command::of(cmd)
}

/// Releases every lease with a token up to `upto_token` that is not in `ids`; says how many.
pub fn sync(
    key: impl AsRef<[u8]>,
    upto_token: u64,
    ids: impl IntoIterator<Item = impl AsRef<[u8]>>,
) -> Command<u64> {
    let mut cmd = on("FW.QUOTA", key);
    cmd.arg("SYNC").arg(upto_token);
    for id in ids {
        cmd.arg(id.as_ref());
    }
    Command::of(cmd)
}

/// Everything about an account; `None` if it does not exist.
pub fn get(key: impl AsRef<[u8]>) -> Command<Option<Account>> {
    Command::of(on("FW.GET", key))
}

/// All limits of an account; `None` if it does not exist.
pub fn quotas(key: impl AsRef<[u8]>) -> Command<Option<Vec<Limit>>> {
    Command::of(on("FW.QUOTAS", key))
}

/// One limit of an account; `None` if the account does not exist.
pub fn quota(key: impl AsRef<[u8]>, name: impl AsRef<[u8]>) -> Command<Option<Limit>> {
    let mut cmd = on("FW.QUOTAS", key);
    cmd.arg(name.as_ref());
    Command::of(cmd)
}

fn counted(name: &str, key: impl AsRef<[u8]>, most: impl Into<Option<u64>>) -> Cmd {
    let mut cmd = on(name, key);
    option(&mut cmd, "COUNT", most.into());
    cmd
}

/// The open holds, soonest lapse first, 100 unless `most` says another number; `None` without
/// account.
pub fn holds(
    key: impl AsRef<[u8]>,
    most: impl Into<Option<u64>>,
) -> Command<Option<Vec<OpenHold>>> {
    Command::of(counted("FW.HOLDS", key, most))
}

/// The leases by id, 100 unless `most` says another number; `None` without account.
pub fn leases(
    key: impl AsRef<[u8]>,
    most: impl Into<Option<u64>>,
) -> Command<Option<Vec<HeldLease>>> {
    Command::of(counted("FW.LEASES", key, most))
}

/// The latest changes of standing, tier and limits, newest first, 100 (all that are kept) unless
/// `most` says another number; `None` without account.
pub fn log(key: impl AsRef<[u8]>, most: impl Into<Option<u64>>) -> Command<Option<Vec<LogEntry>>> {
    Command::of(counted("FW.LOG", key, most))
}

/// The platform's tier table, lowest first.
pub fn tiers() -> Command<Vec<Tier>> {
    Command::of(redis::cmd("FW.TIERS"))
}

/// How a command is written and what it does, or all of them: lines for people.
pub fn help<'a>(command: impl Into<Option<&'a str>>) -> Command<Vec<BString>> {
    let mut cmd = redis::cmd("FW.HELP");
    cmd.arg(command.into());
    Command::of(cmd)
}
