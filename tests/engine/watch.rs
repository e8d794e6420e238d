//! What holds in every history, whatever the model says: the promises of the contract.
//!
//! Limits are read from the views, which are looked at after every step.

use std::collections::BTreeMap;

use fw_limits::engine::account::Account;

use crate::answer::{AccountRow, Answer, LimitRow, Said};
use crate::model::figures::UNLIMITED;
use crate::script::{Ask, Command, Settle, id_text};

const SPAN_MS: i64 = 60_000;
const STEP_BACK_MS: i64 = 60_000;
/// What a window denies, a log of every request would have admitted at most so much earlier.
const LATE_MS: i64 = 1_000;

/// A log of every request and of every dollar bought.
#[derive(Default)]
pub struct Watch {
    /// When how many requests were admitted, for each window that limits requests.
    admitted: BTreeMap<String, Vec<(i64, i128)>>,
    /// A request that was admitted last, until the limits are seen.
    just_admitted: Option<(i64, Ask)>,
    /// The limit of all requests, as last seen.
    limit: i128,
    money: Money,
    /// The amounts of open holds, as last seen.
    amounts: BTreeMap<String, i128>,
    bought: i128,
    /// The account's latest time before the command.
    latest: Option<i64>,
}

/// Money as last seen.
#[derive(Default)]
struct Money {
    spent: i128,
    held: i128,
    limit: i128,
    clock: i64,
    /// Whether something was charged since that was not held, or the clock went back.
    excused: bool,
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
        if let (Command::Admit(ask), Ok(Answer::Admission(answer))) =
            (seen.command, &seen.said.answer)
        {
            match answer.verdict {
                "OK" if seen.said.changes => self.just_admitted = Some((now, ask.clone())),
                "RATE_LIMITED" if steps_back => return Err("a window starts empty".to_owned()),
                "RATE_LIMITED" if answer.policy == "requests" => {
                    self.see_denied((ask.cost, self.limit), now, now + answer.retry_after)?;
                }
                _ => {}
            }
        }
        self.latest = seen.account.map(|account| account.latest.0);
        self.see_money(seen)?;
        match &seen.said.answer {
            Ok(Answer::Limits(rows)) => self.see_limits(rows),
            Ok(Answer::Account(row)) => self.see_spent(row, seen.clock),
            Ok(Answer::Holds(rows)) if is_whole(seen.command) => {
                self.amounts = rows.iter().map(|row| (row.id.clone(), row.amount)).collect();
                let held: i128 = rows.iter().map(|row| row.held).sum();
                let says = self.money.held;
                if held == says { Ok(()) } else { Err(format!("held is {says}, its sum {held}")) }
            }
            _ => see_leases(seen, now),
        }
    }

    /// The account is gone.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Views, errors, denials and duplicates change nothing.
    fn see_effect(&self, seen: &Seen<'_>) -> Result<(), String> {
        let denied = match &seen.said.answer {
            Err(_) | Ok(Answer::Nothing | Answer::Account(_)) => true,
            Ok(Answer::Limits(_) | Answer::Leases(_) | Answer::Holds(_)) => true,
            Ok(Answer::Admission(answer)) => answer.verdict != "OK",
            Ok(Answer::Reservation(answer)) => answer.verdict != "OK",
            // A PARTIAL that raises nothing starts the time of its hold anew.
            Ok(Answer::Statement(answer)) => {
                let partial = matches!(seen.command, Command::Settle(Settle { partial: true, .. }));
                answer.result == "DUPLICATE" && !partial
            }
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

    /// No 60 s have more than the limit, of all requests and of those in a scope.
    fn see_limits(&mut self, rows: &[LimitRow]) -> Result<(), String> {
        let admitted = self.just_admitted.take();
        let limited = |name: &str| rows.iter().any(|row| row.name == name);
        self.admitted.retain(|name, _| limited(name));
        for row in rows.iter().filter(|row| row.name.starts_with("requests")) {
            if row.name == "requests" {
                self.limit = row.limit;
            }
            let Some((now, ask)) = admitted.as_ref().filter(|_| row.limit != UNLIMITED) else {
                continue;
            };
            let scope = row.name.strip_prefix("requests@");
            if scope.is_some() && scope != ask.scope.as_deref() {
                continue;
            }
            let log = self.admitted.entry(row.name.clone()).or_default();
            log.retain(|(at, _)| now - at < SPAN_MS);
            log.push((*now, ask.cost));
            let sum: i128 = log.iter().map(|(_, units)| units).sum();
            if ask.cost > 0 && sum > row.limit {
                return Err(format!("{sum} units in 60 s, the limit {row:?}"));
            }
        }
        Ok(())
    }

    /// What is spent and held stays within the limit, while all that is spent was held and limits
    /// stand: so `spent` never passes it.
    fn see_spent(&mut self, row: &AccountRow, clock: i64) -> Result<(), String> {
        let (spent, held) = (row.statement.spent, row.statement.held);
        let before = &self.money;
        let was_within = before.spent + before.held <= before.limit;
        let stands = row.statement.limit >= before.limit && clock >= before.clock;
        if was_within && stands && !before.excused && spent + held > row.statement.limit {
            return Err(format!("{spent} spent and {held} held pass the limit"));
        }
        self.money = Money { spent, held, limit: row.statement.limit, clock, excused: false };
        Ok(())
    }

    fn see_denied(&self, (cost, limit): (i128, i128), now: i64, retry: i64) -> Result<(), String> {
        let sum_at = |time: i64| -> i128 {
            let log = self.admitted.get("requests").into_iter().flatten();
            let alive = log.filter(|(at, _)| time - at < SPAN_MS);
            alive.map(|(_, units)| units).sum()
        };
        let log = self.admitted.get("requests").into_iter().flatten();
        let frees = log.map(|(at, _)| at + SPAN_MS).filter(|at| *at > now);
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
        let late =
            matches!(&seen.said.answer, Ok(Answer::Statement(told)) if told.result == "LATE");
        self.money.excused |= match seen.command {
            Command::Spend { amount, .. } => *amount > 0,
            Command::Settle(Settle { id, amount, .. }) => {
                late || self.amounts.get(&id_text(*id)).is_some_and(|held| amount > held)
            }
            _ => false,
        };
        let history = seen.account.map_or(0, |account| account.record.ledger.history.nanos());
        if i128::from(history) < self.bought {
            return Err(format!("history is {history}, but {} was bought", self.bought));
        }
        Ok(())
    }
}

fn is_whole(command: &Command) -> bool {
    matches!(command, Command::Holds { count: usize::MAX })
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
