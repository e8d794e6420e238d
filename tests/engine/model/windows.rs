//! Rate windows: slots in the order of their times, and the holds whose admissions each took.

use super::account::{Account, Hold, Slot};
use super::figures::{Figures, UNLIMITED};
use crate::answer::Shown;

const SPAN_MS: i64 = 60_000;
const JOIN_MS: i64 = 1_000;

impl Slot {
    pub(super) fn frees(&self) -> i64 {
        self.last + SPAN_MS
    }
}

/// The windows of a meter that count for a scope, the account's own first.
pub(super) fn windows(meter: &str, scope: Option<&str>) -> Vec<String> {
    let scoped = scope.map(|scope| format!("{meter}@{scope}"));
    std::iter::once(meter.to_owned()).chain(scoped).collect()
}

impl Account {
    fn slots(&self, window: &str) -> &[Slot] {
        self.windows.get(window).map_or(&[], Vec::as_slice)
    }

    /// The units in a window.
    pub(super) fn counted(&self, window: &str) -> i128 {
        self.slots(window).iter().map(|slot| slot.units).sum()
    }

    pub(super) fn is_limited(&self, window: &str, figures: &Figures) -> bool {
        self.limit_row(window, figures).limit != UNLIMITED
    }

    /// Counts units now, those of a hold if it has a number.
    pub(super) fn take(&mut self, window: &str, units: i128, hold: Option<u64>) {
        let now = self.latest;
        let slots = self.windows.entry(window.to_owned()).or_default();
        match slots.last_mut() {
            Some(newest) if now - newest.first < JOIN_MS => {
                newest.last = now;
                newest.units += units;
                newest.holds.extend(hold);
            }
            _ => {
                let holds = hold.into_iter().collect();
                slots.push(Slot { first: now, last: now, units, holds });
            }
        }
    }

    /// How long units must wait for room in a window, if there is none.
    pub(super) fn wait(&self, window: &str, units: i128, figures: &Figures) -> Option<i64> {
        let limit = self.limit_row(window, figures).limit;
        let mut used = self.counted(window);
        if units == 0 || limit == UNLIMITED || used + units <= limit {
            return None;
        }
        let mut wait = 0;
        for slot in self.slots(window) {
            if used + units > limit {
                used -= slot.units;
                wait = slot.frees() - self.latest;
            }
        }
        Some(wait)
    }

    /// Sets the tokens that a hold reserved, where they were counted and as far as they still are.
    pub(super) fn correct(&mut self, hold: &Hold, tokens: i128, figures: &Figures) {
        let more = tokens - hold.tokens;
        for window in windows("tokens", hold.scope.as_deref()) {
            let slots = self.windows.get_mut(&window);
            let mut slots = slots.into_iter().flatten();
            if let Some(slot) = slots.find(|slot| slot.holds.contains(&hold.number)) {
                slot.units += more;
            } else if more > 0 && self.is_limited(&window, figures) {
                self.take(&window, more, None);
            }
        }
    }

    /// The tightest window of a meter and its name; the meter's own if none is limited.
    pub(super) fn tightest(
        &self,
        meter: &str,
        scope: Option<&str>,
        figures: &Figures,
    ) -> (String, Shown) {
        let mut tightest = (meter.to_owned(), Shown::NONE);
        for window in windows(meter, scope) {
            let shown = self.shown(&window, figures);
            if shown.limit != UNLIMITED && shown.remaining <= tightest.1.remaining {
                tightest = (window, shown);
            }
        }
        tightest
    }

    fn shown(&self, window: &str, figures: &Figures) -> Shown {
        let limit = self.limit_row(window, figures).limit;
        let newest = self.slots(window).iter().rev().find(|slot| slot.units > 0);
        Shown {
            limit,
            remaining: (limit - self.counted(window)).max(0),
            reset: newest.map_or(0, |slot| slot.frees() - self.latest),
        }
    }
}
