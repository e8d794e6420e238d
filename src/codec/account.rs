//! An account as it is stored: in RDB files, in FW.LOAD and in DUMP.
//!
//! The same account always gives the same bytes, whatever order it was built in; so the bytes are
//! also what DEBUG DIGEST-VALUE compares.

use super::record;
use super::wire::{Damage, Kind, Reader, Wire, open, put_number, put_rows, seal};
use crate::engine::account::Account;
use crate::engine::act::{Entry, Kept};
use crate::engine::bounds::{
    FAILED_INVOICES, FORMER_TIERS, LEASES, LOG_ROWS, QUOTA_LIMITS, SCOPED_LIMITS, STORED_HOLDS,
    WINDOW_SLOTS,
};
use crate::engine::extras::Extras;
use crate::engine::hold::Hold;
use crate::engine::id::Id;
use crate::engine::index::Hashing;
use crate::engine::lease::{Lease, Leases};
use crate::engine::limit::{LimitName, Override, Units};
use crate::engine::slot::Slot;
use crate::engine::time::Millis;
use crate::engine::window::Window;

/// Limits that every account has, beside those of quotas and scopes.
const FIXED_LIMITS: usize = 4;

/// Fills `out` with the account's bytes.
pub fn encode(account: &Account, out: &mut Vec<u8>) {
    seal(Kind::Account, out, |out| {
        account.latest.write(out);
        account.created.write(out);
        record::write(&account.record, account.pinned(), account.last_token(), out);
        write_window(&account.requests, out);
        match account.extras.as_deref().filter(|extras| extras.has_parts()) {
            None => out.push(0),
            Some(extras) => {
                out.push(1);
                write_extras(extras, out);
            }
        }
    });
}

/// Reads an account, and checks all that an account keeps.
///
/// # Errors
/// [`Damage`] says what is wrong. No account is half read.
pub fn decode(blob: &[u8], hashing: &Hashing) -> Result<Account, Damage> {
    let account = open(Kind::Account, blob, |from| {
        let latest = Millis::read(from)?;
        let created = Millis::read(from)?;
        let figures = record::read(from)?;
        let requests = read_window(from, latest)?;
        let mut extras = match from.byte()? {
            0 => Extras::default(),
            1 => read_extras(from, latest, hashing)?,
            _ => return Err(Damage("neither absent nor present")),
        };
        (extras.pinned, extras.last_token) = (figures.pinned, figures.last_token);
        let extras = (!extras.is_empty()).then(|| Box::new(extras));
        Ok(Account { latest, requests, extras, record: figures.record, created })
    })?;
    account.check().map_err(Damage)?;
    Ok(account)
}

fn write_window(window: &Window, out: &mut Vec<u8>) {
    put_number(out, window.slots().count() as u64);
    let mut before = Millis::ZERO;
    for slot in window.slots() {
        slot.first().since(before).write(out);
        slot.lag().write(out);
        slot.units().write(out);
        before = slot.first();
    }
}

fn read_window(from: &mut Reader<'_>, latest: Millis) -> Result<Window, Damage> {
    let mut slots = Vec::new();
    let mut before = Millis::ZERO;
    for _ in 0..from.count(WINDOW_SLOTS)? {
        let first = before.plus(Wire::read(from)?);
        let slot = Slot::new(first, Wire::read(from)?, Units::read(from)?);
        slots.push(slot.ok_or(Damage("not a slot of a window"))?);
        before = first;
    }
    Window::from_slots(&slots, latest).ok_or(Damage("not a window"))
}

fn write_extras(extras: &Extras, out: &mut Vec<u8>) {
    put_number(out, extras.limits.len() as u64);
    for (name, own) in &extras.limits {
        name.write(out);
        own.write(out);
    }
    put_number(out, extras.windows.len() as u64);
    for (name, window) in &extras.windows {
        name.write(out);
        write_window(window, out);
    }
    put_number(out, extras.holds.len() as u64);
    for (id, hold) in extras.holds.all() {
        id.write(out);
        hold.write(out);
    }
    put_number(out, extras.leases.as_deref().map_or(0, Leases::len) as u64);
    for (id, lease) in extras.leases.iter().flat_map(|leases| leases.entries()) {
        id.write(out);
        lease.write(out);
    }
    put_rows(out, &extras.former_tiers);
    put_number(out, extras.failed.len() as u64);
    for id in &extras.failed {
        id.write(out);
    }
    extras.blocked.as_deref().cloned().write(out);
    put_rows(out, &extras.log);
    for kept in Kept::ALL {
        let memory = extras.memory(kept);
        put_number(out, memory.len() as u64);
        memory.entries().for_each(|entry| entry.write(out));
    }
}

fn read_extras(from: &mut Reader<'_>, latest: Millis, hashing: &Hashing) -> Result<Extras, Damage> {
    let mut extras = Extras::default();
    let limits = FIXED_LIMITS.saturating_add(QUOTA_LIMITS).saturating_add(SCOPED_LIMITS);
    extras.limits = from.rows::<(LimitName, Override)>(limits)?.into_iter().collect();
    for _ in 0..from.count(SCOPED_LIMITS.saturating_add(1))? {
        extras.windows.insert(Wire::read(from)?, read_window(from, latest)?);
    }
    for _ in 0..from.count(STORED_HOLDS)? {
        let (id, hold) = <(Id, Hold)>::read(from)?;
        extras.holds.put(id, hold, hashing);
    }
    for (id, lease) in from.rows::<(Id, Lease)>(LEASES)? {
        extras.leases.get_or_insert_default().put(id, lease);
    }
    extras.former_tiers = from.rows(FORMER_TIERS)?.into();
    extras.failed = from.rows::<Id>(FAILED_INVOICES)?.into_iter().collect();
    extras.blocked = Option::read(from)?.map(Box::new);
    extras.log = from.rows(LOG_ROWS)?.into();
    for kept in Kept::ALL {
        for _ in 0..from.count(kept.bound())? {
            extras.memory_mut(kept).record(Entry::read(from)?, hashing);
        }
    }
    if extras.has_parts() { Ok(extras) } else { Err(Damage("an empty part is stored")) }
}
