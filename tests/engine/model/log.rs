//! What there is to tell: rows of the log, and events.

use super::account::Account;
use super::figures::{Figures, UNLIMITED};
use crate::answer::{Answer, LogRow};
use crate::script::Command;

/// At most so many rows are kept.
const ROWS: usize = 64;

impl Account {
    /// Nothing was told of an account that is being made, and what it begins with is nothing new.
    pub(super) fn is_new(&mut self) {
        self.told.clear();
        self.log.clear();
        self.events = vec!["created"];
    }

    /// Tells what the time and the platform's figures did. Of all reasons only the spend limit can
    /// come and go by them.
    pub(super) fn notice_due(&mut self, had: &str, end: i64, figures: &Figures) {
        let reasons = self.reasons(figures);
        let has_resumed = self.told.contains("spend_limit") && !reasons.contains("spend_limit");
        if has_resumed && end <= self.latest {
            self.notice_standing(end, &reasons, "");
            self.notice_tier(had, figures);
        } else {
            self.notice_tier(had, figures);
            self.notice_standing(self.latest, &reasons, "");
        }
    }

    /// Tells what a command did to the account that it found as `before`.
    pub(super) fn notice(&mut self, command: &Command, before: &Self, figures: &Figures) {
        if let Command::Limit { name, .. } = command {
            self.notice_limit(name, before);
        }
        let tier = before.tier(figures).0;
        self.notice_tier(&tier, figures);
        let (reasons, joined) = (self.reasons(figures), self.told.clone());
        let text = match command {
            Command::Suspend { reason } if !joined.contains("blocked") => reason,
            _ => "",
        };
        let is_worse = reasons.split(',').any(|reason| !joined.contains(reason));
        if !is_worse {
            self.notice_standing(self.latest, &reasons, text);
        }
        self.notice_thresholds(before, figures);
        if is_worse {
            self.notice_standing(self.latest, &reasons, text);
        }
    }

    fn notice_limit(&mut self, name: &str, before: &Self) {
        let figure = |limit: Option<i128>| match limit {
            None => "DEFAULT".to_owned(),
            Some(UNLIMITED) => "unlimited".to_owned(),
            Some(nanos) if name == "spend" => dollars(nanos),
            Some(count) => count.to_string(),
        };
        let own = |account: &Self| account.limits.get(name).copied().unwrap_or_default();
        let (was, is) = (own(before), own(self));
        let mut cause = name.to_owned();
        if was.0 != is.0 {
            cause += &format!(" VALUE {}", figure(is.0));
        }
        if was.1 != is.1 {
            cause += &format!(" MAX {}", figure(is.1));
        }
        self.log(self.latest, "limit", &cause);
    }

    fn notice_tier(&mut self, had: &str, figures: &Figures) {
        let (tier, _, source) = self.tier(figures);
        if tier == had {
            return;
        }
        self.events.push("tier");
        let how = if source == "operator" { " pinned" } else { " earned" };
        let how = if tier == "none" { "" } else { how };
        self.log(self.latest, "tier", &format!("{tier}{how}"));
    }

    fn notice_standing(&mut self, time: i64, reasons: &str, text: &str) {
        let told = std::mem::replace(&mut self.told, reasons.to_owned());
        if told == reasons {
            return;
        }
        let is_worse = reasons.split(',').any(|reason| !told.contains(reason));
        let text = if text.is_empty() { String::new() } else { format!(": {text}") };
        if reasons.is_empty() {
            self.events.push("resumed");
            self.log(time, "resumed", &told);
        } else {
            if is_worse {
                self.events.push("suspended");
            }
            self.log(time, "suspended", &format!("{reasons}{text}"));
        }
    }

    fn notice_thresholds(&mut self, before: &Self, figures: &Figures) {
        let (limit, was) = (self.limit_row("spend", figures), before.limit_row("spend", figures));
        let is_same = self.spent == before.spent && limit.limit == was.limit;
        if is_same || limit.limit == 0 || limit.limit == UNLIMITED {
            return;
        }
        for cent in &figures.thresholds {
            if *cent > self.threshold && 100 * self.spent >= i128::from(*cent) * limit.limit {
                self.events.push("threshold");
                self.threshold = *cent;
            }
        }
    }

    fn log(&mut self, time: i64, event: &'static str, cause: &str) {
        self.log.push(LogRow { time, event, cause: cause.to_owned() });
        if self.log.len() > ROWS {
            self.log.remove(0);
        }
    }

    /// The name of the tier in force by what was stored of it.
    pub(super) fn had_tier(&self, figures: &Figures) -> String {
        if let (tier, _, "operator") = self.tier(figures) {
            return tier;
        }
        let had = figures.tiers.iter().rev().find(|row| self.earned.contains(&row.name));
        had.map_or_else(|| "none".to_owned(), |row| row.name.clone())
    }

    pub(super) fn view_log(&self, count: usize) -> Answer {
        let mut rows = self.log.clone();
        let cause = "first command".to_owned();
        rows.insert(0, LogRow { time: self.created, event: "created", cause });
        rows.reverse();
        rows.truncate(count.min(ROWS));
        Answer::Log(rows)
    }
}

fn dollars(nanos: i128) -> String {
    let text = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
