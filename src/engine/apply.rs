//! The only code that changes an account.
//!
//! [`apply`] cannot refuse. Whether an effect that came from elsewhere belongs to an account is told
//! beforehand, by [`fits`](super::fits::fits).

use thin_vec::ThinVec;

use super::account::Account;
use super::act::{Entry, Kept, Space};
use super::bounds;
use super::effect::{After, Change, Count, Effect, HoldChange, Meters, NewFigures, Onto};
use super::extras::Extras;
use super::id::{Id, Name};
use super::index::Hashing;
use super::lease::Leases;
use super::limit::{LimitName, Meter};
use super::log;
use super::parts::Parts;
use super::time::Millis;
use super::window::Window;

/// What happened in passing. It is told in a register: from memory it could not be read before all that
/// was written to the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleared {
    /// Leases that lapsed since the account was last changed.
    pub lapsed_leases: u16,
    /// Holds that lapsed since then.
    pub lapsed_holds: u32,
    /// Ids that were forgotten before their time, because there were too many.
    pub forgotten_ids: u8,
}

const _: () = assert!(size_of::<Cleared>() <= size_of::<usize>());

/// Makes an effect so, on an account that stands.
pub fn apply(account: &mut Box<Account>, effect: &Effect, hashing: &Hashing) -> Cleared {
    let mut cleared = lapsed(account, effect);
    if effect.onto == Onto::Rewound {
        rewind_kept(account, effect.time, hashing);
        rewind(account, effect.time);
    }
    account.latest = effect.time;
    match &effect.figures {
        NewFigures::Kept => {}
        NewFigures::Ledger(ledger) => account.record.ledger = *ledger,
        NewFigures::All(after) => put_after(account, after),
    }
    clear(&mut account.parts, effect, &mut cleared);
    match &effect.change {
        Change::None => {}
        Change::Admit(cost) => account.requests.admit(*cost, effect.time),
        change => Changing { account, time: effect.time, hashing }.change(change),
    }
    if !account.parts.is_absent() {
        account.tidy();
    }
    cleared
}

/// What lapsed since the account was last changed.
fn lapsed(account: &Account, effect: &Effect) -> Cleared {
    // Most accounts have nothing that can lapse.
    if account.parts.is_absent() {
        return Cleared::default();
    }
    let (since, now) = (account.latest, effect.time.max(account.latest));
    let parts = &account.parts;
    let lapsed_one = parts.next_lapse(since).is_some_and(|lapses| lapses <= now);
    let open = |time| parts.open(time).count;
    let leases = account.leases().map_or(0, |leases| leases.lapsed_between(since, now));
    let holds = if lapsed_one { open(since).saturating_sub(open(now)) } else { 0 };
    Cleared {
        lapsed_leases: u16::try_from(leases).unwrap_or(u16::MAX),
        lapsed_holds: u32::try_from(holds).unwrap_or(u32::MAX),
        forgotten_ids: 0,
    }
}

