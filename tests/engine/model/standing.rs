//! Standing: why an account is suspended, the commands that decide it, and the money reply.

use super::account::{Account, Act};
use super::figures::Figures;
use crate::answer::{Answer, Error, Statement};
use crate::script::Invoice;

const FAILED_INVOICES: usize = 1_000;

impl Account {
    pub(super) fn suspend(&mut self, reason: &str, figures: &Figures) -> Answer {
        self.blocked = Some(reason.to_owned());
        Answer::Statement(self.statement("OK", figures))
    }

    pub(super) fn resume(&mut self, figures: &Figures) -> Answer {
        self.blocked = None;
        Answer::Statement(self.statement("OK", figures))
    }

    pub(super) fn invoice(
        &mut self,
        id: u32,
        event: Invoice,
        figures: &Figures,
    ) -> Result<Answer, Error> {
        let end = match event {
            Invoice::Failed => return self.invoice_failed(id, figures),
            Invoice::Paid(amount) => Act::Paid(amount),
            Invoice::Voided => Act::Voided,
        };
        // One that failed since it was forgotten is open, whatever is remembered.
        if !self.failed.contains(&id)
            && let Some(answer) = self.done_before(id, end, figures)
        {
            return answer;
        }
        self.record(Some(id), end);
        self.failed.retain(|failed| *failed != id);
        Ok(Answer::Statement(self.statement("OK", figures)))
    }

    fn invoice_failed(&mut self, id: u32, figures: &Figures) -> Result<Answer, Error> {
        let is_final = self.remembered(id, Act::Voided, figures).is_some();
        if is_final || self.failed.contains(&id) {
            return Ok(Answer::Statement(self.statement("DUPLICATE", figures)));
        }
        if self.failed.len() >= FAILED_INVOICES {
            return Err(Error::Full(FAILED_INVOICES));
        }
        self.failed.push(id);
        Ok(Answer::Statement(self.statement("OK", figures)))
    }

    /// The reasons of its suspension, comma-joined; empty if it is active.
    pub(super) fn reasons(&self, figures: &Figures) -> String {
        let mut reasons = Vec::new();
        if self.blocked.is_some() {
            reasons.push("blocked");
        }
        if !self.failed.is_empty() {
            reasons.push("payment_failed");
        }
        if !self.payment_method && self.credits + self.promo == 0 {
            reasons.push("no_payment_method");
        }
        if self.spent >= self.limit_row("spend", figures).limit {
            reasons.push("spend_limit");
        }
        reasons.join(",")
    }

    pub(super) fn statement(&self, result: &'static str, figures: &Figures) -> Statement {
        let reasons = self.reasons(figures);
        Statement {
            result,
            spent: self.spent,
            limit: self.limit_row("spend", figures).limit,
            held: self.held(),
            credits: self.credits + self.promo,
            tier: self.tier(figures).0,
            standing: if reasons.is_empty() { "active".to_owned() } else { reasons },
        }
    }
}
