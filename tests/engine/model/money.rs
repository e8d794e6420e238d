//! Money: charges, top-ups, refunds, tiers, and FW.SET.

use std::rc::Rc;

use super::account::{Account, Act, Remembered};
use super::calendar;
use super::figures::{Figures, MOST, TierRow, UNLIMITED};
use crate::answer::{Answer, Error};
use crate::script::Command;

const SPEND_IDS: usize = 100_000;
const BILLING_IDS: usize = 10_000;

impl Account {
    /// A charge, a top-up or a refund; with an id, once.
    pub(super) fn once(
        &mut self,
        id: Option<u32>,
        act: Act,
        figures: &Figures,
    ) -> Result<Answer, Error> {
        if let Some(answer) = id.and_then(|id| self.done_before(id, act, figures)) {
            return answer;
        }
        self.record(id, act);
        self.rise(figures);
        Ok(Answer::Statement(self.statement("OK", figures)))
    }

    /// What an act does to the money, whether or not it was done before.
    pub(super) fn record(&mut self, id: Option<u32>, act: Act) {
        if let Some(id) = id {
            self.remember(id, act);
        }
        match act {
            Act::Spend(amount) => self.charge(amount),
            Act::TopUp(amount) => {
                let pays = amount.min(self.owed);
                self.owed -= pays;
                self.credits += amount - pays;
                self.history += amount - pays;
            }
            Act::Promo(amount) => self.promo += amount,
            Act::Refund(amount) => {
                let pays = amount.min(self.owed);
                self.owed -= pays;
                self.credits += amount - pays;
                self.spent = (self.spent - amount).max(0);
            }
            Act::Paid(amount) => self.owed -= amount.min(self.owed),
            Act::Voided => {}
        }
    }

    /// A charge: promo pays first, then credits; the rest is owed.
    pub(super) fn charge(&mut self, amount: i128) {
        let from_promo = amount.min(self.promo);
        let from_credits = (amount - from_promo).min(self.credits);
        let unpaid = amount - from_promo - from_credits;
        self.promo -= from_promo;
        self.credits -= from_credits;
        self.spent += amount;
        self.owed += unpaid;
        self.history += unpaid;
    }

    /// Sums that do not fit are an error of whatever command would have made them.
    pub(super) fn check_sums(&self) -> Result<(), Error> {
        let mut sums = vec![self.spent + self.held(), self.credits + self.promo];
        sums.extend([self.owed, self.history]);
        sums.extend(self.windows.keys().map(|window| self.counted(window)));
        if sums.iter().any(|sum| *sum > MOST) { Err(Error::TooMuch) } else { Ok(()) }
    }

    /// What is answered if the id was used before, and is remembered.
    pub(super) fn done_before(
        &self,
        id: u32,
        act: Act,
        figures: &Figures,
    ) -> Option<Result<Answer, Error>> {
        let before = self.remembered(id, act, figures)?;
        let duplicate = || Answer::Statement(self.statement("DUPLICATE", figures));
        Some(if before == act { Ok(duplicate()) } else { Err(Error::Conflict) })
    }

    /// What the id was used for before, in the space of this act.
    pub(super) fn remembered(&self, id: u32, act: Act, figures: &Figures) -> Option<Act> {
        let (memory, span) = match act {
            Act::Spend(_) => (&self.spends, figures.spend_memory),
            _ => (&self.billings, figures.billing_memory),
        };
        let same = |before: &&Remembered| before.id == id && space(before.act) == space(act);
        let before = memory.iter().rev().find(same)?;
        (self.latest < before.time + span).then_some(before.act)
    }

    /// Remembers an id; at the bound the one recorded first is forgotten.
    fn remember(&mut self, id: u32, act: Act) {
        let (memory, most) = match act {
            Act::Spend(_) => (&mut self.spends, SPEND_IDS),
            _ => (&mut self.billings, BILLING_IDS),
        };
        let memory = Rc::make_mut(memory);
        if memory.len() >= most {
            memory.remove(0);
        }
        memory.push(Remembered { id, act, time: self.latest });
    }

    pub(super) fn set(&mut self, command: &Command, figures: &Figures) -> Answer {
        let Command::Set { payment_method, tier, anchor } = command else { unreachable!() };
        if *payment_method == Some(true) && !self.payment_method {
            self.earned.insert(figures.tiers[0].name.clone());
        }
        self.payment_method = payment_method.unwrap_or(self.payment_method);
        match tier.as_deref() {
            Some("auto") => self.pinned = None,
            Some(tier) => self.pinned = Some(tier.to_owned()),
            None => {}
        }
        if let Some(day) = *anchor
            && self.anchor != *anchor
        {
            self.anchor = *anchor;
            let today = self.latest - self.latest % 86_400_000;
            let begins = self.period.0.min(today);
            self.period = (begins, calendar::next_after(day, self.latest));
        }
        self.rise(figures);
        Answer::Statement(self.statement("OK", figures))
    }

    /// Takes the tiers it earns now among those it ever had, unless it has a higher one already.
    pub(super) fn rise(&mut self, figures: &Figures) {
        let had = figures.tiers.iter().rposition(|row| self.earned.contains(&row.name));
        let Some(place) = self.earned_place(figures).filter(|place| Some(*place) > had) else {
            return;
        };
        for (at, row) in figures.tiers.iter().enumerate().take(place + 1) {
            let by_method = at == 0 && self.payment_method;
            if by_method || (at > 0 && self.history >= row.history) {
                self.earned.insert(row.name.clone());
            }
        }
        self.earned.insert(figures.tiers[place].name.clone());
    }

    /// The place of the tier earned: by history, by a payment method (the first), or once before.
    pub(super) fn earned_place(&self, figures: &Figures) -> Option<usize> {
        let earned = |(place, row): (usize, &TierRow)| {
            let by_method = place == 0 && self.payment_method;
            let by_history = place > 0 && self.history >= row.history;
            (by_method || by_history || self.earned.contains(&row.name)).then_some(place)
        };
        figures.tiers.iter().enumerate().filter_map(earned).next_back()
    }

    /// The name of the tier in force, its limit, and who decides it.
    pub(super) fn tier(&self, figures: &Figures) -> (String, i128, &'static str) {
        match self.pinned.as_deref() {
            Some("unlimited") => return ("unlimited".to_owned(), UNLIMITED, "operator"),
            Some(name) => {
                if let Some(place) = figures.tier(name) {
                    return (name.to_owned(), figures.tiers[place].limit, "operator");
                }
            }
            None => {}
        }
        match self.earned_place(figures) {
            Some(place) => {
                let row = &figures.tiers[place];
                (row.name.clone(), row.limit, "auto")
            }
            None => ("none".to_owned(), figures.tiers[0].limit, "auto"),
        }
    }
}

/// Ids of different spaces have nothing to do with each other.
fn space(act: Act) -> &'static str {
    match act {
        Act::Spend(_) => "spends",
        Act::TopUp(_) | Act::Promo(_) => "top-ups",
        Act::Refund(_) => "refunds",
        Act::Paid(_) | Act::Voided => "invoices",
    }
}
