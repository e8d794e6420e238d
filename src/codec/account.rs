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
use crate::engine::parts::Parts;
use crate::engine::slot::Slot;
use crate::engine::time::Millis;
use crate::engine::window::Window;

/// Limits that every account has, beside those of quotas and scopes.
const FIXED_LIMITS: usize = 4;

/// Fills `out` with the account's bytes.
pub fn encode(account: &Account, out: &mut Vec<u8>) {
    seal(Kind::Account, out, |out| {
        account.latest.write(out);
        account.created().write(out);
        record::write(&account.record, account.pinned(), account.last_token(), out);
        write_window(&account.requests, out);
        let has_parts = has_parts(&account.parts);
        out.push(u8::from(has_parts));
        if has_parts {
            write_parts(&account.parts, out);
        }
    });
}

/// Reads an account, and checks all that an account keeps.
///
/// # Errors
/// [`Damage`] says what is wrong. No account is half read.
pub fn decode(blob: &[u8], hashing: &Hashing) -> Result<Box<Account>, Damage> {
    let account = open(Kind::Account, blob, |from| {
        let latest = Millis::read(from)?;
        let created = Millis::read(from)?;
        let figures = record::read(from)?;
        let requests = read_window(from, latest)?;
        if created > Millis::LAST {
            return Err(Damage("it was created too late"));
        }
        let mut account = Account::new(figures.record, created);
        (account.latest, account.requests) = (latest, requests);
        match from.byte()? {
            0 => {}
            1 => read_parts(&mut account, from, hashing)?,
            _ => return Err(Damage("neither absent nor present")),
        }
        if figures.pinned.is_some() || figures.last_token != 0 {
            account.parts.with_extras(|extras| {
                (extras.pinned, extras.last_token) = (figures.pinned, figures.last_token);
            });
        }
        Ok(account)
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

/// Holds if there is anything in it but plain figures.
fn has_parts(parts: &Parts) -> bool {
    !parts.has_no_holds() || parts.extras().is_some_and(Extras::has_parts)
}

fn write_parts(parts: &Parts, out: &mut Vec<u8>) {
    let none = Extras::default();
    let extras = parts.extras().unwrap_or(&none);
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
    put_number(out, parts.count_holds() as u64);
    for (id, hold) in parts.holds() {
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
        put_number(out, parts.count_entries(kept) as u64);
        parts.entries(kept).for_each(|entry| entry.write(out));
    }
}

fn read_parts(
    account: &mut Box<Account>,
    from: &mut Reader<'_>,
    hashing: &Hashing,
) -> Result<(), Damage> {
    let mut extras = Extras::default();
    let limits = FIXED_LIMITS.saturating_add(QUOTA_LIMITS).saturating_add(SCOPED_LIMITS);
    extras.limits = from.rows::<(LimitName, Override)>(limits)?.into_iter().collect();
    for _ in 0..from.count(SCOPED_LIMITS.saturating_add(1))? {
        extras.windows.insert(Wire::read(from)?, read_window(from, account.latest)?);
    }
    let holds = from.rows::<(Id, Hold)>(STORED_HOLDS)?;
    for (id, lease) in from.rows::<(Id, Lease)>(LEASES)? {
        extras.leases.get_or_insert_default().put(id, lease);
    }
    extras.former_tiers = from.rows(FORMER_TIERS)?.into();
    extras.failed = from.rows::<Id>(FAILED_INVOICES)?.into_iter().collect();
    extras.blocked = Option::read(from)?.map(Box::new);
    extras.log = from.rows(LOG_ROWS)?.into();
    if extras.has_parts() {
        account.parts.with_extras(|kept| *kept = extras);
    }
    for (id, hold) in holds {
        account.put_hold(&id, &hold, hashing);
    }
    for kept in Kept::ALL {
        for _ in 0..from.count(kept.bound())? {
            let entry = Entry::read(from)?;
            if entry.act.space().kept() != kept {
                return Err(Damage("an id is remembered in the wrong place"));
            }
            account.remember(&entry, hashing);
        }
    }
    account.tidy();
    if has_parts(&account.parts) { Ok(()) } else { Err(Damage("an empty part is stored")) }
}
