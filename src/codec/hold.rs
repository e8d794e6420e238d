//! Holds and what windows count, as accounts and effects carry them.

use super::wire::{Damage, Reader, Wire, put_number};
use crate::engine::bounds::HOLD_TTL_MS;
use crate::engine::effect::{Count, HoldChange, Meters, ScopeMeters};
use crate::engine::hold::{Details, Hold};
use crate::engine::limit::Units;
use crate::engine::time::Millis;

/// Bits that tell what a hold has.
mod part {
    pub const DETAILS: u8 = 1;
    pub const SCOPE: u8 = 2;
    pub const COUNTED: u8 = 4;
    pub const COUNTED_IN_SCOPE: u8 = 8;
    pub const ALL: u8 = 15;
}

impl Wire for Hold {
    fn write(&self, out: &mut Vec<u8>) {
        let details = self.detail();
        let parts = details.map_or(0, parts);
        out.push(parts);
        self.amount.write(out);
        self.admitted().write(out);
        put_number(out, self.ttl().0.cast_unsigned());
        self.lapses.write(out);
        let Some(details) = details.filter(|_| parts != 0) else { return };
        details.charged.write(out);
        details.tokens.write(out);
        details.reported.write(out);
        if let Some(scope) = &details.scope {
            scope.write(out);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        let parts = from.byte()?;
        if parts & !part::ALL != 0 || (parts != 0 && parts & part::DETAILS == 0) {
            return Err(Damage("unknown parts of a hold"));
        }
        let (amount, admitted) = (Wire::read(from)?, Wire::read(from)?);
        let ttl = Millis::read(from)?;
        if ttl > Millis(HOLD_TTL_MS) {
            return Err(Damage("a hold's time to live is out of range"));
        }
        let lapses = Wire::read(from)?;
        let hold = Self::new(amount, ttl, admitted).lapsing_at(lapses);
        if parts == 0 {
            return Ok(hold);
        }
        Ok(hold.detailed(Details {
            charged: Wire::read(from)?,
            tokens: Wire::read(from)?,
            reported: Wire::read(from)?,
            scope: if parts & part::SCOPE == 0 { None } else { Some(Wire::read(from)?) },
            counted: parts & part::COUNTED != 0,
            counted_in_scope: parts & part::COUNTED_IN_SCOPE != 0,
        }))
    }
}

fn parts(details: &Details) -> u8 {
    if *details == Details::default() {
        return 0;
    }
    let has = |part, holds| if holds { part } else { 0 };
    part::DETAILS
        | has(part::SCOPE, details.scope.is_some())
        | has(part::COUNTED, details.counted)
        | has(part::COUNTED_IN_SCOPE, details.counted_in_scope)
}

impl Wire for Count {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::None => out.push(0),
            Self::Now(units) => {
                out.push(1);
                units.write(out);
            }
            Self::Raise(units, admitted) => {
                out.push(2);
                units.write(out);
                admitted.write(out);
            }
            Self::Lower(units, admitted) => {
                out.push(3);
                units.write(out);
                admitted.write(out);
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match from.byte()? {
            0 => Self::None,
            1 => Self::Now(Wire::read(from)?),
            2 => Self::Raise(Wire::read(from)?, Wire::read(from)?),
            3 => Self::Lower(Wire::read(from)?, Wire::read(from)?),
            _ => return Err(Damage("not a count")),
        })
    }
}

impl Wire for ScopeMeters {
    fn write(&self, out: &mut Vec<u8>) {
        self.scope.write(out);
        self.requests.write(out);
        self.tokens.write(out);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        let (scope, requests) = (Wire::read(from)?, Wire::read(from)?);
        Ok(Self { scope, requests, tokens: Wire::read(from)? })
    }
}

impl Wire for Meters {
    fn write(&self, out: &mut Vec<u8>) {
        self.requests.write(out);
        self.tokens.write(out);
        self.scope.write(out);
        self.hold.write(out);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(Self {
            requests: Units::read(from)?,
            tokens: Wire::read(from)?,
            scope: Wire::read(from)?,
            hold: Wire::read(from)?,
        })
    }
}

impl Wire for HoldChange {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::None => out.push(0),
            Self::Put(id, hold) => {
                out.push(1);
                id.write(out);
                hold.write(out);
            }
            Self::Close(entry) => {
                out.push(2);
                entry.write(out);
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match from.byte()? {
            0 => Self::None,
            1 => Self::Put(Wire::read(from)?, Wire::read(from)?),
            2 => Self::Close(Wire::read(from)?),
            _ => return Err(Damage("not what becomes of a hold")),
        })
    }
}
