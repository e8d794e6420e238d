//! What holds in every history, whatever the model says: the promises of the contract.

use fw_limits::engine::account::Account;

use crate::answer::{Answer, Said};
use crate::script::Command;

const SPAN_MS: i64 = 60_000;
const STEP_BACK_MS: i64 = 60_000;
/// What a window denies, a log of every request would have admitted at most so much earlier.
const LATE_MS: i64 = 1_000;

/// A log of every request and of every dollar bought.
#[derive(Default)]
pub struct Watch {
    admitted: Vec<(i64, i128)>,
    bought: i128,
    /// The account's latest time before the command.
    latest: Option<i64>,
}

/// A command, what it came to, and the account afterwards.
pub struct Seen<'a> {
    pub command: &'a Command,
    pub said: &'a Said,
    pub account: Option<&'a Account>,
    pub clock: i64,
}

impl Watch {
    pub fn see(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let steps_back = self.latest.is_some_and(|latest| latest - seen.clock > STEP_BACK_MS);
        let now = match self.latest {
            Some(latest) if !steps_back => latest.max(seen.clock),
            _ => seen.clock,
        };
        self.see_effect(seen)?;
        if steps_back && seen.said.changes {
            self.admitted.clear();
        }
        if let (Command::Admit { cost }, Ok(Answer::Admission(answer))) =
            (seen.command, &seen.said.answer)
        {
            match answer.verdict {
                "OK" if seen.said.changes => self.see_admitted(*cost, now, answer.limit)?,
                "RATE_LIMITED" if steps_back => return Err("a window starts empty".to_owned()),
                "RATE_LIMITED" => {
                    self.see_denied((*cost, answer.limit), now, now + answer.retry_after)?;
                }
                _ => {}
            }
        }
        self.latest = seen.account.map(|account| account.latest.0);
        self.see_money(seen)?;
        see_leases(seen, now)
    }

    /// The account is gone.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Views, errors, denials and duplicates change nothing.
    fn see_effect(&self, seen: &Seen<'_>) -> Result<(), String> {
        let denied = match &seen.said.answer {
            Err(_) | Ok(Answer::Nothing | Answer::Account(_)) => true,
            Ok(Answer::Limits(_) | Answer::Leases(_)) => true,
            Ok(Answer::Admission(answer)) => answer.verdict != "OK",
            Ok(Answer::Reservation(answer)) => answer.verdict != "OK",
            Ok(Answer::Statement(answer)) => answer.result == "DUPLICATE",
            Ok(Answer::Limit(_) | Answer::Count(_)) => false,
        };
        let looks = matches!(seen.command, Command::Peek { .. }) || seen.command.is_view();
        if seen.said.changes && (denied || looks) {
            return Err("it has an effect and must not".to_owned());
        }
        let latest = seen.account.map(|account| account.latest.0);
        if !seen.said.changes && latest != self.latest {
            return Err("the account's time moved without an effect".to_owned());
        }
        Ok(())
    }

    /// No 60 s have more than the limit.
    fn see_admitted(&mut self, cost: i128, now: i64, limit: i128) -> Result<(), String> {
        self.admitted.retain(|(at, _)| now - at < SPAN_MS);
        self.admitted.push((now, cost));
        let sum: i128 = self.admitted.iter().map(|(_, units)| units).sum();
        if sum > limit {
            return Err(format!("{sum} units were admitted in 60 s, the limit is {limit}"));
        }
        Ok(())
    }

    fn see_denied(&self, (cost, limit): (i128, i128), now: i64, retry: i64) -> Result<(), String> {
        let sum_at = |time: i64| -> i128 {
            let alive = self.admitted.iter().filter(|(at, _)| time - at < SPAN_MS);
            alive.map(|(_, units)| units).sum()
        };
        let frees = self.admitted.iter().map(|(at, _)| at + SPAN_MS).filter(|at| *at > now);
        let exact = std::iter::once(now).chain(frees).find(|time| sum_at(*time) + cost <= limit);
        match exact {
            Some(exact) if exact <= retry && retry < exact + LATE_MS => Ok(()),
            _ => Err(format!("a log would admit it at {exact:?}, the engine at {retry}")),
        }
    }

    /// After buying X, history is at least X.
    fn see_money(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        if let Command::TopUp { amount, promo: false, .. } = seen.command
            && seen.said.changes
        {
            self.bought += amount;
        }
        let history = seen.account.map_or(0, |account| account.record.ledger.history.nanos());
        if i128::from(history) < self.bought {
            return Err(format!("history is {history}, but {} was bought", self.bought));
        }
        Ok(())
    }
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
