//! The parts that accounts and effects share: units, ids, limits, leases, holds, remembered ids.

use super::wire::{Damage, Reader, Wire, put_bytes, put_number, put_rows};
use crate::engine::act::{Act, Entry};
use crate::engine::bounds::{LEASE_COUNTS, YEAR_MS};
use crate::engine::id::{Id, Name, Scope};
use crate::engine::lease::Lease;
use crate::engine::limit::{Limit, LimitName, Meter, Override, Units};
use crate::engine::money::Money;
use crate::engine::standing::Reason;
use crate::engine::time::Millis;

impl Wire for Millis {
    #[inline(always)]
    fn write(&self, out: &mut Vec<u8>) {
        put_number(out, self.0.max(0).cast_unsigned());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        from.number().map(Self)
    }
}

impl Wire for Units {
    #[inline(always)]
    fn write(&self, out: &mut Vec<u8>) {
        put_number(out, self.count().cast_unsigned());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        Self::new(from.number()?).ok_or(Damage("a count is negative"))
    }
}

impl Wire for Money {
    #[inline(always)]
    fn write(&self, out: &mut Vec<u8>) {
        put_number(out, self.nanos().cast_unsigned());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        Self::from_nanos(from.number()?).ok_or(Damage("an amount is negative"))
    }
}

impl Wire for Id {
    #[inline(always)]
    fn write(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.as_bytes());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        Self::new(from.bytes()?).ok_or(Damage("an id is empty or too long"))
    }
}

impl Wire for Name {
    fn write(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.as_bytes());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        Self::new(from.bytes()?).ok_or(Damage("not a name"))
    }
}

impl Wire for Limit<Units> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Unlimited => out.push(0),
            Self::At(units) => {
                out.push(1);
                units.write(out);
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        match from.byte()? {
            0 => Ok(Self::Unlimited),
            1 => Units::read(from).map(Self::At),
            _ => Err(Damage("not a limit")),
        }
    }
}

impl Wire for Override {
    fn write(&self, out: &mut Vec<u8>) {
        self.value.write(out);
        self.max.write(out);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(Self { value: Wire::read(from)?, max: Wire::read(from)? })
    }
}

impl Wire for LimitName {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Requests => out.push(0),
            Self::Tokens => out.push(1),
            Self::Concurrency => out.push(2),
            Self::Spend => out.push(3),
            Self::Quota(name) => {
                out.push(4);
                name.write(out);
            }
            Self::Scoped(meter, scope) => {
                out.push(match meter {
                    Meter::Requests => 5,
                    Meter::Tokens => 6,
                });
                scope.write(out);
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match from.byte()? {
            0 => Self::Requests,
            1 => Self::Tokens,
            2 => Self::Concurrency,
            3 => Self::Spend,
            4 => Self::Quota(Wire::read(from)?),
            5 => Self::Scoped(Meter::Requests, Wire::read(from)?),
            6 => Self::Scoped(Meter::Tokens, Wire::read(from)?),
            _ => return Err(Damage("not a limit's name")),
        })
    }
}

impl Wire for Scope {
    fn write(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.as_bytes());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        Self::new(from.bytes()?).ok_or(Damage("not a scope"))
    }
}

impl Wire for Reason {
    fn write(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.as_bytes());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        Self::new(from.bytes()?).ok_or(Damage("a reason is empty or too long"))
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok((A::read(from)?, B::read(from)?))
    }
}

impl Wire for Lease {
    fn write(&self, out: &mut Vec<u8>) {
        put_number(out, self.token.cast_unsigned());
        put_rows(out, &self.counts);
        self.ttl.write(out);
        self.lapses.write(out);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        let lease = Self {
            token: from.number()?,
            // A lease may hold quotas that have left the platform beside all that it has now.
            counts: from.rows(LEASE_COUNTS)?,
            ttl: Millis::read(from)?,
            lapses: Millis::read(from)?,
        };
        let ordered = lease.counts.iter().zip(lease.counts.iter().skip(1)).all(|(a, b)| a.0 < b.0);
        let counted = !lease.counts.is_empty() && lease.counts.iter().all(|row| !row.1.is_zero());
        if ordered && counted && lease.token > 0 && lease.ttl <= Millis(YEAR_MS) {
            Ok(lease)
        } else {
            Err(Damage("not a lease"))
        }
    }
}

impl Wire for Act {
    fn write(&self, out: &mut Vec<u8>) {
        let (tag, amount) = match self {
            Self::Spend(amount) => (0, Some(amount)),
            Self::TopUp(amount) => (1, Some(amount)),
            Self::Promo(amount) => (2, Some(amount)),
            Self::Refund(amount) => (3, Some(amount)),
            Self::Paid(amount) => (4, Some(amount)),
            Self::InvoiceVoided => (5, None),
            Self::Settled(amount) => (6, Some(amount)),
            Self::Voided => (7, None),
        };
        out.push(tag);
        if let Some(amount) = amount {
            amount.write(out);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match from.byte()? {
            0 => Self::Spend(Wire::read(from)?),
            1 => Self::TopUp(Wire::read(from)?),
            2 => Self::Promo(Wire::read(from)?),
            3 => Self::Refund(Wire::read(from)?),
            4 => Self::Paid(Wire::read(from)?),
            5 => Self::InvoiceVoided,
            6 => Self::Settled(Wire::read(from)?),
            7 => Self::Voided,
            _ => return Err(Damage("not an act")),
        })
    }
}

impl Wire for Entry {
    fn write(&self, out: &mut Vec<u8>) {
        self.id.write(out);
        self.time.write(out);
        self.act.write(out);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        let entry = Self { id: Wire::read(from)?, time: Wire::read(from)?, act: Wire::read(from)? };
        // An account keeps no more bits of it, and is checked when it has it.
        if entry.time > Millis::LAST { Err(Damage("an id was used too late")) } else { Ok(entry) }
    }
}
