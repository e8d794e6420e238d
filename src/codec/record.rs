//! The plain figures of an account, as accounts and effects carry them.
//!
//! The pinned tier and the last token lie among them on the wire, wherever memory keeps them.

use super::wire::{Damage, Reader, Wire, put_number};
use crate::engine::account::Record;
use crate::engine::id::Name;
use crate::engine::ledger::Ledger;
use crate::engine::month::{Anchor, Period};

/// Bits of the record's flags.
const PAYMENT_METHOD: u8 = 1;

/// All plain figures, as they are read.
pub(super) struct Stored {
    pub record: Record,
    pub pinned: Option<Name>,
    pub last_token: i64,
}

/// Writes all plain figures.
pub(super) fn write(record: &Record, pinned: Option<&Name>, last_token: i64, out: &mut Vec<u8>) {
    out.push(if record.payment_method { PAYMENT_METHOD } else { 0 });
    out.push(record.anchor.map_or(0, Anchor::day));
    record.period.start().write(out);
    record.period.end().write(out);
    record.ledger.write(out);
    record.earned.write(out);
    pinned.cloned().write(out);
    put_number(out, last_token.cast_unsigned());
    record.told.write(out);
}

/// Reads all plain figures.
pub(super) fn read(from: &mut Reader<'_>) -> Result<Stored, Damage> {
    let flags = from.byte()?;
    if flags & !PAYMENT_METHOD != 0 {
        return Err(Damage("unknown flags"));
    }
    let anchor = anchor(from.byte()?)?;
    let period = Period::new(Wire::read(from)?, Wire::read(from)?);
    let period = period.ok_or(Damage("not a period"))?;
    let (ledger, earned) = (Wire::read(from)?, Wire::read(from)?);
    let (pinned, last_token) = (Wire::read(from)?, from.number()?);
    let told = Wire::read(from)?;
    let payment_method = flags & PAYMENT_METHOD != 0;
    let record = Record { period, ledger, earned, anchor, payment_method, told };
    Ok(Stored { record, pinned, last_token })
}

fn anchor(day: u8) -> Result<Option<Anchor>, Damage> {
    match (day, Anchor::new(day)) {
        (0, _) => Ok(None),
        (_, Some(anchor)) => Ok(Some(anchor)),
        (_, None) => Err(Damage("not a day of the month")),
    }
}

impl Wire for Ledger {
    fn write(&self, out: &mut Vec<u8>) {
        self.spent.write(out);
        self.credits.write(out);
        self.promo.write(out);
        self.owed.write(out);
        self.history.write(out);
        self.previous_spent.write(out);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(Self {
            spent: Wire::read(from)?,
            credits: Wire::read(from)?,
            promo: Wire::read(from)?,
            owed: Wire::read(from)?,
            history: Wire::read(from)?,
            previous_spent: Wire::read(from)?,
        })
    }
}
