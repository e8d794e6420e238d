//! The only code that changes an account.
//!
//! [`apply`] cannot refuse. Whether an effect that came from elsewhere belongs to an account is told
//! beforehand, by [`fits`](super::fits::fits).

use super::account::Account;
use super::act::{Entry, Kept, Space};
use super::bounds;
use super::effect::{After, Change, Count, Effect, Figures, HoldChange, Meters, Onto};
use super::extras::Extras;
use super::holds::Holds;
use super::id::Id;
use super::index::Hashing;
use super::lease::Leases;
use super::limit::{LimitName, Meter};
use super::log;
use super::time::Millis;
use super::window::Window;

/// What happened in passing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleared {
    /// Leases that lapsed since the account was last changed.
    pub lapsed_leases: usize,
    /// Holds that lapsed since then.
    pub lapsed_holds: usize,
    /// Ids that were forgotten before their time, because there were too many.
    pub forgotten_ids: usize,
}

/// Makes an effect so, on an account that stands.
pub fn apply(account: &mut Account, effect: &Effect, hashing: &Hashing) -> Cleared {
    let mut cleared = lapsed(account, effect);
    if effect.onto == Onto::Rewound {
        rewind_kept(account, effect.time);
        rewind(account, effect.time);
    }
    account.latest = effect.time;
    match &effect.figures {
        Figures::Kept => {}
        Figures::Ledger(ledger) => account.record.ledger = *ledger,
        Figures::All(after) => put_after(account, after),
    }
    if let Some(extras) = account.extras.as_deref_mut() {
        clear(extras, effect, &mut cleared);
    }
    match &effect.change {
        Change::None => {}
        Change::Admit(cost) => account.requests.admit(*cost, effect.time),
        change => Changing { account, time: effect.time, hashing }.change(change),
    }
    if account.extras.as_deref().is_some_and(Extras::is_empty) {
        account.extras = None;
    }
    cleared
}

/// What lapsed since the account was last changed.
fn lapsed(account: &Account, effect: &Effect) -> Cleared {
    let (since, now) = (account.latest, effect.time.max(account.latest));
    let lapsed_holds = |holds: &Holds| {
        let next = holds.next_lapse(since).is_some_and(|lapses| lapses <= now);
        if next { holds.open(since).count.saturating_sub(holds.open(now).count) } else { 0 }
    };
    Cleared {
        lapsed_leases: account.leases().map_or(0, |leases| leases.lapsed_between(since, now)),
        lapsed_holds: account.holds().map_or(0, lapsed_holds),
        forgotten_ids: 0,
    }
}

/// Makes the account that an effect creates; `None` if the effect creates none.
#[must_use]
pub fn create(effect: &Effect, hashing: &Hashing) -> Option<Account> {
    let after = effect.figures.all().filter(|_| effect.onto == Onto::Nothing)?;
    let mut account = Account::new(after.record.clone(), effect.time);
    apply(&mut account, effect, hashing);
    Some(account)
}

/// A copy of an account that has followed the clock back to `effect`'s time, to judge on.
///
/// Remembered ids are shared with the original, which may have very many: their times are read as
/// no later than now, so the copy answers as if they had been brought back too.
#[must_use]
pub fn rewound(account: &Account, effect: &Effect) -> Account {
    let mut copy = account.clone();
    rewind(&mut copy, effect.time);
    copy.latest = effect.time;
    if let Some(after) = effect.figures.all() {
        put_after(&mut copy, after);
    }
    copy
}

fn rewind(account: &mut Account, now: Millis) {
    account.requests = Window::default();
    let lapsed = account.latest;
    if let Some(extras) = account.extras.as_deref_mut() {
        extras.windows.clear();
        change_leases(extras, |leases| leases.rewind(lapsed, now));
        extras.log.iter_mut().for_each(|row| row.time = row.time.min(now));
    }
}

/// Brings back what a copy shares with its original: holds and remembered ids.
fn rewind_kept(account: &mut Account, now: Millis) {
    let lapsed = account.latest;
    let Some(extras) = account.extras.as_deref_mut() else { return };
    extras.holds.change_all(|hold| hold.rewound(lapsed, now));
    for kept in Kept::ALL {
        extras.memory_mut(kept).rewind(now);
    }
}

fn put_after(account: &mut Account, after: &After) {
    account.record.clone_from(&after.record);
    if after.pinned.as_ref() != account.pinned() || after.last_token != account.last_token() {
        let extras = account.extras.get_or_insert_default();
        extras.pinned.clone_from(&after.pinned);
        extras.last_token = after.last_token;
    }
    for name in &after.former_tiers {
        let tiers = &mut account.extras.get_or_insert_default().former_tiers;
        if tiers.contains(name) {
            continue;
        }
        if tiers.len() >= bounds::FORMER_TIERS {
            tiers.remove(0);
        }
        tiers.push(name.clone());
    }
    for row in after.news.iter().filter(|row| row.event.is_kept()) {
        log::add(&mut account.extras.get_or_insert_default().log, row.clone());
    }
}

