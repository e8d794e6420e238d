//! Promises about rate windows, by a log of every admission.
//!
//! Tokens are logged as they were corrected downward, and what a correction added is not logged:
//! so no 60 s have more in the log than the limit, whatever was reported later. What a window
//! denies, the log would have admitted at most a second earlier, unless something was added.

use std::collections::BTreeMap;

use super::Seen;
use crate::answer::{Admission, Answer, LimitRow};
use crate::model::figures::UNLIMITED;
use crate::script::{Ask, Command, Settle};

const SPAN_MS: i64 = 60_000;
/// What a window denies, a log of every request would have admitted at most so much earlier. What
/// is counted now is gone when this is over as well.
const LATE_MS: i64 = 1_000;

#[derive(Default)]
pub struct Windows {
    /// By the name of the limit.
    logs: BTreeMap<String, Log>,
    /// Admissions since FW.QUOTAS was last seen, which shows the limits they met.
    admitted: Vec<(Ask, i64)>,
}

struct Log {
    limit: i128,
    taken: Vec<Taken>,
    /// Until then there may be more in the window than in the log.
    lacks_until: i64,
}

struct Taken {
    at: i64,
    units: i128,
    hold: Option<u32>,
}

impl Windows {
    pub fn see(&mut self, seen: &Seen<'_>, now: i64, steps_back: bool) -> Result<(), String> {
        if steps_back && seen.said.changes {
            self.logs.values_mut().for_each(|log| log.taken.clear());
        }
        match (&seen.said.answer, seen.command) {
            (Ok(Answer::Admission(answer)), Command::Admit(ask)) => match answer.verdict {
                "OK" if seen.said.changes => self.admitted.push((ask.clone(), now)),
                "RATE_LIMITED" if steps_back => return Err("a window starts empty".to_owned()),
                "RATE_LIMITED" => self.see_denied(ask, answer, now)?,
                _ => {}
            },
            (Ok(Answer::Statement(_)), _) if seen.said.changes => self.see_corrected(seen, now),
            (Ok(Answer::Limits(rows)), _) => self.see_limits(rows)?,
            (Ok(Answer::Nothing), _) => self.logs.clear(),
            _ => {}
        }
        Ok(())
    }

    /// A window is forgotten with its limit.
    fn see_limits(&mut self, rows: &[LimitRow]) -> Result<(), String> {
        let rows = rows.iter().filter(|row| is_window(&row.name));
        let limits: BTreeMap<&str, i128> = rows.map(|row| (row.name.as_str(), row.limit)).collect();
        self.logs.retain(|name, _| limits.contains_key(name.as_str()));
        for (name, limit) in limits {
            let new = Log { limit, taken: Vec::new(), lacks_until: i64::MIN };
            self.logs.entry(name.to_owned()).or_insert(new).limit = limit;
        }
        for (ask, now) in std::mem::take(&mut self.admitted) {
            self.see_admitted(&ask, now)?;
        }
        Ok(())
    }

    /// No 60 s have more than the limit.
    fn see_admitted(&mut self, ask: &Ask, now: i64) -> Result<(), String> {
        let hold = ask.hold.as_ref().map(|hold| hold.id);
        for (name, log) in &mut self.logs {
            // An id that is used anew has nothing to do with what it was used for before.
            let same_id = log.taken.iter_mut().filter(|taken| taken.hold == hold);
            same_id.for_each(|taken| taken.hold = None);
            let units = asked(ask, name);
            if units == 0 || log.limit == UNLIMITED {
                continue;
            }
            log.taken.retain(|taken| now - taken.at < SPAN_MS);
            log.taken.push(Taken { at: now, units, hold });
            let sum: i128 = log.taken.iter().map(|taken| taken.units).sum();
            if sum > log.limit {
                return Err(format!("{sum} {name} in 60 s, the limit is {}", log.limit));
            }
        }
        Ok(())
    }

    fn see_denied(&self, ask: &Ask, answer: &Admission, now: i64) -> Result<(), String> {
        let Some(log) = self.logs.get(&answer.policy) else {
            return Err(format!("nothing is known of the window {}", answer.policy));
        };
        let (units, retry) = (asked(ask, &answer.policy), now + answer.retry_after);
        let sum_at = |time: i64| -> i128 {
            let alive = log.taken.iter().filter(|taken| time - taken.at < SPAN_MS);
            alive.map(|taken| taken.units).sum()
        };
        let frees = log.taken.iter().map(|taken| taken.at + SPAN_MS).filter(|at| *at > now);
        let mut times = std::iter::once(now).chain(frees);
        let exact = times.find(|time| sum_at(*time) + units <= log.limit);
        let lacks = now < log.lacks_until;
        match exact {
            Some(exact) if exact <= retry && (lacks || retry < exact + LATE_MS) => Ok(()),
            _ => Err(format!("a log would admit it at {exact:?}, the engine at {retry}")),
        }
    }

    fn see_corrected(&mut self, seen: &Seen<'_>, now: i64) {
        let (id, partial, tokens) = match seen.command {
            Command::Settle(Settle { id, partial, tokens: Some(tokens), .. }) => {
                (*id, *partial, *tokens)
            }
            Command::Void { id } => (*id, false, 0),
            _ => return,
        };
        let is_void = matches!(seen.command, Command::Void { .. });
        for (_, log) in self.logs.iter_mut().filter(|(name, _)| name.starts_with("tokens")) {
            let taken = log.taken.iter_mut().find(|taken| taken.hold == Some(id));
            match taken {
                Some(taken) if !partial && tokens <= taken.units => taken.units = tokens,
                _ if is_void => {}
                _ => log.lacks_until = now + SPAN_MS + LATE_MS,
            }
        }
    }
}

fn is_window(name: &str) -> bool {
    name.starts_with("requests") || name.starts_with("tokens")
}

/// What an admission asks of a window.
fn asked(ask: &Ask, window: &str) -> i128 {
    let units = |meter: &str| if meter == "tokens" { ask.tokens.unwrap_or(0) } else { ask.cost };
    match window.split_once('@') {
        None => units(window),
        Some((meter, scope)) if ask.scope.as_deref() == Some(scope) => units(meter),
        Some(_) => 0,
    }
}
