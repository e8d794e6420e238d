//! One row of an account's block: a hold, or a hold that was closed, packed.
//!
//! The length of its id (1 byte); its kind and, of a hold, its time to live (4); its amount (8); when
//! it lapses, or was closed (8); its id. A hold that has more than most goes on: when it was admitted,
//! what was charged, tokens reserved and reported (8 each), bits (1), the length of its scope, 0
//! without one (1), its scope. Numbers are little-endian. Rows are read as they were written here;
//! what does not read is the end of them.

use crate::engine::act::{Act, Entry};
use crate::engine::hold::{Details, Hold};
use crate::engine::id::{Id, Scope};
use crate::engine::limit::Units;
use crate::engine::money::Money;
use crate::engine::time::Millis;

/// Bytes of a row before its id.
const FIXED: usize = 21;
/// Bytes of what a hold has more than most, before its scope.
const MORE: usize = 34;
/// The kind lies above the time to live, of which a day needs 27 bits.
const KIND_AT: u32 = 30;
const TTL: u32 = (1 << KIND_AT) - 1;
const COUNTED: u8 = 1;
const COUNTED_IN_SCOPE: u8 = 2;

/// What a row is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A hold that has no more than most.
    Plain,
    /// A hold that has more.
    Detailed,
    /// A hold that was settled.
    Settled,
    /// A hold that was voided.
    Voided,
}

/// A row, where it lies.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    fixed: &'a [u8; FIXED],
    id: &'a [u8],
    more: &'a [u8],
}

impl<'a> Row<'a> {
    /// The row that begins here, and what follows it.
    #[inline(always)]
    pub fn first(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (fixed, rest) = bytes.split_first_chunk::<FIXED>()?;
        let (id, rest) = rest.split_at_checked(usize::from(fixed[0]))?;
        let mut row = Self { fixed, id, more: &[] };
        if row.kind() != Kind::Detailed {
            return Some((row, rest));
        }
        let scope = rest.get(MORE.saturating_sub(1))?;
        let (more, rest) = rest.split_at_checked(MORE.saturating_add(usize::from(*scope)))?;
        row.more = more;
        Some((row, rest))
    }

    #[inline(always)]
    fn kind(self) -> Kind {
        match self.word() >> KIND_AT {
            0 => Kind::Plain,
            1 => Kind::Detailed,
            2 => Kind::Settled,
            _ => Kind::Voided,
        }
    }

    #[inline(always)]
    fn word(self) -> u32 {
        let [_, a, b, c, d, ..] = *self.fixed;
        u32::from_le_bytes([a, b, c, d])
    }

    /// How many bytes it takes.
    #[inline(always)]
    pub fn size(self) -> usize {
        FIXED.saturating_add(self.id.len()).saturating_add(self.more.len())
    }

    /// When it lapses, or was closed.
    #[inline(always)]
    pub fn time(self) -> Millis {
        Millis(number(self.fixed, 13))
    }

    /// The amount, of the hold or of its settlement.
    #[inline(always)]
    pub fn amount(self) -> Money {
        money(self.fixed, 5)
    }

    /// What it sets aside while it is open.
    #[inline(always)]
    pub fn held(self) -> Money {
        self.amount().minus(money(self.more, 8))
    }

    /// What it is called.
    pub fn id(self) -> Option<Id> {
        Id::new(self.id)
    }

    /// Holds if this is what it is called. Ids mostly differ at their ends, if anywhere, which takes no
    /// call to see.
    #[inline(always)]
    pub fn is_of(self, id: &Id) -> bool {
        let end = |bytes: &[u8]| bytes.last_chunk().copied().map(u64::from_ne_bytes);
        let id = id.as_bytes();
        self.id.len() == id.len() && end(self.id) == end(id) && self.id == id
    }

