//! An effect as it is propagated: in FW.APPLY, to replicas and to the AOF.
//!
//! A plain FW.ADMIT is 21 bytes: what it is, its parts, the time, the units, the seal. The time has
//! all its eight bytes: the two that packing would save cost more than they are worth.

use std::sync::Arc;

use super::record::{self, Stored};
use super::wire::{Damage, Kind, Reader, Wire, open, put_rows, seal};
use crate::engine::act::Entry;
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
        out.push(parts);
        out.extend_from_slice(&effect.time.0.to_le_bytes());
        match &effect.figures {
            NewFigures::Kept => {}
            NewFigures::Ledger(ledger) => ledger.write(out),
            NewFigures::All(after) => after.write(out),
        }
        if parts & part::FORGET != 0 {
            let Forget { spends, billings, closed, lapsed, early } = effect.forget;
            out.extend_from_slice(&[spends, billings, closed, lapsed, early]);
        }
        effect.change.write(out);
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
        let time = Millis(i64::from_le_bytes(from.array()?));
        if time < Millis::ZERO {
            return Err(Damage("a time is negative"));
        }
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
        Ok(Effect { time, onto, figures, forget, change: Change::read(from)? })
    })
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

impl Wire for Change {
    #[inline(always)]
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::None => out.push(0),
            Self::Admit(cost) => {
                out.push(1);
                cost.write(out);
            }
            Self::Remember(entry) => {
                out.push(2);
                entry.write(out);
            }
            Self::Limit(row) => {
                out.push(3);
                row.write(out);
            }
            Self::Lease(row) => {
                out.push(4);
                row.write(out);
            }
            Self::Release(ids) => {
                out.push(5);
                put_rows(out, ids);
            }
            Self::Meter(meters) => {
                out.push(6);
                meters.write(out);
            }
            Self::Block(reason) => {
                out.push(7);
                reason.write(out);
            }
            Self::Fail(id) => {
                out.push(8);
                id.write(out);
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match from.byte()? {
            0 => Self::None,
            1 => Self::Admit(Units::read(from)?),
            2 => Self::Remember(Box::new(Entry::read(from)?)),
            3 => Self::Limit(Box::new(Wire::read(from)?)),
            4 => Self::Lease(Box::new(Wire::read(from)?)),
            5 => Self::Release(from.rows(LEASES)?),
            6 => Self::Meter(Wire::read(from)?),
            7 => Self::Block(Wire::read(from)?),
            8 => Self::Fail(Box::new(Wire::read(from)?)),
            _ => return Err(Damage("an unknown change")),
        })
    }
}
