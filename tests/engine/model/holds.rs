//! Holds once they are open: settled, voided, extended, and shown.

use std::rc::Rc;

use super::account::{Account, Closed, Hold, in_order};
use super::figures::Figures;
use crate::answer::{Answer, Error, HoldRow};
use crate::script::{Settle, id_text};

const CLOSED_HOLDS: usize = 100_000;

/// What the account knows about a hold's id.
pub(super) enum Known {
    Open(Hold),
    Lapsed(Hold),
    Settled(i128),
    Voided,
}

impl Hold {
    /// What it still sets aside.
    pub(super) fn held(&self) -> i128 {
        (self.amount - self.charged).max(0)
    }
}

impl Account {
    pub(super) fn held(&self) -> i128 {
        self.open.iter().map(Hold::held).sum()
    }

    /// The last hold with this id, unless it is forgotten.
    pub(super) fn known(&self, id: u32, figures: &Figures) -> Option<Known> {
        if let Some(hold) = self.open.iter().find(|hold| hold.id == id) {
            return Some(Known::Open(hold.clone()));
        }
        let lapsed = self.lapsed.iter().find(|hold| hold.id == id);
        let closed = self.closed.iter().rev().find(|hold| hold.id == id);
        let is_kept = |time: i64| self.latest < time + figures.hold_memory;
        let number = lapsed.map_or(0, |hold| hold.number);
        if let Some(closed) = closed.filter(|closed| closed.number > number) {
            let known = closed.settled.map_or(Known::Voided, Known::Settled);
            return is_kept(closed.time).then_some(known);
        }
        lapsed.filter(|hold| is_kept(hold.lapses)).map(|hold| Known::Lapsed(hold.clone()))
    }

    /// SPEND with HOLD.
    pub(super) fn settle(&mut self, settle: &Settle, figures: &Figures) -> Result<Answer, Error> {
        let (hold, is_open) = match self.known(settle.id, figures) {
            None => return Err(Error::NoHold),
            Some(Known::Settled(amount)) if amount == settle.amount => {
                return Ok(Answer::Statement(self.statement("DUPLICATE", figures)));
            }
            Some(Known::Settled(_) | Known::Voided) => return Err(Error::Conflict),
            Some(Known::Open(hold)) => (hold, true),
            Some(Known::Lapsed(hold)) => (hold, false),
        };
        if settle.amount < hold.charged {
            return Err(Error::Conflict);
        }
        let mut result = if is_open { "OK" } else { "LATE" };
        self.charge(settle.amount - hold.charged);
        if settle.partial {
            if !self.settle_part((&hold, is_open), settle, figures) {
                result = "DUPLICATE";
            }
        } else {
            self.correct(&hold, settle.tokens.unwrap_or(hold.tokens), figures);
            self.close(&hold, Some(settle.amount));
        }
        self.rise(figures);
        Ok(Answer::Statement(self.statement(result, figures)))
    }

    /// What PARTIAL does to a hold; tells whether it reports more than before.
    fn settle_part(
        &mut self,
        (hold, is_open): (&Hold, bool),
        settle: &Settle,
        figures: &Figures,
    ) -> bool {
        let reported = settle.tokens.unwrap_or(0).max(hold.reported);
        let tokens = reported.max(hold.tokens);
        self.correct(hold, tokens, figures);
        let now = self.latest;
        let list = if is_open { &mut self.open } else { &mut self.lapsed };
        let same = |other: &&mut Hold| other.number == hold.number;
        let after = Rc::make_mut(list).iter_mut().find(same).unwrap();
        after.charged = settle.amount;
        after.reported = reported;
        after.tokens = tokens;
        if is_open {
            after.lapses = now + after.ttl;
        }
        settle.amount > hold.charged || reported > hold.reported
    }

    pub(super) fn void(&mut self, id: u32, figures: &Figures) -> Result<Answer, Error> {
        let result = match self.known(id, figures) {
            None => return Err(Error::NoHold),
            Some(Known::Settled(_)) => return Err(Error::Conflict),
            Some(Known::Voided) => "DUPLICATE",
            Some(Known::Open(hold) | Known::Lapsed(hold)) => {
                self.correct(&hold, hold.reported, figures);
                self.close(&hold, None);
                "OK"
            }
        };
        Ok(Answer::Statement(self.statement(result, figures)))
    }

    pub(super) fn extend(&mut self, id: u32, ttl: i64, figures: &Figures) -> Result<Answer, Error> {
        let now = self.latest;
        let hold = Rc::make_mut(&mut self.open).iter_mut().find(|hold| hold.id == id);
        let hold = hold.ok_or(Error::NoHold)?;
        hold.ttl = ttl;
        hold.lapses = now + ttl;
        Ok(Answer::Statement(self.statement("OK", figures)))
    }

    /// A hold is closed and remembered; at the bound the one closed first is forgotten.
    fn close(&mut self, hold: &Hold, settled: Option<i128>) {
        for list in [&mut self.open, &mut self.lapsed] {
            if list.iter().any(|other| other.number == hold.number) {
                Rc::make_mut(list).retain(|other| other.number != hold.number);
            }
        }
        self.remember_closed(hold, settled);
    }

    /// The hold opened last, of nothing, comes to nothing.
    pub(super) fn settle_last(&mut self) {
        let hold = Rc::make_mut(&mut self.open).pop().unwrap();
        self.remember_closed(&hold, Some(0));
    }

    fn remember_closed(&mut self, hold: &Hold, settled: Option<i128>) {
        let closed = Rc::make_mut(&mut self.closed);
        if closed.len() >= CLOSED_HOLDS {
            closed.remove(0);
        }
        closed.push(Closed { id: hold.id, number: hold.number, settled, time: self.latest });
    }

    pub(super) fn view_holds(&self, count: usize) -> Answer {
        let mut holds = self.open.to_vec();
        in_order(&mut holds);
        let rows = holds.into_iter().take(count).map(|hold| HoldRow {
            id: id_text(hold.id),
            amount: hold.amount,
            charged: hold.charged,
            held: hold.held(),
            tokens: hold.tokens,
            admitted: hold.admitted,
            lapses: hold.lapses,
            scope: hold.scope,
        });
        Answer::Holds(rows.collect())
    }
}
