//! What there is to tell of an account: what changed of its standing, its tier and its limits, and
//! what it spent of its limit.
//!
//! First comes what was due or what the platform's figures changed, at the instant at which it
//! became so where that is known; then what the command does. A change of the tier table alone
//! makes no row, unless it earns the account a tier.

use std::sync::Arc;

use super::present::{Moment, Present};
use crate::engine::effect::{After, Change};
use crate::engine::id::Name;
use crate::engine::ledger::Ledger;
use crate::engine::limit::{Limit, LimitName, Override, Source, Units};
use crate::engine::log::{Cause, Event, Row, Told};
use crate::engine::money::Money;
use crate::engine::standing::{Reason, Reasons};

impl Present<'_> {
    /// What was due or came of the platform's figures, and was not told yet.
    #[must_use]
    pub fn due_news(&self) -> Vec<Row> {
        let (told, reasons) = (self.account.record.told.reasons, self.reasons());
        let mut news = Vec::new();
        let period = self.account.record.period;
        let month_ended = period.is_over(self.now) && !told.without(reasons).is_active();
        let mut standing = standing(told, reasons, None).map(|(event, cause)| {
            let time = if month_ended { period.end() } else { self.now };
            Row { time, event, cause }
        });
        if month_ended {
            news.extend(standing.take());
        }
        if self.tier().0 != self.stored_tier() {
            news.push(self.tier_row());
        }
        news.extend(standing);
        news
    }

    /// Holds if a change surely has nothing to tell.
    #[inline(always)]
    pub(super) fn is_quiet(&self, change: &Change) -> bool {
        match (change, &self.after) {
            // It was admitted: no reason holds.
            (Change::Admit(_), None) => self.account.record.told.reasons.is_active(),
            (Change::Limit(_), _) => false,
            (_, None) => self.reasons() == self.account.record.told.reasons,
            (_, Some(after)) => self.is_surely_active(after),
        }
    }

    /// Holds if an account that was told to be active is so with these figures, and was so before
    /// the change: in the same tier, with no more spent then, and no threshold reached anew.
    fn is_surely_active(&self, after: &After) -> bool {
        let before = &self.account.record;
        let (pinned, after) = (after.pinned.as_ref(), &after.record);
        let limit = self.spend_limit();
        before.told.reasons.is_active()
            && before.earned == after.earned
            && self.account.pinned() == pinned
            && before.ledger.spent <= after.ledger.spent
            && self.reasons_within(limit).is_active()
            && self.reached(after.ledger.spent, limit).next().is_none()
    }

    /// Holds if nothing was due, and there is nothing to tell of an account that is active now.
    #[inline(always)]
    pub(super) fn is_quiet_if_active(&self) -> bool {
        self.after.is_none() && self.account.record.told.reasons.is_active()
    }

    /// Holds if nothing was due, an account that was told to be active is so under this spend limit
    /// after a charge that leaves this ledger too, and there is nothing to tell of it.
    #[inline(always)]
    pub(super) fn is_quiet_after(&self, ledger: &Ledger, limit: Limit<Money>) -> bool {
        self.is_quiet_if_active()
            && self.keeps_tier(ledger.history)
            && self.reasons_with(ledger, limit).is_active()
            && self.reached(ledger.spent, limit).next().is_none()
    }

    /// The figures after a change, with what there is to tell.
    #[cold]
    #[inline(never)]
    pub(super) fn told(&self, change: &Change) -> Option<Arc<After>> {
        let moment = Moment { now: self.now, through: self.through };
        let due = Present::new(self.account, self.policy, moment);
        let mut news = due.due_news();
        let row = |event, cause| Row { time: self.now, event, cause };
        let limit = self.spend_limit_after(change);
        if let Change::Limit(set) = change {
            news.push(row(Event::Limit, self.limit_cause(set)));
        }
        if self.tier().0 != due.tier().0 {
            news.push(self.tier_row());
        }
        let reasons = self.reasons_within(limit);
        let crossed = self.crossed(&due, limit);
        let thresholds = crossed.iter().map(|_| row(Event::Threshold, Cause::default()));
        // What is crossed comes before the suspension that may follow from it.
        match standing(due.reasons(), reasons, operators_text(change)) {
            Some((Event::Suspended, cause)) => {
                news.extend(thresholds);
                news.push(row(Event::Suspended, cause));
            }
            other => {
                news.extend(other.map(|(event, cause)| row(event, cause)));
                news.extend(thresholds);
            }
        }
        let before = self.record().told.threshold;
        let told = Told { reasons, threshold: crossed.last().map_or(before, |last| *last) };
        let changed = self.changed();
        let quiet = changed.is_none() && news.is_empty();
        let stored = || Arc::new(self.after());
        let mut after = changed.unwrap_or_else(stored);
        let new = Arc::make_mut(&mut after);
        (new.record.told, new.news) = (told, news);
        (!quiet).then_some(after)
    }

    /// The tier in force if nothing were due, under the platform's figures now.
    fn stored_tier(&self) -> Option<&Name> {
        let (tier, source) = self.tier();
        if source == Source::Operator {
            return tier;
        }
        let tiers = &self.policy.tiers;
        let earned = self.account.record.earned.iter().chain(self.account.former_tiers());
        let rank = earned.filter_map(|name| tiers.rank(name)).max();
        rank.and_then(|rank| tiers.row(rank)).map(|row| &row.name)
    }

    fn tier_row(&self) -> Row {
        let cause = match self.tier() {
            (Some(name), Source::Operator) => Cause::of(&[name.as_bytes(), b" pinned"]),
            (Some(name), _) => Cause::of(&[name.as_bytes(), b" earned"]),
            (None, _) => Cause::of(&[b"none"]),
        };
        Row { time: self.now, event: Event::Tier, cause }
    }

    /// The spend limit in force after a change of the account's own limits.
    fn spend_limit_after(&self, change: &Change) -> Limit<Money> {
        match change {
            Change::Limit(set) if set.0 == LimitName::Spend => {
                self.in_force_with(&set.0, Some(set.1)).limit.as_money()
            }
            _ => self.spend_limit(),
        }
    }

    /// The per cents of the limit that are reached and were not told in this period; rising. They
    /// are looked at when what is spent or the limit changes.
    fn crossed(&self, due: &Present<'_>, limit: Limit<Money>) -> Vec<u8> {
        let spent = self.record().ledger.spent;
        let moves = spent != due.record().ledger.spent || limit != due.spend_limit();
        if moves { self.reached(spent, limit).collect() } else { Vec::new() }
    }

    /// The per cents of the limit that are reached and were not told in this period; rising.
    fn reached(&self, spent: Money, limit: Limit<Money>) -> impl Iterator<Item = u8> {
        let told = self.record().told.threshold;
        let times =
            |money: Money, times: u8| i128::from(money.nanos()).saturating_mul(i128::from(times));
        let is_reached = move |cent: &u8| match limit {
            Limit::At(most) if !most.is_zero() => {
                *cent > told && times(spent, 100) >= times(most, *cent)
            }
            _ => false,
        };
        self.policy.thresholds.iter().copied().filter(is_reached)
    }

    /// What was set of a limit, as FW.LIMIT says it.
    fn limit_cause(&self, set: &(LimitName, Override)) -> Cause {
        let (name, after) = set;
        let before = self.account.own(name).unwrap_or_default();
        let mut text = name.text().into_owned();
        let figures = [(" VALUE ", before.value, after.value), (" MAX ", before.max, after.max)];
        for (word, before, after) in figures {
            if before != after {
                text.extend_from_slice(word.as_bytes());
                text.extend_from_slice(&figure(name, after));
            }
        }
        Cause::of(&[&text])
    }
}