fn clear(extras: &mut Extras, effect: &Effect, cleared: &mut Cleared) {
    for kept in Kept::ALL {
        let count = effect.forget.of(kept);
        if count > 0 {
            extras.memory_mut(kept).forget(usize::from(count));
        }
    }
    if effect.forget.lapsed > 0 {
        extras.holds.forget(usize::from(effect.forget.lapsed));
    }
    cleared.forgotten_ids = usize::from(effect.forget.early);
    change_leases(extras, |leases| leases.drop_lapsed(effect.time));
}

/// Changes the leases, if there are any.
fn change_leases(extras: &mut Extras, change: impl FnOnce(&mut Leases)) {
    if let Some(leases) = &mut extras.leases {
        change(leases);
        if leases.is_empty() {
            extras.leases = None;
        }
    }
}

/// An account that is being changed.
struct Changing<'a> {
    account: &'a mut Account,
    time: Millis,
    hashing: &'a Hashing,
}

impl Changing<'_> {
    fn change(&mut self, change: &Change) {
        let extras = self.account.extras.get_or_insert_default();
        match change {
            Change::None | Change::Admit(_) => {}
            Change::Meter(meters) => self.meter(meters),
            Change::Remember(entry) => self.remember(entry),
            Change::Limit(row) if row.1.is_default() => {
                extras.limits.remove(&row.0);
                self.drop_window(&row.0);
            }
            Change::Limit(row) => {
                extras.limits.insert(row.0.clone(), row.1);
            }
            Change::Lease(row) => {
                extras.leases.get_or_insert_default().put(row.0.clone(), row.1.clone());
            }
            Change::Release(ids) => {
                change_leases(extras, |leases| ids.iter().for_each(|id| leases.release(id)));
            }
            Change::Block(reason) => extras.blocked = reason.clone().map(Box::new),
            Change::Fail(id) => {
                extras.failed.insert(Id::clone(id));
            }
        }
    }

    fn extras(&mut self) -> &mut Extras {
        self.account.extras.get_or_insert_default()
    }

    fn meter(&mut self, meters: &Meters) {
        self.count(&LimitName::Requests, Count::Now(meters.requests));
        self.count(&LimitName::Tokens, meters.tokens);
        if let Some(scope) = &meters.scope {
            let name = |meter| LimitName::Scoped(meter, scope.scope.clone());
            self.count(&name(Meter::Requests), Count::Now(scope.requests));
            self.count(&name(Meter::Tokens), scope.tokens);
        }
        match &meters.hold {
            HoldChange::None => {}
            HoldChange::Put(id, hold) => {
                let hashing = self.hashing;
                self.extras().holds.put(id.clone(), hold.clone(), hashing);
            }
            HoldChange::Close(entry) => {
                self.extras().holds.remove(&entry.id);
                self.remember(entry);
            }
        }
    }

    fn count(&mut self, name: &LimitName, count: Count) {
        let time = self.time;
        let Account { requests, extras, .. } = &mut *self.account;
        match (count, name) {
            (Count::Now(units), _) if units.is_zero() => {}
            (Count::None, _) => {}
            (Count::Now(units), LimitName::Requests) => requests.admit(units, time),
            (Count::Now(units), _) => {
                let windows = &mut extras.get_or_insert_default().windows;
                windows.entry(name.clone()).or_default().admit(units, time);
            }
            (Count::Raise(units, admitted), _) => {
                self.correct(name, |window| window.raise(units, admitted));
            }
            (Count::Lower(units, admitted), _) => {
                self.correct(name, |window| window.lower(units, admitted));
            }
        }
    }

    fn correct(&mut self, name: &LimitName, change: impl FnOnce(&mut Window)) {
        let time = self.time;
        let windows = &mut self.extras().windows;
        let Some(window) = windows.get_mut(name) else { return };
        window.drop_freed(time);
        change(window);
        if window.is_empty() {
            windows.remove(name);
        }
    }

    /// Takes away the window of a scope whose limit is gone: no hold is counted in it any longer.
    fn drop_window(&mut self, name: &LimitName) {
        let LimitName::Scoped(meter, scope) = name else { return };
        let extras = self.extras();
        extras.windows.remove(name);
        if *meter == Meter::Tokens {
            extras.holds.change_details(|hold| hold.leave_window_of(scope));
        }
    }

    fn remember(&mut self, entry: &Entry) {
        let hashing = self.hashing;
        let extras = self.extras();
        if entry.act.space() == Space::Invoice {
            // It is paid or voided.
            extras.failed.remove(&entry.id);
        }
        extras.memory_mut(entry.act.space().kept()).record(entry.clone(), hashing);
    }
}
