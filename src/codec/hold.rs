//! Holds and what windows count, as accounts and effects carry them.

use super::wire::{Damage, Reader, Wire, put_number};
use crate::engine::act::Entry;
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
    /// It was not admitted its time to live before it lapses.
    pub const ADMITTED: u8 = 16;
    /// It does not lapse its time to live from now.
    pub const LAPSES: u8 = 32;
    pub const ALL: u8 = 63;
}

/// Writes a hold. Of most, `now` tells when they were admitted and when they lapse.
#[inline(always)]
fn write_hold(hold: &Hold, now: Millis, out: &mut Vec<u8>) {
    let (ttl, details) = (hold.ttl(), hold.detail());
    let has = |part, holds| if holds { part } else { 0 };
    let parts = details.map_or(0, parts)
        | has(part::ADMITTED, hold.admitted() != hold.lapses.since(ttl))
        | has(part::LAPSES, hold.lapses != now.plus(ttl));
    out.push(parts);
    hold.amount.write(out);
    put_number(out, ttl.0.cast_unsigned());
    if parts & part::LAPSES != 0 {
        hold.lapses.write(out);
    }
    if parts & part::ADMITTED != 0 {
        hold.admitted().write(out);
    }
    let Some(details) = details.filter(|_| parts & part::DETAILS != 0) else { return };
    details.charged.write(out);
    details.tokens.write(out);
    details.reported.write(out);
    if let Some(scope) = &details.scope {
        scope.write(out);
    }
}

fn read_hold(from: &mut Reader<'_>, now: Millis) -> Result<Hold, Damage> {
    let parts = from.byte()?;
    let has = |part| parts & part != 0;
    let needs_details = has(part::SCOPE | part::COUNTED | part::COUNTED_IN_SCOPE);
    if has(!part::ALL) || (needs_details && !has(part::DETAILS)) {
        return Err(Damage("unknown parts of a hold"));
    }
    let (amount, ttl) = (Wire::read(from)?, Millis::read(from)?);
    if ttl > Millis(HOLD_TTL_MS) {
        return Err(Damage("a hold's time to live is out of range"));
    }
    let lapses = if has(part::LAPSES) { Wire::read(from)? } else { now.plus(ttl) };
    // An account keeps no more bits of it, and is checked when it has it.
    if lapses > Millis::LAST.plus(Millis(HOLD_TTL_MS)) {
        return Err(Damage("a hold lapses too late"));
    }
    let admitted = if has(part::ADMITTED) { Wire::read(from)? } else { lapses.since(ttl) };
    let hold = Hold::new(amount, ttl, admitted).lapsing_at(lapses);
    if !has(part::DETAILS) {
        return Ok(hold);
    }
    Ok(hold.detailed(Details {
        charged: Wire::read(from)?,
        tokens: Wire::read(from)?,
        reported: Wire::read(from)?,
        scope: if has(part::SCOPE) { Some(Wire::read(from)?) } else { None },
        counted: has(part::COUNTED),
        counted_in_scope: has(part::COUNTED_IN_SCOPE),
    }))
}

/// A hold of an account, which says itself when it lapses: it may be any time from now.
impl Wire for Hold {
    fn write(&self, out: &mut Vec<u8>) {
        write_hold(self, Millis::NEVER, out);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        read_hold(from, Millis::NEVER)
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

/// Bits that tell what meters have.
mod meter {
    pub const REQUESTS: u8 = 1;
    pub const TOKENS: u8 = 2;
    pub const SCOPE: u8 = 4;
    pub const PUT: u8 = 8;
    pub const CLOSE: u8 = 16;
    pub const ALL: u8 = 31;
}

/// Writes what was metered `now`, its bits in one byte with a mark of the caller's.
#[inline(always)]
pub fn write_meters(meters: &Meters, mark: u8, now: Millis, out: &mut Vec<u8>) {
    let has = |part, holds| if holds { part } else { 0 };
    let hold = match &meters.hold {
        HoldChange::None => 0,
        HoldChange::Put(..) => meter::PUT,
        HoldChange::Close(_) => meter::CLOSE,
    };
    let parts = hold
        | has(meter::REQUESTS, !meters.requests.is_zero())
        | has(meter::TOKENS, meters.tokens != Count::None)
        | has(meter::SCOPE, meters.scope.is_some());
    out.push(mark | parts);
    if parts & meter::REQUESTS != 0 {
        meters.requests.write(out);
    }
    if parts & meter::TOKENS != 0 {
        meters.tokens.write(out);
    }
    if let Some(scope) = &meters.scope {
        scope.write(out);
    }
    match &meters.hold {
        HoldChange::None => {}
        HoldChange::Put(id, hold) => {
            id.write(out);
            write_hold(hold, now, out);
        }
        HoldChange::Close(entry) => write_entry(entry, out),
    }
}

/// Reads what was metered `now`.
pub fn read_meters(from: &mut Reader<'_>, parts: u8, now: Millis) -> Result<Meters, Damage> {
    let has = |part| parts & part != 0;
    if has(!meter::ALL) {
        return Err(Damage("unknown meters"));
    }
    Ok(Meters {
        requests: if has(meter::REQUESTS) { Units::read(from)? } else { Units::ZERO },
        tokens: if has(meter::TOKENS) { Wire::read(from)? } else { Count::None },
        scope: if has(meter::SCOPE) { Some(Box::new(Wire::read(from)?)) } else { None },
        hold: match (has(meter::PUT), has(meter::CLOSE)) {
            (false, false) => HoldChange::None,
            (true, false) => HoldChange::Put(Wire::read(from)?, read_hold(from, now)?),
            (false, true) => HoldChange::Close(read_entry(from, now)?),
            (true, true) => return Err(Damage("a hold is both put and closed")),
        },
    })
}

/// Writes what is remembered now.
#[inline(always)]
pub fn write_entry(entry: &Entry, out: &mut Vec<u8>) {
    entry.id.write(out);
    entry.act.write(out);
}

/// Reads what is remembered `now`.
pub fn read_entry(from: &mut Reader<'_>, now: Millis) -> Result<Entry, Damage> {
    Ok(Entry { id: Wire::read(from)?, time: now, act: Wire::read(from)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::wire::{Kind, open, seal};
    use crate::engine::act::Act;
    use crate::engine::id::Id;
    use crate::engine::money::Money;

    fn reads_back<T: Wire + PartialEq>(value: &T) -> bool {
        let mut blob = Vec::new();
        seal(Kind::Account, &mut blob, |out| value.write(out));
        open(Kind::Account, &blob, T::read).is_ok_and(|read| read == *value)
    }

    #[test]
    fn what_no_account_can_keep_is_refused_before_it_is_kept() {
        let day = Millis(HOLD_TTL_MS);
        let hold = |admitted| Hold::new(Money::LEAST, day, admitted);
        let entry = |time| {
            let id = Id::new(b"an id").expect("an id");
            Entry::new(id, Act::Voided, time)
        };
        assert!(reads_back(&hold(Millis::LAST)) && reads_back(&entry(Millis::LAST)));
        for late in [Millis::LAST.plus(Millis(1)), Millis((1 << 48) + 9), Millis(i64::MAX)] {
            assert!(!reads_back(&hold(late)) && !reads_back(&entry(late)), "{late:?}");
        }
    }
}