/// Of a new account only how it stands in the end is told: it was nothing before.
pub(super) fn of_new(after: &mut After) {
    let is_suspended = !after.record.told.reasons.is_active();
    let last = after.news.iter().rfind(|row| row.event.is_standing()).cloned();
    after.news.retain(|row| !row.event.is_standing());
    let suspended = last.filter(|_| is_suspended);
    after.news.extend(suspended.map(|row| Row { event: Event::Suspended, ..row }));
}

/// What comes of other reasons than before.
fn standing(before: Reasons, after: Reasons, text: Option<&Reason>) -> Option<(Event, Cause)> {
    let (added, joined) = (after.without(before), after.joined().as_bytes());
    match text.filter(|_| added.contain(Reasons::BLOCKED)) {
        Some(text) => Some((Event::Suspended, Cause::of(&[joined, b": ", text.as_bytes()]))),
        None if !added.is_active() => Some((Event::Suspended, Cause::of(&[joined]))),
        None if before == after => None,
        None if after.is_active() => {
            Some((Event::Resumed, Cause::of(&[before.joined().as_bytes()])))
        }
        None => Some((Event::Remains, Cause::of(&[joined]))),
    }
}

fn operators_text(change: &Change) -> Option<&Reason> {
    match change {
        Change::Block(reason) => reason.as_ref(),
        _ => None,
    }
}

fn figure(name: &LimitName, limit: Option<Limit<Units>>) -> Vec<u8> {
    match limit {
        None => b"DEFAULT".to_vec(),
        Some(Limit::Unlimited) => b"unlimited".to_vec(),
        Some(Limit::At(units)) if *name == LimitName::Spend => {
            units.as_money().text().as_bytes().to_vec()
        }
        Some(Limit::At(units)) => units.count().to_string().into_bytes(),
    }
}
