//! The only code that changes an account.
//!
//! [`apply`] cannot refuse. [`fits`] tells beforehand whether an effect that came from elsewhere (a
//! primary, an AOF) belongs to this account; on the server that decided it, it always does.

use std::sync::Arc;

use ahash::RandomState;

use super::account::{Account, Extras};
use super::bounds;
use super::effect::{After, Change, Effect, Forget, Onto};
use super::id::Id;
use super::lease::Lease;
use super::limit::Units;
use super::memory::{Entry, Kept, Memory};
use super::time::Millis;
use super::window::Window;

/// What was cleared away in passing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleared {
    /// Leases that had lapsed.
    pub lapsed_leases: usize,
    /// Ids that were forgotten before their time, because there were too many.
    pub forgotten_ids: usize,
}

/// Makes an effect so, on an account that stands.
pub fn apply(account: &mut Account, effect: &Effect, hashing: &RandomState) -> Cleared {
    if effect.onto == Onto::Rewound {
        rewind(account, effect.time);
        rewind_memories(account, effect.time);
    }
    account.latest = effect.time;
    if let Some(after) = &effect.after {
        put_after(account, after);
    }
    let mut cleared = Cleared::default();
    if let Some(extras) = account.extras.as_deref_mut() {
        cleared = clear(extras, effect);
    }
    match &effect.change {
        Change::None => {}
        Change::Admit(cost) => account.requests.admit(*cost, effect.time),
        change => change_extras(account.extras.get_or_insert_default(), change, hashing),
    }
    if account.extras.as_deref().is_some_and(Extras::is_empty) {
        account.extras = None;
    }
    cleared
}

/// Makes the account that an effect creates; `None` if the effect creates none.
#[must_use]
pub fn create(effect: &Effect, hashing: &RandomState) -> Option<Account> {
    let after = effect.after.as_deref().filter(|_| effect.onto == Onto::Nothing)?;
    let mut account = Account::new(after.record.clone(), effect.time);
    apply(&mut account, effect, hashing);
    Some(account)
}

/// Tells whether an effect belongs to this account (or to none, if there is none).
///
/// # Errors
/// Says, in a few words, what does not fit.
pub fn fits(account: Option<&Account>, effect: &Effect) -> Result<(), &'static str> {
    if effect.time > Millis::LAST {
        return Err("its time is out of range");
    }
    if let Some(after) = &effect.after {
        after.record.check(effect.time)?;
    }
    match (account, effect.onto) {
        (None, Onto::Nothing) => {}
        (None, _) => return Err("there is no account to change"),
        (Some(_), Onto::Nothing) => return Err("the account to create exists"),
        (Some(account), Onto::Standing) if effect.time < account.latest => {
            return Err("its time is before the account's");
        }
        (Some(account), _) if effect.after.is_none() => account.record.check(effect.time)?,
        (Some(_), _) => {}
    }
    let given = account.map_or(0, |account| account.record.last_token);
    if effect.after.as_ref().is_some_and(|after| after.record.last_token < given) {
        return Err("it takes back a token");
    }
    if effect.after.is_none() && effect.onto != Onto::Standing {
        return Err("it lacks the account's figures");
    }
    fits_change(account, effect)
}

fn fits_change(account: Option<&Account>, effect: &Effect) -> Result<(), &'static str> {
    let full = |name| account.is_some_and(|account| !account.has_room_for(name));
    // A window whose clock went back starts empty.
    let standing = account.filter(|_| effect.onto == Onto::Standing);
    let overflows =
        |cost| standing.is_some_and(|account| !account.requests.can_count(cost, effect.time));
    match &effect.change {
        Change::Admit(cost) if overflows(*cost) => Err("the units do not fit"),
        Change::Remember(entry) => fits_memory(account, effect, entry),
        Change::Lease(row) => fits_lease(account, effect, &row.0, &row.1),
        Change::Limit(row) if full(&row.0) => Err("there are too many limits"),
        _ => Ok(()),
    }
}

fn fits_memory(
    account: Option<&Account>,
    effect: &Effect,
    entry: &Entry,
) -> Result<(), &'static str> {
    let kept = entry.act.space().kept();
    let extras = account.and_then(|account| account.extras.as_deref());
    let known = extras.and_then(|extras| extras.memory(kept)).map_or(0, Memory::len);
    let goes = usize::from(match kept {
        Kept::Spends => effect.forget.spends,
        Kept::Billings => effect.forget.billings,
    });
    if entry.time != effect.time {
        return Err("an id has another time");
    }
    let fits = known.saturating_sub(goes) < kept.bound();
    if fits { Ok(()) } else { Err("there are too many ids") }
}

