//! One row of an account's block: a hold, or a hold that was closed, packed.
//!
//! When it lapses, or was closed (6 bytes); the length of its id (1); its kind, and the length of what
//! follows the id (1); its id; of a hold, its time to live (4); its amount (1 to 8). A hold that has more
//! than most goes on: when it was admitted, what was charged, tokens reserved and reported (8 each), bits
//! (1), the length of its scope, 0 without one (1), its scope. Numbers are little-endian. Rows are read
//! as they were written here; what does not read is the end of them.

use crate::engine::act::{Act, Entry};
use crate::engine::hold::{Details, Hold};
use crate::engine::id::{Id, Scope};
use crate::engine::limit::Units;
use crate::engine::money::Money;
use crate::engine::time::Millis;

/// Bytes of the time: enough for all up to [`Millis::LAST`] and a day more.
const TIME: usize = 6;
const TIME_BITS: u64 = (1 << (8 * TIME)) - 1;
/// Bytes of a row before its id.
const HEAD: usize = TIME + 2;
/// In the last of them the kind lies above the length of what follows the id.
const KIND_AT: u32 = 6;
const FOLLOWS: u8 = (1 << KIND_AT) - 1;
/// Bytes of a hold's time to live.
const TTL: u8 = 4;
/// Bytes of what a hold has more than most, before its scope.
const MORE: usize = 34;
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

impl Kind {
    /// How many bytes its time to live takes.
    #[inline(always)]
    const fn ttl(self) -> u8 {
        match self {
            Self::Plain | Self::Detailed => TTL,
            Self::Settled | Self::Voided => 0,
        }
    }
}

/// A row, where it lies.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    head: [u8; HEAD],
    bytes: &'a [u8],
}

impl<'a> Row<'a> {
    /// The row that begins here, and what follows it.
    #[inline(always)]
    pub fn first(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let head = *bytes.first_chunk()?;
        let row = Self { head, bytes };
        let mut size = row.amount_end();
        if row.kind() == Kind::Detailed {
            size = size.saturating_add(MORE);
            size = size.saturating_add(usize::from(*bytes.get(size.saturating_sub(1))?));
        }
        let (bytes, rest) = bytes.split_at_checked(size)?;
        Some((Self { head, bytes }, rest))
    }

    #[inline(always)]
    const fn kind(self) -> Kind {
        match self.head[HEAD - 1] >> KIND_AT {
            0 => Kind::Plain,
            1 => Kind::Detailed,
            2 => Kind::Settled,
            _ => Kind::Voided,
        }
    }

    #[inline(always)]
    fn id_end(self) -> usize {
        HEAD.saturating_add(usize::from(self.head[TIME]))
    }

    #[inline(always)]
    fn amount_end(self) -> usize {
        self.id_end().saturating_add(usize::from(self.head[HEAD - 1] & FOLLOWS))
    }