    /// The bytes of its id.
    pub const fn id_bytes(self) -> &'a [u8] {
        self.id
    }

    /// Holds if it is a hold that has no more than most.
    #[inline(always)]
    pub fn is_plain(self) -> bool {
        self.kind() == Kind::Plain
    }

    /// The hold, unless it was closed.
    pub fn hold(self) -> Option<Hold> {
        let ttl = Millis(i64::from(self.word() & TTL));
        match self.kind() {
            Kind::Plain => Some(Hold::plain(self.amount(), ttl, self.time())),
            Kind::Detailed => {
                let units = |at| Units::new(number(self.more, at)).unwrap_or_default();
                let bits = self.more.get(32).copied().unwrap_or(0);
                let hold = Hold::new(self.amount(), ttl, Millis(number(self.more, 0)));
                Some(hold.lapsing_at(self.time()).detailed(Details {
                    charged: money(self.more, 8),
                    tokens: units(16),
                    reported: units(24),
                    scope: self.more.get(MORE..).and_then(Scope::new),
                    counted: bits & COUNTED != 0,
                    counted_in_scope: bits & COUNTED_IN_SCOPE != 0,
                }))
            }
            Kind::Settled | Kind::Voided => None,
        }
    }

    /// How it was closed, unless it is a hold.
    pub fn act(self) -> Option<Act> {
        match self.kind() {
            Kind::Settled => Some(Act::Settled(self.amount())),
            Kind::Voided => Some(Act::Voided),
            Kind::Plain | Kind::Detailed => None,
        }
    }
}

/// How many bytes the row of a hold takes.
#[inline(always)]
pub fn size_of_hold(id: &Id, hold: &Hold) -> usize {
    let scope =
        |details: &Details| details.scope.as_ref().map_or(0, |scope| scope.as_bytes().len());
    let more = hold.detail().map_or(0, |details| MORE.saturating_add(scope(details)));
    FIXED.saturating_add(id.as_bytes().len()).saturating_add(more)
}

/// How many bytes the row of a closed hold takes: as many as a plain one's.
pub fn size_of_closed(id: &Id) -> usize {
    FIXED.saturating_add(id.as_bytes().len())
}

/// Writes a hold's row into its place, which has its size.
#[inline(always)]
pub fn write_hold(place: &mut [u8], id: &Id, hold: &Hold) {
    let kind = if hold.detail().is_some() { Kind::Detailed } else { Kind::Plain };
    let ttl = u32::try_from(hold.ttl().0).unwrap_or(TTL).min(TTL);
    let rest = write_fixed(place, id, (kind, ttl), (hold.amount, hold.lapses));
    if let Some(details) = hold.detail() {
        write_more(rest, details, hold.admitted());
    }
}

#[inline(never)]
fn write_more(rest: &mut [u8], details: &Details, admitted: Millis) {
    let bit = |bit, holds| if holds { bit } else { 0 };
    let bits = bit(COUNTED, details.counted) | bit(COUNTED_IN_SCOPE, details.counted_in_scope);
    let scope = details.scope.as_ref().map_or(&[][..], Scope::as_bytes);
    let rest = put(rest, &admitted.0.to_le_bytes());
    let rest = put(rest, &details.charged.nanos().to_le_bytes());
    let rest = put(rest, &details.tokens.count().to_le_bytes());
    let rest = put(rest, &details.reported.count().to_le_bytes());
    let rest = put(rest, &[bits, u8::try_from(scope.len()).unwrap_or(0)]);
    put(rest, scope);
}

/// Writes the row of a closed hold into its place, which has its size.
#[inline(always)]
pub fn write_closed(place: &mut [u8], entry: &Entry) {
    let (kind, amount) = match entry.act {
        Act::Settled(amount) => (Kind::Settled, amount),
        _ => (Kind::Voided, Money::ZERO),
    };
    write_fixed(place, &entry.id, (kind, 0), (amount, entry.time));
}

/// Writes when a row was closed.
pub fn write_time(row: &mut [u8], time: Millis) {
    if let Some(place) = row.get_mut(13..FIXED) {
        put(place, &time.0.to_le_bytes());
    }
}

#[inline(always)]
fn write_fixed<'a>(
    place: &'a mut [u8],
    id: &Id,
    (kind, ttl): (Kind, u32),
    (amount, time): (Money, Millis),
) -> &'a mut [u8] {
    let id = id.as_bytes();
    let word = (kind as u32) << KIND_AT | ttl;
    let place = put(place, &[u8::try_from(id.len()).unwrap_or(0)]);
    let place = put(place, &word.to_le_bytes());
    let place = put(place, &amount.nanos().to_le_bytes());
    let place = put(place, &time.0.to_le_bytes());
    put(place, id)
}

