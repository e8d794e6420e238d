//! The ledger: what was spent, what is prepaid, what is owed, and what was ever paid or used.
//!
//! `spent` is gross: credits do not lower it. `history` counts each dollar once. Who may spend is
//! not decided here: spending always records, truth beats limit.
//! Invariant: no figure is negative, and credits + promo fits an i64.

use super::money::Money;

/// The money figures of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Ledger {
    /// Spent in this period.
    pub spent: Money,
    /// Credits bought and not yet used.
    pub credits: Money,
    /// Credits given and not yet used.
    pub promo: Money,
    /// Used beyond credits and not yet paid.
    pub owed: Money,
    /// Everything ever used on account or bought; what tiers are earned by.
    pub history: Money,
    /// Spent in the period before.
    pub previous_spent: Money,
}

/// A figure that would not fit an i64 of nano-dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMuch(pub &'static str);

impl Ledger {
    /// The ledger after a charge: promo is used first, then credits, and the rest is owed.
    ///
    /// # Errors
    /// [`TooMuch`] names the figure that would not fit.
    pub fn charged(self, amount: Money) -> Result<Self, TooMuch> {
        let from_promo = amount.min(self.promo);
        let from_credits = amount.minus(from_promo).min(self.credits);
        let unpaid = amount.minus(from_promo).minus(from_credits);
        Ok(Self {
            spent: self.spent.plus(amount).ok_or(TooMuch("spent"))?,
            promo: self.promo.minus(from_promo),
            credits: self.credits.minus(from_credits),
            owed: self.owed.plus(unpaid).ok_or(TooMuch("owed"))?,
            history: self.history.plus(unpaid).ok_or(TooMuch("history"))?,
            ..self
        })
    }

    /// The ledger after credits were bought: they pay what is owed first. Only what is left
    /// counts in history, since what was owed counted when it was used.
    ///
    /// # Errors
    /// [`TooMuch`] names the figure that would not fit.
    pub fn topped_up(self, amount: Money) -> Result<Self, TooMuch> {
        let rest = amount.minus(self.owed);
        let after = Self {
            owed: self.owed.minus(amount),
            credits: self.credits.plus(rest).ok_or(TooMuch("credits"))?,
            history: self.history.plus(rest).ok_or(TooMuch("history"))?,
            ..self
        };
        after.prepaid().map(|_| after)
    }

    /// The ledger after credits were given. They pay nothing that is owed and never count in
    /// history.
    ///
    /// # Errors
    /// [`TooMuch`] names the figure that would not fit.
    pub fn given(self, amount: Money) -> Result<Self, TooMuch> {
        let after = Self { promo: self.promo.plus(amount).ok_or(TooMuch("promo"))?, ..self };
        after.prepaid().map(|_| after)
    }

    /// The ledger after a credit note: it pays what is owed first, and lowers what was spent. What
    /// was used stays history.
    ///
    /// # Errors
    /// [`TooMuch`] names the figure that would not fit.
    pub fn refunded(self, amount: Money) -> Result<Self, TooMuch> {
        let rest = amount.minus(self.owed);
        let after = Self {
            owed: self.owed.minus(amount),
            spent: self.spent.minus(amount),
            credits: self.credits.plus(rest).ok_or(TooMuch("credits"))?,
            ..self
        };
        after.prepaid().map(|_| after)
    }

    /// The ledger after an invoice was paid by other means than credits.
    #[must_use]
    pub fn paid(self, amount: Money) -> Self {
        Self { owed: self.owed.minus(amount), ..self }
    }

    /// Credits and promo together.
    ///
    /// # Errors
    /// [`TooMuch`] if the sum does not fit, which no ledger of an account is let come to.
    pub fn prepaid(self) -> Result<Money, TooMuch> {
        self.credits.plus(self.promo).ok_or(TooMuch("credits and promo"))
    }

    /// Holds if nothing is prepaid.
    #[must_use]
    pub const fn has_no_credits(&self) -> bool {
        self.credits.is_zero() && self.promo.is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(whole: u32) -> Money {
        Money::dollars(whole)
    }

    #[test]
    fn a_charge_uses_promo_then_credits_and_the_rest_is_owed_and_history() {
        let ledger = Ledger { promo: dollars(3), credits: dollars(4), ..Ledger::default() };
        let after = ledger.charged(dollars(10)).expect("fits");
        assert_eq!((after.promo, after.credits), (Money::ZERO, Money::ZERO));
        assert_eq!((after.spent, after.owed, after.history), (dollars(10), dollars(3), dollars(3)));
    }

    #[test]
    fn a_dollar_used_and_then_paid_counts_in_history_once() {
        let used = Ledger::default().charged(dollars(50)).expect("fits");
        let paid = used.topped_up(dollars(100)).expect("fits");
        assert_eq!(
            (paid.owed, paid.credits, paid.history),
            (Money::ZERO, dollars(50), dollars(100))
        );
        let used_up = paid.charged(dollars(50)).expect("fits");
        assert_eq!((used_up.history, used_up.owed), (dollars(100), Money::ZERO));
    }

    #[test]
    fn promo_pays_nothing_owed_and_never_counts_in_history() {
        let owing = Ledger::default().charged(dollars(5)).expect("fits");
        let given = owing.given(dollars(20)).expect("fits");
        assert_eq!((given.owed, given.promo, given.history), (dollars(5), dollars(20), dollars(5)));
    }

    #[test]
    fn a_figure_that_would_not_fit_is_named() {
        let full = Ledger { spent: Money::MAX, ..Ledger::default() };
        assert_eq!(full.charged(dollars(1)), Err(TooMuch("spent")));
        let rich = Ledger { promo: Money::MAX, ..Ledger::default() };
        assert_eq!(rich.topped_up(dollars(1)), Err(TooMuch("credits and promo")));
    }
}
