//! Admission: standing, rate windows, concurrency and money; then all of it or nothing.

use std::rc::Rc;

use super::account::{Account, Hold};
use super::figures::Figures;
use super::holds::Known;
use super::windows::windows;
use crate::answer::{Admission, Answer, Error, Shown};
use crate::script::{Ask, HoldAsk};

const OPEN_HOLDS: usize = 10_000;
const STORED_HOLDS: usize = 110_000;
/// While holds are in the way, coming back is worth a try so often.
const TRY_AGAIN_MS: (i64, i64) = (1, 1_000);

/// A verdict, the policy and `retry_after`.
type Told = (&'static str, String, i64);

impl Account {
    pub(super) fn admit(&mut self, ask: &Ask, figures: &Figures) -> Result<Answer, Error> {
        let told = self.judge(ask, figures)?;
        if told.0 == "OK" {
            self.take_all(ask, figures);
        }
        Ok(self.admission(told, ask, figures))
    }

    /// The same verdict, by admission of a copy that is thrown away.
    pub(super) fn peek(&self, ask: &Ask, figures: &Figures) -> Result<Answer, Error> {
        let mut copy = self.clone();
        copy.admit(ask, figures)?;
        copy.check_sums()?;
        Ok(self.admission(self.judge(ask, figures)?, ask, figures))
    }

    fn judge(&self, ask: &Ask, figures: &Figures) -> Result<Told, Error> {
        let known = ask.hold.as_ref().and_then(|hold| self.known(hold.id, figures));
        match (known, &ask.hold) {
            (Some(Known::Open(before)), Some(hold)) if before.amount == hold.amount => {
                return Ok(("DUPLICATE", String::new(), 0));
            }
            (Some(_), _) => return Err(Error::Conflict),
            (None, _) => {}
        }
        let reasons = self.reasons(figures);
        if !reasons.is_empty() {
            return Ok(("SUSPENDED", reasons, -1));
        }
        let asked = asked(ask);
        let denied = self.too_large(&asked, ask.hold.as_ref(), figures);
        let denied = denied.or_else(|| self.over_budget(ask.hold.as_ref()?, figures));
        let denied = denied.or_else(|| self.rate_limited(&asked, figures));
        let denied = denied.or_else(|| self.beside_others(ask.hold.as_ref()?, figures));
        Ok(denied.unwrap_or(("OK", String::new(), 0)))
    }

    fn too_large(
        &self,
        asked: &[(String, i128)],
        hold: Option<&HoldAsk>,
        figures: &Figures,
    ) -> Option<Told> {
        let mut wholes = asked.to_vec();
        if let Some(hold) = hold {
            wholes.push(("concurrency".to_owned(), 1));
            wholes.push(("spend".to_owned(), hold.amount));
        }
        let is_too_large =
            |(name, units): &(String, i128)| *units > self.limit_row(name, figures).limit;
        let (name, _) = wholes.into_iter().find(is_too_large)?;
        Some(("TOO_LARGE", name, -1))
    }

    fn over_budget(&self, hold: &HoldAsk, figures: &Figures) -> Option<Told> {
        let policy = self.no_money(hold.amount, 0, figures)?;
        Some(("OVER_BUDGET", policy.to_owned(), -1))
    }

    fn rate_limited(&self, asked: &[(String, i128)], figures: &Figures) -> Option<Told> {
        let mut longest: Option<Told> = None;
        for (window, units) in asked {
            if let Some(wait) = self.wait(window, *units, figures)
                && longest.as_ref().is_none_or(|told| wait > told.2)
            {
                longest = Some(("RATE_LIMITED", window.clone(), wait));
            }
        }
        longest
    }

    /// What denies a hold because of the open ones: their number, or their money.
    fn beside_others(&self, hold: &HoldAsk, figures: &Figures) -> Option<Told> {
        let open = i128::try_from(self.open.len()).unwrap();
        let (verdict, policy) = if open >= self.limit_row("concurrency", figures).limit {
            ("CONCURRENCY_LIMITED", "concurrency")
        } else if self.open.len() >= OPEN_HOLDS {
            ("CONCURRENCY_LIMITED", "holds")
        } else {
            ("IN_FLIGHT", self.no_money(hold.amount, self.held(), figures)?)
        };
        let nearest = self.open.iter().map(|hold| hold.lapses).min().unwrap();
        let wait = (nearest - self.latest).clamp(TRY_AGAIN_MS.0, TRY_AGAIN_MS.1);
        Some((verdict, policy.to_owned(), wait))
    }

    /// What has no room for this amount beside what is held.
    fn no_money(&self, amount: i128, held: i128, figures: &Figures) -> Option<&'static str> {
        if self.spent + held + amount > self.limit_row("spend", figures).limit {
            Some("spend")
        } else if !self.payment_method && held + amount > self.credits + self.promo {
            Some("credits")
        } else {
            None
        }
    }

    fn take_all(&mut self, ask: &Ask, figures: &Figures) {
        let number = ask.hold.as_ref().map(|_| self.holds_ever + 1);
        for (window, units) in asked(ask) {
            if units > 0 && self.is_limited(&window, figures) {
                self.take(&window, units, number);
            }
        }
        let Some(hold) = &ask.hold else { return };
        // What lapsed under this id is forgotten, else it would have been in the way.
        if self.lapsed.iter().any(|lapsed| lapsed.id == hold.id) {
            Rc::make_mut(&mut self.lapsed).retain(|lapsed| lapsed.id != hold.id);
        }
        self.set_aside(hold, ask, figures);
    }

    /// Opens a hold; at the bound the one that lapsed first is forgotten.
    pub(super) fn set_aside(&mut self, hold: &HoldAsk, ask: &Ask, figures: &Figures) {
        self.holds_ever += 1;
        if self.open.len() + self.lapsed.len() >= STORED_HOLDS {
            Rc::make_mut(&mut self.lapsed).remove(0);
        }
        let ttl = hold.ttl.unwrap_or(figures.hold_ttl);
        Rc::make_mut(&mut self.open).push(Hold {
            id: hold.id,
            number: self.holds_ever,
            amount: hold.amount,
            charged: 0,
            tokens: ask.tokens.unwrap_or(0),
            reported: 0,
            scope: ask.scope.clone(),
            ttl,
            admitted: self.latest,
            lapses: self.latest + ttl,
        });
    }

    /// Whether one more hold of nothing would find a place.
    pub(super) fn has_place(&self, figures: &Figures) -> bool {
        let open = i128::try_from(self.open.len()).unwrap();
        self.open.len() < OPEN_HOLDS && open < self.limit_row("concurrency", figures).limit
    }

    /// The answer, with the windows as they are now.
    fn admission(&self, told: Told, ask: &Ask, figures: &Figures) -> Answer {
        let (verdict, policy, retry_after) = told;
        let tightest = |meter| self.tightest(meter, ask.scope.as_deref(), figures);
        let (window, requests) = tightest("requests");
        Answer::Admission(Admission {
            verdict,
            policy: if matches!(verdict, "OK" | "DUPLICATE") { window } else { policy },
            requests,
            tokens: ask.tokens.map(|_| tightest("tokens").1),
            retry_after,
        })
    }
}

/// What is asked of each window, in the order in which they are named.
fn asked(ask: &Ask) -> Vec<(String, i128)> {
    let [requests, tokens] =
        ["requests", "tokens"].map(|meter| windows(meter, ask.scope.as_deref()).into_iter());
    let tokens = tokens.map(|window| (window, ask.tokens.unwrap_or(0)));
    requests.map(|window| (window, ask.cost)).chain(tokens).collect()
}

pub fn unknown(ask: &Ask) -> Answer {
    Answer::Admission(Admission {
        verdict: "UNKNOWN_ACCOUNT",
        policy: String::new(),
        requests: Shown::NONE,
        tokens: ask.tokens.map(|_| Shown::NONE),
        retry_after: -1,
    })
}