/// Writes bytes, and hands on what follows them.
#[inline(always)]
fn put<'a>(place: &'a mut [u8], bytes: &[u8]) -> &'a mut [u8] {
    match place.split_at_mut_checked(bytes.len()) {
        Some((place, rest)) => {
            place.copy_from_slice(bytes);
            rest
        }
        None => &mut [],
    }
}

#[inline(always)]
fn number(bytes: &[u8], at: usize) -> i64 {
    let chunk = bytes.get(at..).and_then(<[u8]>::first_chunk);
    chunk.map_or(0, |chunk| i64::from_le_bytes(*chunk))
}

#[inline(always)]
fn money(bytes: &[u8], at: usize) -> Money {
    Money::from_nanos(number(bytes, at)).unwrap_or(Money::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Id {
        Id::new(text.as_bytes()).expect("an id")
    }

    fn written(size: usize, write: impl FnOnce(&mut [u8])) -> Vec<u8> {
        let mut bytes = vec![0xff; size + 1];
        write(&mut bytes[..size]);
        bytes
    }

    #[test]
    fn a_hold_reads_as_it_was_written() {
        let (amount, ttl) = (Money::MAX, Millis(crate::engine::bounds::HOLD_TTL_MS));
        let plain = Hold::new(amount, ttl, Millis(7));
        let scope = Scope::new(&[b'x'; 128]);
        let units = |count| Units::new(count).expect("a count");
        let details = Details {
            charged: Money::dollars(3),
            tokens: units(i64::MAX),
            reported: units(9),
            scope,
            counted: true,
            counted_in_scope: false,
        };
        let other = Details { scope: None, counted_in_scope: true, ..details.clone() };
        let holds = [
            plain.clone(),
            plain.clone().detailed(details.clone()),
            plain.clone().detailed(other),
            plain.clone().lapsing_at(Millis(99)),
            plain.renewed(Millis(1), Millis(50)),
        ];
        for (hold, name) in holds.iter().zip(["a", &"b".repeat(128), "c", "d", "e"]) {
            let size = size_of_hold(&id(name), hold);
            let bytes = written(size, |place| write_hold(place, &id(name), hold));
            let (row, rest) = Row::first(&bytes).expect("a row");
            assert_eq!((row.id(), row.hold().as_ref()), (Some(id(name)), Some(hold)));
            assert_eq!((row.time(), row.held()), (hold.lapses, hold.held()));
            assert_eq!((row.size(), rest, row.act()), (size, &[0xff][..], None));
            assert_eq!(row.is_plain(), hold.detail().is_none());
        }
    }

    #[test]
    fn a_closed_hold_reads_as_it_was_written_and_takes_as_much_as_a_plain_one() {
        for act in [Act::Settled(Money::MAX), Act::Voided] {
            let entry = Entry::new(id("hold-1"), act, Millis(1 << 45));
            let size = size_of_closed(&entry.id);
            assert_eq!(
                size,
                size_of_hold(&entry.id, &Hold::new(Money::ZERO, Millis(1), Millis(0)))
            );
            let bytes = written(size, |place| write_closed(place, &entry));
            let (row, _) = Row::first(&bytes).expect("a row");
            assert_eq!((row.id(), row.act(), row.hold()), (Some(id("hold-1")), Some(act), None));
            assert_eq!(row.time(), entry.time);
        }
    }

    #[test]
    fn bytes_that_are_no_row_are_none() {
        let hold = Hold::new(Money::ZERO, Millis(1), Millis(0));
        let hold = hold.detailed(Details { counted: true, ..Details::default() });
        let size = size_of_hold(&id("a"), &hold);
        let bytes = written(size, |place| write_hold(place, &id("a"), &hold));
        assert!((0..size).all(|end| Row::first(&bytes[..end]).is_none()));
    }

    #[test]
    fn a_row_is_as_small_as_meant() {
        assert_eq!(size_of_closed(&id("0123456789abcdef")), 37);
    }
}
