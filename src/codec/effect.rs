//! An effect as it is propagated: in FW.APPLY, to replicas and to the AOF.
//!
//! A plain FW.ADMIT is 19 bytes: what it is, its parts, the time, the change, the units, the seal. What
//! the time tells, the change does not say again: a server keeps strings of up to 44 bytes in one block,
//! and FW.ADMIT with a HOLD of 16 bytes is one of them.

use std::sync::Arc;

use super::hold::{read_entry, read_meters, write_entry, write_meters};
use super::record::{self, Stored};
use super::wire::{Damage, Kind, Reader, Wire, open, put_rows, seal};
use crate::engine::bounds::{EVENTS_AT_ONCE, FORMER_TIERS, LEASES};
use crate::engine::effect::{After, Change, Effect, Forget, NewFigures, Onto};
use crate::engine::ledger::Ledger;
use crate::engine::limit::Units;
use crate::engine::time::Millis;

/// Bits that tell which parts follow.
mod part {
    pub const NOTHING: u8 = 1;
    pub const REWOUND: u8 = 2;
    pub const AFTER: u8 = 4;
    pub const FORGET: u8 = 8;
    pub const LEDGER: u8 = 16;
    pub const ALL: u8 = 31;
}

/// Fills `out` with the effect's bytes.
pub fn encode(effect: &Effect, out: &mut Vec<u8>) {
    seal(Kind::Effect, out, |out| {
        let parts = parts(effect);
        put_head(out, parts, effect.time);
        match &effect.figures {
            NewFigures::Kept => {}
            NewFigures::Ledger(ledger) => ledger.write(out),
            NewFigures::All(after) => after.write(out),
        }
        if parts & part::FORGET != 0 {
            let Forget { spends, billings, closed, lapsed, early } = effect.forget;
            out.extend_from_slice(&[spends, billings, closed, lapsed, early]);
        }
        write_change(&effect.change, effect.time, out);
    });
}

/// Reads an effect. Whether it belongs to the account at hand is not known here.
///
/// # Errors
/// [`Damage`] says what is wrong.
pub fn decode(blob: &[u8]) -> Result<Effect, Damage> {
    open(Kind::Effect, blob, |from| {
        let parts = from.byte()?;
        if parts & !part::ALL != 0 {
            return Err(Damage("unknown parts"));
        }
        let [a, b, c, d, e, f] = from.array()?;
        let time = Millis(i64::from_le_bytes([a, b, c, d, e, f, 0, 0]));
        let onto = match (parts & part::NOTHING != 0, parts & part::REWOUND != 0) {
            (false, false) => Onto::Standing,
            (true, false) => Onto::Nothing,
            (false, true) => Onto::Rewound,
            (true, true) => return Err(Damage("both new and gone back")),
        };
        let figures = match (parts & part::AFTER != 0, parts & part::LEDGER != 0) {
            (false, false) => NewFigures::Kept,
            (true, false) => NewFigures::All(Arc::new(After::read(from)?)),
            (false, true) => NewFigures::Ledger(Ledger::read(from)?),
            (true, true) => return Err(Damage("the ledger is told twice")),
        };
        let mut forget = Forget::default();
        if parts & part::FORGET != 0 {
            forget = Forget {
                spends: from.byte()?,
                billings: from.byte()?,
                closed: from.byte()?,
                lapsed: from.byte()?,
                early: from.byte()?,
            };
        }
        Ok(Effect { time, onto, figures, forget, change: read_change(from, time)? })
    })
}

/// Appends what parts there are, and the six bytes of an instant up to [`Millis::LAST`]: in one piece.
#[inline(always)]
fn put_head(out: &mut Vec<u8>, parts: u8, time: Millis) {
    let end = out.len().saturating_add(7);
    let word = time.0.cast_unsigned() << u8::BITS | u64::from(parts);
    out.extend_from_slice(&word.to_le_bytes());
    out.truncate(end);
}

fn parts(effect: &Effect) -> u8 {
    let onto = match effect.onto {
        Onto::Standing => 0,
        Onto::Nothing => part::NOTHING,
        Onto::Rewound => part::REWOUND,
    };
    let figures = match effect.figures {
        NewFigures::Kept => 0,
        NewFigures::Ledger(_) => part::LEDGER,
        NewFigures::All(_) => part::AFTER,
    };
    let forget = if effect.forget == Forget::default() { 0 } else { part::FORGET };
    onto | figures | forget
}

impl Wire for After {
    fn write(&self, out: &mut Vec<u8>) {
        record::write(&self.record, self.pinned.as_ref(), self.last_token, out);
        put_rows(out, &self.former_tiers);
        put_rows(out, &self.news);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        let Stored { record, pinned, last_token } = record::read(from)?;
        let (former_tiers, news) = (from.rows(FORMER_TIERS)?, from.rows(EVENTS_AT_ONCE)?);
        Ok(Self { record, pinned, last_token, former_tiers, news })
    }
}

/// Above the bits of what was metered, in the byte that tells what a change is.
const METER: u8 = 0x40;

/// Writes a change that is made `now`.
#[inline(always)]
fn write_change(change: &Change, now: Millis, out: &mut Vec<u8>) {
    match change {
        Change::None => out.push(0),
        Change::Admit(cost) => {
            out.push(1);
            cost.write(out);
        }
        Change::Remember(entry) => {
            out.push(2);
            write_entry(entry, out);
        }
        Change::Limit(row) => {
            out.push(3);
            row.write(out);
        }
        Change::Lease(row) => {
            out.push(4);
            row.write(out);
        }
        Change::Release(ids) => {
            out.push(5);
            put_rows(out, ids);
        }
        Change::Meter(meters) => write_meters(meters, METER, now, out),
        Change::Block(reason) => {
            out.push(6);
            reason.write(out);
        }
        Change::Fail(id) => {
            out.push(7);
            id.write(out);
        }
    }
}

fn read_change(from: &mut Reader<'_>, now: Millis) -> Result<Change, Damage> {
    Ok(match from.byte()? {
        0 => Change::None,
        1 => Change::Admit(Units::read(from)?),
        2 => Change::Remember(Box::new(read_entry(from, now)?)),
        3 => Change::Limit(Box::new(Wire::read(from)?)),
        4 => Change::Lease(Box::new(Wire::read(from)?)),
        5 => Change::Release(from.rows(LEASES)?),
        6 => Change::Block(Wire::read(from)?),
        7 => Change::Fail(Box::new(Wire::read(from)?)),
        meters if meters & METER != 0 => Change::Meter(read_meters(from, meters & !METER, now)?),
        _ => return Err(Damage("an unknown change")),
    })
}
