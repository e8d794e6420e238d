//! Promises about what is told: whoever listens knows how the account stands.

use super::Seen;
use crate::answer::{Answer, LogRow};

const ROWS: usize = 64;

#[derive(Default)]
pub struct Told {
    /// By the events sent so far.
    is_suspended: bool,
    /// Whether the account changed since it was last looked at.
    has_changed: bool,
}

impl Told {
    pub fn see(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        if !seen.said.changes && !seen.said.events.is_empty() {
            return Err(format!("nothing changed, and it sends {:?}", seen.said.events));
        }
        let standing = |event: &&&str| matches!(**event, "suspended" | "resumed");
        if let Some(event) = seen.said.events.iter().rev().find(standing) {
            self.is_suspended = *event == "suspended";
        }
        self.has_changed |= seen.said.changes;
        match &seen.said.answer {
            Ok(Answer::Account(row)) if std::mem::take(&mut self.has_changed) => {
                if (row.statement.standing != "active") != self.is_suspended {
                    return Err(format!("it is {}, and was not told so", row.statement.standing));
                }
                Ok(())
            }
            Ok(Answer::Log(rows)) => see_rows(seen, rows),
            _ => Ok(()),
        }
    }
}

/// The newest come first, and creation comes last while it is in sight.
fn see_rows(seen: &Seen<'_>, rows: &[LogRow]) -> Result<(), String> {
    let kept = rows.iter().filter(|row| row.event != "created");
    if rows.len() > ROWS || !kept.is_sorted_by(|one, other| one.time >= other.time) {
        return Err("the log is not in order".to_owned());
    }
    if let Some(created) = rows.iter().find(|row| row.event == "created") {
        let time = seen.account.map(|account| account.created().0);
        if rows.last() != Some(created) || Some(created.time) != time {
            return Err("creation has another place or time".to_owned());
        }
    }
    Ok(())
}