/// Makes the account that an effect creates; `None` if the effect creates none.
#[must_use]
pub fn create(effect: &Effect, hashing: &Hashing) -> Option<Box<Account>> {
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
pub fn rewound(account: &Account, effect: &Effect) -> Box<Account> {
    let mut copy = account.copy();
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
    if let Some(extras) = account.parts.extras_mut() {
        extras.windows.clear();
        change_leases(extras, |leases| leases.rewind(lapsed, now));
        extras.log.iter_mut().for_each(|row| row.time = row.time.min(now));
    }
}

/// Brings back what a copy shares with its original: holds and remembered ids.
fn rewind_kept(account: &mut Account, now: Millis, hashing: &Hashing) {
    let lapsed = account.latest;
    account.parts.change_holds(|hold| hold.rewound(lapsed, now), hashing);
    account.parts.rewind(now);
}

fn put_after(account: &mut Account, after: &After) {
    account.record.clone_from(&after.record);
    if after.pinned.as_ref() != account.pinned() || after.last_token != account.last_token() {
        account.parts.with_extras(|extras| {
            extras.pinned.clone_from(&after.pinned);
            extras.last_token = after.last_token;
        });
    }
    let mut rows = after.news.iter().filter(|row| row.event.is_kept()).peekable();
    if after.former_tiers.is_empty() && rows.peek().is_none() {
        return;
    }
    account.parts.with_extras(|extras| {
        after.former_tiers.iter().for_each(|name| keep_tier(&mut extras.former_tiers, name));
        rows.for_each(|row| log::add(&mut extras.log, row.clone()));
    });
}

fn keep_tier(tiers: &mut ThinVec<Name>, name: &Name) {
    if tiers.contains(name) {
        return;
    }
    if tiers.len() >= bounds::FORMER_TIERS {
        tiers.remove(0);
    }
    tiers.push(name.clone());
}

fn clear(parts: &mut Parts, effect: &Effect, cleared: &mut Cleared) {
    if parts.is_absent() {
        return;
    }
    for kept in Kept::ALL {
        let count = effect.forget.of(kept);
        if count > 0 {
            parts.forget(kept, usize::from(count));
        }
    }
    if effect.forget.lapsed > 0 {
        parts.forget_holds(usize::from(effect.forget.lapsed));
    }
    cleared.forgotten_ids = effect.forget.early;
    if let Some(extras) = parts.extras_mut() {
        change_leases(extras, |leases| leases.drop_lapsed(effect.time));
    }
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
    account: &'a mut Box<Account>,
    time: Millis,
    hashing: &'a Hashing,
}

impl Changing<'_> {
    fn change(&mut self, change: &Change) {
        match change {
            Change::None | Change::Admit(_) => {}
            Change::Meter(meters) => self.meter(meters),
            Change::Remember(entry) => self.remember(entry),
            Change::Limit(row) if row.1.is_default() => self.drop_limit(&row.0),
            Change::Limit(row) => self.with_extras(|extras| {
                extras.limits.insert(row.0.clone(), row.1);
            }),
            Change::Lease(row) => self.with_extras(|extras| {
                extras.leases.get_or_insert_default().put(row.0.clone(), row.1.clone());
            }),
            Change::Release(ids) => self.with_extras(|extras| {
                change_leases(extras, |leases| ids.iter().for_each(|id| leases.release(id)));
            }),
            Change::Block(reason) => self.with_extras(|extras| {
                extras.blocked = reason.clone().map(Box::new);
            }),
            Change::Fail(id) => self.with_extras(|extras| {
                extras.failed.insert(Id::clone(id));
            }),
        }
    }

    fn with_extras(&mut self, change: impl FnOnce(&mut Extras)) {
        self.account.parts.with_extras(change);
    }

    fn meter(&mut self, meters: &Meters) {
        if !meters.requests.is_zero() {
            self.account.requests.admit(meters.requests, self.time);
        }
        self.count(&LimitName::Tokens, meters.tokens);
        if let Some(scope) = &meters.scope {
            let name = |meter| LimitName::Scoped(meter, scope.scope.clone());
            self.count(&name(Meter::Requests), Count::Now(scope.requests));
            self.count(&name(Meter::Tokens), scope.tokens);
        }
        match &meters.hold {
            HoldChange::None => {}
            HoldChange::Put(id, hold) => {
                self.account.put_hold(id, hold, self.hashing);
            }
            HoldChange::Close(entry) => self.account.close(entry, self.hashing),
        }
    }

    /// Counts in a window beside that of all requests.
    #[inline(always)]
    fn count(&mut self, name: &LimitName, count: Count) {
        if count != Count::None {
            self.count_apart(name, count);
        }
    }

    fn count_apart(&mut self, name: &LimitName, count: Count) {
        let time = self.time;
        match count {
            Count::None => {}
            Count::Now(units) if units.is_zero() => {}
            Count::Now(units) => self.with_extras(|extras| {
                extras.windows.entry(name.clone()).or_default().admit(units, time);
            }),
            Count::Raise(units, admitted) => {
                self.correct(name, |window| window.raise(units, admitted));
            }
            Count::Lower(units, admitted) => {
                self.correct(name, |window| window.lower(units, admitted));
            }
        }
    }

    fn correct(&mut self, name: &LimitName, change: impl FnOnce(&mut Window)) {
        let time = self.time;
        let Some(Extras { windows, .. }) = self.account.parts.extras_mut() else { return };
        let Some(window) = windows.get_mut(name) else { return };
        window.drop_freed(time);
        change(window);
        if window.is_empty() {
            windows.remove(name);
        }
    }

    /// Takes away a limit, and the window of a scope whose limit is gone: no hold is counted in it any
    /// longer.
    fn drop_limit(&mut self, name: &LimitName) {
        let parts = &mut self.account.parts;
        let Some(extras) = parts.extras_mut() else { return };
        extras.limits.remove(name);
        let LimitName::Scoped(meter, scope) = name else { return };
        extras.windows.remove(name);
        if *meter == Meter::Tokens {
            parts.change_details(|hold| hold.leave_window_of(scope), self.hashing);
        }
    }

    fn remember(&mut self, entry: &Entry) {
        if entry.act.space() == Space::Invoice
            && let Some(extras) = self.account.parts.extras_mut()
        {
            // It is paid or voided.
            extras.failed.remove(&entry.id);
        }
        self.account.remember(entry, self.hashing);
    }
}
