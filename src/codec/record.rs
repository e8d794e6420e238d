//! The plain figures of an account, as accounts and effects carry them.

use super::wire::{Damage, Reader, Wire, put_number};
use crate::engine::account::Record;
use crate::engine::ledger::Ledger;
use crate::engine::month::{Anchor, Period};

/// Bits of the record's flags.
const PAYMENT_METHOD: u8 = 1;

impl Wire for Record {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(if self.payment_method { PAYMENT_METHOD } else { 0 });
        out.push(self.anchor.map_or(0, Anchor::day));
        self.period.start.write(out);
        self.period.end.write(out);
        self.ledger.write(out);
        self.earned.write(out);
        self.pinned.write(out);
        put_number(out, self.last_token.cast_unsigned());
        self.told.write(out);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        let flags = from.byte()?;
        if flags & !PAYMENT_METHOD != 0 {
            return Err(Damage("unknown flags"));
        }
        Ok(Self {
            payment_method: flags & PAYMENT_METHOD != 0,
            anchor: anchor(from.byte()?)?,
            period: Period { start: Wire::read(from)?, end: Wire::read(from)? },
            ledger: Wire::read(from)?,
            earned: Wire::read(from)?,
            pinned: Wire::read(from)?,
            last_token: from.number()?,
            told: Wire::read(from)?,
        })
    }
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
