//! What holds in every history, whatever the model says: the promises of the contract.

mod money;
mod told;
mod windows;

use fw_limits::engine::account::Account;

use crate::answer::{Answer, Said};
use crate::script::{Command, Settle};
use crate::subject::encoded;
use money::Money;
use told::Told;
use windows::Windows;

const STEP_BACK_MS: i64 = 60_000;
/// The longest TTL of a hold.
const HOLD_TTL_MS: i64 = 86_400_000;

#[derive(Default)]
pub struct Watch {
    windows: Windows,
    money: Money,
    told: Told,
    /// The account's latest time before the command.
    latest: Option<i64>,
    /// The account's bytes after the last command that changed it, if they were needed since.
    bytes: Option<Vec<u8>>,
}

/// A command, what it came to, and the account afterwards.
pub struct Seen<'a> {
    pub command: &'a Command,
    pub said: &'a Said,
    pub account: Option<&'a Account>,
    pub clock: i64,
}

impl Seen<'_> {
    /// The result of a money command that was done.
    fn result(&self) -> Option<&'static str> {
        match &self.said.answer {
            Ok(Answer::Statement(answer)) => Some(answer.result),
            _ => None,
        }
    }
}

impl Watch {
    pub fn see(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let steps_back = self.latest.is_some_and(|latest| latest - seen.clock > STEP_BACK_MS);
        let now = match self.latest {
            Some(latest) if !steps_back => latest.max(seen.clock),
            _ => seen.clock,
        };
        see_effect(seen)?;
        self.see_bytes(seen)?;
        self.windows.see(seen, now, steps_back)?;
        self.money.see(seen)?;
        self.told.see(seen)?;
        see_leases(seen, now)?;
        see_holds(seen, now)?;
        self.latest = seen.account.map(|account| account.latest.0);
        Ok(())
    }

    /// The account is gone.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Without an effect the account keeps its time and its very bytes.
    fn see_bytes(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let Some(account) = seen.account else { return Ok(()) };
        if seen.said.changes {
            // Many commands may come before the next view: most of these bytes are never needed.
            self.bytes = None;
            return Ok(());
        }
        if self.latest != Some(account.latest.0) {
            return Err("the account's time moved without an effect".to_owned());
        }
        if self.bytes.is_none() || !seen.command.is_view() {
            let bytes = encoded(account);
            if self.bytes.as_ref().is_some_and(|before| *before != bytes) {
                return Err("the account's bytes changed without an effect".to_owned());
            }
            self.bytes = Some(bytes);
        }
        Ok(())
    }
}

/// Views, errors, denials and duplicates change nothing, but for those that start a TTL anew.
fn see_effect(seen: &Seen<'_>) -> Result<(), String> {
    let starts_anew = matches!(seen.command, Command::Settle(Settle { partial: true, .. }));
    let denied = match &seen.said.answer {
        Err(_) | Ok(Answer::Nothing | Answer::Account(_)) => true,
        Ok(Answer::Limits(_) | Answer::Leases(_) | Answer::Holds(_) | Answer::Log(_)) => true,
        Ok(Answer::Admission(answer)) => answer.verdict != "OK",
        Ok(Answer::Reservation(answer)) => answer.verdict != "OK",
        Ok(Answer::Statement(answer)) => answer.result == "DUPLICATE" && !starts_anew,
        Ok(Answer::Limit(_) | Answer::Count(_)) => false,
    };
    let looks = matches!(seen.command, Command::Peek(_)) || seen.command.is_view();
    if seen.said.changes && (denied || looks) {
        return Err("it has an effect and must not".to_owned());
    }
    if !seen.said.changes && seen.result() == Some("LATE") {
        return Err("what came late was not recorded".to_owned());
    }
    Ok(())
}

/// No lease has more left than its own time to live.
fn see_leases(seen: &Seen<'_>, now: i64) -> Result<(), String> {
    let Ok(Answer::Leases(rows)) = &seen.said.answer else { return Ok(()) };
    let is_wrong = |lapses: i64, ttl: i64| lapses <= now || lapses > now + ttl;
    match rows.iter().find(|row| row.ttl > 0 && is_wrong(row.lapses, row.ttl)) {
        Some(row) => Err(format!("at {now} a lease has the wrong time left: {row:?}")),
        None => Ok(()),
    }
}

/// Holds are shown while they are open, by their lapse, and none has more left than there can be.
fn see_holds(seen: &Seen<'_>, now: i64) -> Result<(), String> {
    let Ok(Answer::Holds(rows)) = &seen.said.answer else { return Ok(()) };
    let is_open = |lapses: i64| now < lapses && lapses <= now + HOLD_TTL_MS;
    if let Some(row) = rows.iter().find(|row| !is_open(row.lapses) || row.admitted > now) {
        return Err(format!("at {now} a hold has the wrong times: {row:?}"));
    }
    if rows.is_sorted_by(|one, other| (one.lapses, &one.id) < (other.lapses, &other.id)) {
        Ok(())
    } else {
        Err("holds are not in the order of their lapse".to_owned())
    }
}