fn fits_lease(
    account: Option<&Account>,
    effect: &Effect,
    id: &Id,
    lease: &Lease,
) -> Result<(), &'static str> {
    let given = account.map_or(0, |account| account.record.last_token);
    let held = account.and_then(Account::leases).and_then(|leases| leases.living(id, effect.time));
    let is_its_own = match held {
        Some(held) => lease.token == held.token,
        None => lease.token > given,
    };
    let last_token = effect.after.as_ref().map_or(given, |after| after.record.last_token);
    if !is_its_own || lease.token > last_token {
        return Err("a lease's token is not its own");
    }
    if lease.lapses <= effect.time || lease.lapses > Lease::lapse(lease.ttl, effect.time) {
        return Err("a lease lapses at the wrong time");
    }
    let Some(leases) = account.and_then(Account::leases) else {
        return Ok(());
    };
    if held.is_none() && leases.count(effect.time) >= bounds::LEASES {
        return Err("there are too many leases");
    }
    let others = |quota| {
        let own = held.map_or(Units::ZERO, |lease| lease.count(quota));
        leases.used(quota, effect.time).minus(own)
    };
    let sums = lease.counts.iter().all(|(quota, count)| others(quota).plus(*count).is_some());
    if sums { Ok(()) } else { Err("the use of a quota does not fit") }
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
    if let Some(after) = &effect.after {
        put_after(&mut copy, after);
    }
    copy
}

fn rewind(account: &mut Account, now: Millis) {
    account.requests = Window::default();
    if let Some(extras) = account.extras.as_deref_mut() {
        extras.leases.rewind(now);
    }
}

fn rewind_memories(account: &mut Account, now: Millis) {
    let extras = account.extras.as_deref_mut();
    let memories = extras.map(|extras| [&mut extras.spends, &mut extras.billings]);
    for memory in memories.into_iter().flatten().flatten() {
        Arc::make_mut(memory).rewind(now);
    }
}

fn put_after(account: &mut Account, after: &After) {
    account.record.clone_from(&after.record);
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
}

fn clear(extras: &mut Extras, effect: &Effect) -> Cleared {
    let forgotten_ids = too_many_ids(extras, &effect.change);
    let Forget { spends, billings } = effect.forget;
    forget(&mut extras.spends, spends);
    forget(&mut extras.billings, billings);
    Cleared { lapsed_leases: extras.leases.drop_lapsed(effect.time), forgotten_ids }
}

/// How many ids have to go for the one that comes.
fn too_many_ids(extras: &Extras, change: &Change) -> usize {
    let Change::Remember(entry) = change else { return 0 };
    let kept = entry.act.space().kept();
    let memory = extras.memory(kept).map_or(0, Memory::len);
    memory.saturating_add(1).saturating_sub(kept.bound())
}

fn forget(memory: &mut Option<Arc<Memory>>, count: u8) {
    if let Some(known) = memory
        && count > 0
    {
        Arc::make_mut(known).forget(usize::from(count));
        if known.is_empty() {
            *memory = None;
        }
    }
}

fn change_extras(extras: &mut Extras, change: &Change, hashing: &RandomState) {
    match change {
        Change::None | Change::Admit(_) => {}
        Change::Remember(entry) => remember(extras, entry, hashing),
        Change::Limit(row) if row.1.is_default() => {
            extras.limits.remove(&row.0);
        }
        Change::Limit(row) => {
            extras.limits.insert(row.0.clone(), row.1);
        }
        Change::Lease(row) => extras.leases.put(row.0.clone(), row.1.clone()),
        Change::Release(ids) => {
            for id in ids {
                extras.leases.release(id);
            }
        }
    }
}

fn remember(extras: &mut Extras, entry: &Entry, hashing: &RandomState) {
    let memory = match entry.act.space().kept() {
        Kept::Spends => &mut extras.spends,
        Kept::Billings => &mut extras.billings,
    };
    let memory = memory.get_or_insert_with(|| Arc::new(Memory::new(hashing)));
    Arc::make_mut(memory).record(entry.clone());
}
