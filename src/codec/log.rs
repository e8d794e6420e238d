//! Rows of the log, and what was told of an account.

use super::wire::{Damage, Reader, Wire, put_bytes};
use crate::engine::bounds::CAUSE_BYTES;
use crate::engine::log::{Cause, Event, Row, Told};
use crate::engine::standing::Reasons;
use crate::engine::time::Millis;

impl Wire for Told {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.reasons.bits(), self.threshold]);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        let reasons = Reasons::from_bits(from.byte()?).ok_or(Damage("unknown reasons"))?;
        Ok(Self { reasons, threshold: from.byte()? })
    }
}

impl Wire for Row {
    fn write(&self, out: &mut Vec<u8>) {
        self.time.write(out);
        out.push(match self.event {
            // Never in an account or an effect.
            Event::Created => 0,
            Event::Suspended => 1,
            Event::Remains => 2,
            Event::Resumed => 3,
            Event::Tier => 4,
            Event::Limit => 5,
            Event::Threshold => 6,
        });
        put_bytes(out, self.cause.as_bytes());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        let time = Millis::read(from)?;
        let event = match from.byte()? {
            1 => Event::Suspended,
            2 => Event::Remains,
            3 => Event::Resumed,
            4 => Event::Tier,
            5 => Event::Limit,
            6 => Event::Threshold,
            _ => return Err(Damage("an unknown event")),
        };
        let cause = from.bytes()?;
        if cause.len() > CAUSE_BYTES {
            return Err(Damage("a cause is too long"));
        }
        Ok(Self { time, event, cause: Cause::of(&[cause]) })
    }
}
