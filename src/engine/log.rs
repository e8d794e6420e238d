//! The log: what changed of an account's standing, tier and limits, and what was told of it.
//!
//! Standing is derived and never stored; what is stored is what was told last, so that a change is
//! told once, whoever caused it: a command, the time or the platform's figures. A row's cause is a
//! text for people. How rows come about is not known here.
//! Invariant: a cause has at most `CAUSE_BYTES` bytes.

use thin_vec::ThinVec;

use super::bounds::{CAUSE_BYTES, LOG_ROWS};
use super::standing::Reasons;
use super::time::Millis;

/// What was told of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The reasons of its suspension, when they last changed.
    pub reasons: Reasons,
    /// The highest per cent of the spend limit whose crossing was told in this period; 0 for none.
    pub threshold: u8,
}

impl Told {
    /// Checks that the figures are in range.
    ///
    /// # Errors
    /// Says, in a few words, what does not hold.
    pub fn check(self) -> Result<(), &'static str> {
        if self.threshold > 100 { Err("a threshold is above 100 per cent") } else { Ok(()) }
    }
}

/// What can happen to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was created. Never stored: it follows from the account's own time.
    Created,
    /// It is suspended, or for one more reason.
    Suspended,
    /// A reason ended, and others hold: it stays suspended, which is logged and not sent.
    Remains,
    /// It is active again.
    Resumed,
    /// It has another tier.
    Tier,
    /// A limit of its own was set or dropped, which is logged and not sent.
    Limit,
    /// What was spent crossed a per cent of the spend limit, which is sent and not logged.
    Threshold,
}

impl Event {
    /// The word in the rows of the log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Suspended | Self::Remains => "suspended",
            Self::Resumed => "resumed",
            Self::Tier => "tier",
            Self::Limit => "limit",
            Self::Threshold => "threshold",
        }
    }

    /// Holds if it is sent to whoever listens.
    #[must_use]
    pub const fn is_sent(self) -> bool {
        !matches!(self, Self::Remains | Self::Limit)
    }

    /// Holds if a row of the log is kept of it.
    #[must_use]
    pub const fn is_kept(self) -> bool {
        !matches!(self, Self::Created | Self::Threshold)
    }

    /// Holds if it is about standing.
    #[must_use]
    pub const fn is_standing(self) -> bool {
        matches!(self, Self::Suspended | Self::Remains | Self::Resumed)
    }
}

/// One thing that happened to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// When.
    pub time: Millis,
    /// What.
    pub event: Event,
    /// Why, for people.
    pub cause: Cause,
}

/// A text for people; it may hold an operator's bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause(Box<[u8]>);

impl Cause {
    /// Joins the parts of a text; what is too long is cut off.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut bytes = parts.concat();
        bytes.truncate(CAUSE_BYTES);
        Self(bytes.into())
    }

    /// The text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Adds a row to a log; the oldest goes where it is full.
pub fn add(log: &mut ThinVec<Row>, row: Row) {
    if log.len() >= LOG_ROWS {
        log.remove(0);
    }
    log.push(row);
}

/// Checks the log of an account that was last changed at `latest`.
///
/// # Errors
/// Says, in a few words, what does not hold.
pub fn check(log: &[Row], latest: Millis) -> Result<(), &'static str> {
    if log.len() > LOG_ROWS {
        return Err("there are too many rows in the log");
    }
    if !log.iter().all(|row| row.event.is_kept()) {
        return Err("a row is logged that is not kept");
    }
    check_times(log, (Millis::ZERO, latest))
}

/// Checks that the times of rows do not fall, and lie between these two.
///
/// # Errors
/// Says so if not.
pub fn check_times(rows: &[Row], between: (Millis, Millis)) -> Result<(), &'static str> {
    let (first, last) = between;
    let times = || rows.iter().map(|row| row.time);
    let is_in_order = std::iter::once(first).chain(times()).zip(times()).all(|(a, b)| a <= b);
    if is_in_order && times().all(|time| time <= last) {
        Ok(())
    } else {
        Err("a row of the log is out of order")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(time: i64, event: Event) -> Row {
        Row { time: Millis(time), event, cause: Cause::default() }
    }

    #[test]
    fn a_full_log_loses_its_oldest_row() {
        let mut log = ThinVec::new();
        (0..100).for_each(|time| add(&mut log, row(time, Event::Limit)));
        let (first, last) = (log.first().map(|row| row.time.0), log.last().map(|row| row.time.0));
        assert_eq!((log.len(), first, last), (64, Some(36), Some(99)));
        assert_eq!(check(&log, Millis(99)), Ok(()));
        log.push(row(100, Event::Limit));
        assert!(check(&log, Millis(100)).is_err());
    }

    #[test]
    fn rows_are_in_the_order_of_their_times_and_none_lies_ahead() {
        let log = [row(5, Event::Suspended), row(5, Event::Tier), row(9, Event::Resumed)];
        assert_eq!(check(&log, Millis(9)), Ok(()));
        assert!(check(&log, Millis(8)).is_err());
        assert!(check(&[row(5, Event::Tier), row(4, Event::Tier)], Millis(9)).is_err());
        assert!(check(&[row(-1, Event::Tier)], Millis(9)).is_err());
    }

    #[test]
    fn thresholds_and_creation_are_not_kept() {
        for event in [Event::Threshold, Event::Created] {
            assert!(check(&[row(1, event)], Millis(9)).is_err());
        }
    }

    #[test]
    fn a_cause_is_cut_at_its_bound() {
        assert_eq!(Cause::of(&[b"a", b"", b"bc"]).as_bytes(), b"abc");
        assert_eq!(Cause::of(&[&[7; 1_000]]).as_bytes().len(), CAUSE_BYTES);
    }
}
