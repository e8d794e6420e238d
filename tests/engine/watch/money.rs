//! Promises about money.

use std::collections::BTreeMap;

use super::Seen;
use crate::answer::{AccountRow, Answer, HoldRow};
use crate::script::{Ask, Command, Settle, id_text};

/// A log of every dollar bought, and what FW.GET and FW.HOLDS said last.
///
/// While every charge is held first and settled before its hold lapses, at no more than its amount,
/// and the limit is not lowered, `spent + held` never passes the limit; without a payment method,
/// `held` never passes what was paid in advance.
#[derive(Default)]
pub struct Money {
    bought: i128,
    /// The clock at the last look.
    clock: i64,
    account: Option<AccountRow>,
    holds: Vec<HoldRow>,
    /// What holds set aside that were opened since: an id may have been forgotten and used anew.
    opened: BTreeMap<u32, i128>,
    /// Whether something happened since the last look that may pass a limit.
    may_pass: bool,
}

impl Money {
    pub fn see(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        self.see_history(seen)?;
        self.may_pass |= seen.said.changes && self.is_beyond_holds(seen);
        self.see_opened(seen);
        match &seen.said.answer {
            Ok(Answer::Nothing) => {
                (self.account, self.holds) = (None, Vec::new());
                Ok(())
            }
            Ok(Answer::Account(row)) => self.see_account(row, seen.clock),
            Ok(Answer::Holds(rows)) if is_whole(seen.command) => self.see_holds(rows),
            _ => Ok(()),
        }
    }

    /// After buying X, history is at least X.
    fn see_history(&mut self, seen: &Seen<'_>) -> Result<(), String> {
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

    /// Whether a command charged what was not set aside for it.
    fn is_beyond_holds(&self, seen: &Seen<'_>) -> bool {
        match seen.command {
            Command::Spend { amount, .. } => *amount > 0,
            Command::Settle(Settle { id, amount, .. }) => {
                let shown = self.holds.iter().find(|row| row.id == id_text(*id));
                let held = self.opened.get(id).copied().or(shown.map(|row| row.amount));
                seen.result() == Some("LATE") || held.is_none_or(|held| *amount > held)
            }
            _ => false,
        }
    }

    fn see_opened(&mut self, seen: &Seen<'_>) {
        if let (Command::Admit(Ask { hold: Some(hold), .. }), Ok(Answer::Admission(answer))) =
            (seen.command, &seen.said.answer)
            && answer.verdict == "OK"
        {
            self.opened.insert(hold.id, hold.amount);
        }
    }

    fn see_account(&mut self, row: &AccountRow, clock: i64) -> Result<(), String> {
        if let Some(before) = &self.account
            && !self.may_pass
            // A clock that steps back opens holds again whose lapse nothing has stored.
            && self.clock <= clock
        {
            see_limit(before, row)?;
            see_credits(before, row)?;
        }
        self.may_pass = false;
        self.clock = clock;
        self.account = Some(row.clone());
        Ok(())
    }

    /// What FW.GET counts and sums up is what FW.HOLDS shows.
    fn see_holds(&mut self, rows: &[HoldRow]) -> Result<(), String> {
        if let Some(row) = rows.iter().find(|row| row.held != (row.amount - row.charged).max(0)) {
            return Err(format!("a hold does not set aside what is left of it: {row:?}"));
        }
        let sum: i128 = rows.iter().map(|row| row.held).sum();
        let shown =
            self.account.as_ref().map_or((0, 0), |row| (row.statement.held, row.open_holds));
        if shown != (sum, rows.len()) {
            return Err(format!("{} holds with {sum} are open, shown are {shown:?}", rows.len()));
        }
        self.holds = rows.to_vec();
        self.opened.clear();
        Ok(())
    }
}

fn is_whole(command: &Command) -> bool {
    matches!(command, Command::Holds { count: usize::MAX })
}

fn see_limit(before: &AccountRow, after: &AccountRow) -> Result<(), String> {
    let used = |row: &AccountRow| row.statement.spent + row.statement.held;
    let limit = after.limit.limit;
    let was_within = used(before) <= before.limit.limit && before.limit.limit <= limit;
    if was_within && used(after) > limit {
        return Err(format!("spent and held are {}, the limit is {limit}", used(after)));
    }
    Ok(())
}

fn see_credits(before: &AccountRow, after: &AccountRow) -> Result<(), String> {
    let is_within = |row: &AccountRow| row.statement.held <= row.statement.credits;
    let was_prepaid = !before.payment_method && !after.payment_method && is_within(before);
    if was_prepaid && !is_within(after) {
        return Err(format!("more is held than there are credits: {:?}", after.statement));
    }
    if was_prepaid && after.owed > before.owed {
        return Err(format!("what was held is owed: {:?}", after.statement));
    }
    Ok(())
}