    /// What it has more than most.
    fn more(self) -> &'a [u8] {
        self.bytes.get(self.amount_end()..).unwrap_or_default()
    }

    /// How many bytes it takes.
    #[inline(always)]
    pub const fn size(self) -> usize {
        self.bytes.len()
    }

    /// When it lapses, or was closed.
    #[inline(always)]
    pub fn time(self) -> Millis {
        let [a, b, c, d, e, f, ..] = self.head;
        Millis(i64::from_le_bytes([a, b, c, d, e, f, 0, 0]))
    }

    /// The amount, of the hold or of its settlement.
    #[inline(always)]
    pub fn amount(self) -> Money {
        // Eight bytes that end with it: there are as many in every row.
        let bytes = self.bytes.get(..self.amount_end()).and_then(<[u8]>::last_chunk);
        let width = (self.head[HEAD - 1] & FOLLOWS).saturating_sub(self.kind().ttl());
        let nanos = bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes) >> above(width));
        Money::from_nanos(nanos.cast_signed()).unwrap_or_default()
    }

    /// What it sets aside while it is open.
    #[inline(always)]
    pub fn held(self) -> Money {
        self.amount().minus(money(self.more(), 8))
    }

    /// What it is called.
    pub fn id(self) -> Option<Id> {
        Id::new(self.id_bytes())
    }

    /// Holds if this is what it is called. Ids mostly differ at their ends, if anywhere, which takes no
    /// call to see.
    #[inline(always)]
    pub fn is_of(self, id: &Id) -> bool {
        let end = |bytes: &[u8]| bytes.last_chunk().copied().map(u64::from_ne_bytes);
        let (own, id) = (self.id_bytes(), id.as_bytes());
        own.len() == id.len() && end(own) == end(id) && own == id
    }

    /// The bytes of its id.
    #[inline(always)]
    pub fn id_bytes(self) -> &'a [u8] {
        self.bytes.get(HEAD..self.id_end()).unwrap_or_default()
    }

    /// Holds if it is a hold that has no more than most.
    #[inline(always)]
    pub fn is_plain(self) -> bool {
        self.kind() == Kind::Plain
    }

    /// The hold, unless it was closed.
    pub fn hold(self) -> Option<Hold> {
        let ttl = self.bytes.get(self.id_end()..).and_then(<[u8]>::first_chunk);
        let ttl = Millis(ttl.map_or(0, |ttl| i64::from(u32::from_le_bytes(*ttl))));
        match self.kind() {
            Kind::Plain => Some(Hold::plain(self.amount(), ttl, self.time())),
            Kind::Detailed => {
                let more = self.more();
                let units = |at| Units::new(number(more, at)).unwrap_or_default();
                let bits = more.get(32).copied().unwrap_or(0);
                let hold = Hold::new(self.amount(), ttl, Millis(number(more, 0)));
                Some(hold.lapsing_at(self.time()).detailed(Details {
                    charged: money(more, 8),
                    tokens: units(16),
                    reported: units(24),
                    scope: more.get(MORE..).and_then(Scope::new),
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
    size_up_to_amount(id, TTL, hold.amount).saturating_add(more)
}

/// How many bytes the row of a closed hold takes: mostly fewer than it took before.
#[inline(always)]
pub fn size_of_closed(entry: &Entry) -> usize {
    size_up_to_amount(&entry.id, 0, closed(entry).1)
}

#[inline(always)]
fn size_up_to_amount(id: &Id, ttl: u8, amount: Money) -> usize {
    let follows = ttl.saturating_add(width(amount));
    HEAD.saturating_add(id.as_bytes().len()).saturating_add(usize::from(follows))
}

/// How many bytes an amount takes.
#[inline(always)]
fn width(amount: Money) -> u8 {
    let bits = i64::BITS.saturating_sub(amount.nanos().leading_zeros()).max(1);
    u8::try_from(bits.div_ceil(u8::BITS)).unwrap_or(0)
}

/// How many bits lie above an amount of so many bytes in eight that end with it.
#[inline(always)]
fn above(width: u8) -> u32 {
    u64::BITS.saturating_sub(u32::from(width).saturating_mul(u8::BITS)) & (u64::BITS - 1)
}

/// Writes a hold's row into its place, which has its size.
#[inline(always)]
pub fn write_hold(place: &mut [u8], id: &Id, hold: &Hold) {
    let kind = if hold.detail().is_some() { Kind::Detailed } else { Kind::Plain };
    let ttl = u32::try_from(hold.ttl().0).unwrap_or(u32::MAX).to_le_bytes();
    let rest = write_up_to_amount(place, id, (kind, &ttl), (hold.amount, hold.lapses));
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
    let (kind, amount) = closed(entry);
    write_up_to_amount(place, &entry.id, (kind, &[]), (amount, entry.time));
}

#[inline(always)]
fn closed(entry: &Entry) -> (Kind, Money) {
    match entry.act {
        Act::Settled(amount) => (Kind::Settled, amount),
        _ => (Kind::Voided, Money::ZERO),
    }
}

/// Writes when a row was closed.
pub fn write_time(row: &mut [u8], time: Millis) {
    if let Some(head) = row.first_chunk_mut() {
        *head = (u64::from_le_bytes(*head) & !TIME_BITS | bits(time)).to_le_bytes();
    }
}

const fn bits(time: Millis) -> u64 {
    time.0.cast_unsigned() & TIME_BITS
}

#[inline(always)]
fn write_up_to_amount<'a>(
    place: &'a mut [u8],
    id: &Id,
    (kind, ttl): (Kind, &[u8]),
    (amount, time): (Money, Millis),
) -> &'a mut [u8] {
    let (id, width) = (id.as_bytes(), width(amount));
    let follows = kind.ttl().saturating_add(width);
    let size = HEAD.saturating_add(id.len()).saturating_add(usize::from(follows));
    let Some((row, rest)) = place.split_at_mut_checked(size) else { return &mut [] };
    // Eight bytes that end with the amount; those before it are written over below.
    if let Some(last) = row.last_chunk_mut() {
        *last = (amount.nanos().cast_unsigned() << above(width)).to_le_bytes();
    }
    let last = [u8::try_from(id.len()).unwrap_or(0), (kind as u8) << KIND_AT | follows];
    let head = bits(time) | u64::from(u16::from_le_bytes(last)) << TIME_BITS.count_ones();
    put(put(put(row, &head.to_le_bytes()), id), ttl);
    rest
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
    fn a_closed_hold_reads_as_it_was_written_whatever_its_amount() {
        let amounts = (0..63).flat_map(|bits| [(1_i64 << bits) - 1, 1 << bits]).chain([i64::MAX]);
        let amounts = amounts.map(|nanos| Money::from_nanos(nanos).expect("an amount"));
        let latest = Millis::LAST.plus(Millis(crate::engine::bounds::HOLD_TTL_MS));
        for act in amounts.map(Act::Settled).chain([Act::Voided]) {
            let entry = Entry::new(id("hold-1"), act, latest);
            let size = size_of_closed(&entry);
            let bytes = written(size, |place| write_closed(place, &entry));
            let (row, _) = Row::first(&bytes).expect("a row");
            assert_eq!((row.id(), row.act(), row.hold()), (Some(id("hold-1")), Some(act), None));
            assert_eq!(row.time(), entry.time);
        }
    }

    #[test]
    fn bytes_that_are_no_row_are_none() {
        let plain = Hold::new(Money::ZERO, Millis(1), Millis(0));
        let scope = Scope::new(b"scope");
        for hold in [plain.clone(), plain.detailed(Details { scope, ..Details::default() })] {
            let (id, size) = (id("a"), size_of_hold(&id("a"), &hold));
            let bytes = written(size, |place| write_hold(place, &id, &hold));
            assert!((0..size).all(|end| Row::first(&bytes[..end]).is_none()));
        }
    }

    #[test]
    fn a_row_is_as_small_as_meant() {
        let (cent, id) = (Money::from_nanos(10_000_000).expect("a cent"), id("0123456789abcdef"));
        let size = |act| size_of_closed(&Entry::new(id.clone(), act, Millis(1)));
        assert_eq!((size(Act::Settled(cent)), size(Act::Voided)), (27, 25));
        assert_eq!(size(Act::Settled(Money::MAX)), 32);
        assert_eq!(size_of_hold(&id, &Hold::new(cent, Millis(1), Millis(0))), 31);
    }
}
