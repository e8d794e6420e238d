//! The alphabet: numbers, lengths and bytes, and the seal around a blob.
//!
//! Numbers are unsigned LEB128, seven bits a byte, lowest first. A blob is a kind, a version, a
//! body, and the XXH3 hash of all before it. Nothing is allocated by what a blob says of its
//! length: bytes are there, or reading ends.

use xxhash_rust::xxh3::xxh3_64;

/// Why bytes cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage(pub &'static str);

/// What a blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An account as stored.
    Account,
    /// An effect as propagated.
    Effect,
}

impl Kind {
    const fn byte(self) -> u8 {
        match self {
            Self::Account => b'A',
            Self::Effect => b'E',
        }
    }
}

/// The version that is written. Older ones stay readable.
pub const VERSION: u8 = 1;

const HEAD: usize = 2;
const SEAL: usize = size_of::<u64>();
/// Bits of a number that one byte carries.
const CHUNK: u32 = 7;
const MORE: u8 = 0x80;

/// What can be written to a blob and read back.
pub trait Wire: Sized {
    /// Appends it.
    fn write(&self, out: &mut Vec<u8>);

    /// Takes it from the front of what is left.
    ///
    /// # Errors
    /// [`Damage`] if what is there cannot be it.
    fn read(from: &mut Reader<'_>) -> Result<Self, Damage>;
}

/// Fills `out` with a sealed blob, keeping its memory.
#[inline(always)]
pub fn seal(kind: Kind, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    out.clear();
    out.extend_from_slice(&[kind.byte(), VERSION]);
    body(out);
    let seal = xxh3_64(out);
    out.extend_from_slice(&seal.to_le_bytes());
}

/// Opens a sealed blob. All of its body must be read.
///
/// # Errors
/// [`Damage`] if the blob is not of this kind, of a version unknown here, or not as it was sealed.
pub fn open<T>(
    kind: Kind,
    blob: &[u8],
    body: impl FnOnce(&mut Reader<'_>) -> Result<T, Damage>,
) -> Result<T, Damage> {
    let (sealed, seal) = blob.split_last_chunk::<SEAL>().ok_or(Damage("too short"))?;
    let (head, rest) = sealed.split_first_chunk::<HEAD>().ok_or(Damage("too short"))?;
    if head[0] != kind.byte() {
        return Err(Damage("not of this kind"));
    }
    if head[1] == 0 || head[1] > VERSION {
        return Err(Damage("written by a newer version of the module"));
    }
    if xxh3_64(sealed) != u64::from_le_bytes(*seal) {
        return Err(Damage("the checksum is wrong"));
    }
    let mut reader = Reader { rest };
    let value = body(&mut reader)?;
    if reader.rest.is_empty() { Ok(value) } else { Err(Damage("there are bytes too many")) }
}

/// Appends a number.
#[inline(always)]
pub fn put_number(out: &mut Vec<u8>, number: u64) {
    if number < u64::from(MORE) {
        out.push(number.to_le_bytes()[0]);
    } else if number < 1 << (CHUNK * u64::BITS / u8::BITS) {
        put_word(out, number);
    } else {
        put_long(out, number);
    }
}

/// Appends a number of at most eight bytes. They are made in a register and stored at once: bytes
/// stored one by one and copied as a whole would be waited for.
#[inline(always)]
fn put_word(out: &mut Vec<u8>, number: u64) {
    // Its chunks move apart: first two of 28 bits, then four of 14, then eight of 7.
    let mut word = number;
    word = word & 0x0000_0000_0fff_ffff | (word & 0x00ff_ffff_f000_0000) << 4;
    word = word & 0x0000_3fff_0000_3fff | (word & 0x0fff_c000_0fff_c000) << 2;
    word = word & 0x007f_007f_007f_007f | (word & 0x3f80_3f80_3f80_3f80) << 1;
    let length = u64::BITS.saturating_sub(number.leading_zeros()).div_ceil(CHUNK);
    // More follow all but the last.
    let last = length.saturating_sub(1).saturating_mul(u8::BITS);
    word |= u64::from_le_bytes([MORE; 8]) & (1_u64 << last).wrapping_sub(1);
    let end = out.len().saturating_add(length as usize);
    out.extend_from_slice(&word.to_le_bytes());
    out.truncate(end);
}

#[cold]
fn put_long(out: &mut Vec<u8>, mut number: u64) {
    while number >= u64::from(MORE) {
        out.push(number.to_le_bytes()[0] | MORE);
        number >>= CHUNK;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Appends a length and as many bytes.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a count and as many rows.
pub fn put_rows<T: Wire>(out: &mut Vec<u8>, rows: &[T]) {
    put_number(out, rows.len() as u64);
    for row in rows {
        row.write(out);
    }
}

/// What is left to read.
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Takes one byte.
    ///
    /// # Errors
    /// [`Damage`] if there is none.
    pub fn byte(&mut self) -> Result<u8, Damage> {
        let (&first, rest) = self.rest.split_first().ok_or(Damage("ends too early"))?;
        self.rest = rest;
        Ok(first)
    }

    /// Takes so many bytes.
    ///
    /// # Errors
    /// [`Damage`] if they are not there.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let (&bytes, rest) = self.rest.split_first_chunk().ok_or(Damage("ends too early"))?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Takes a number.
    ///
    /// # Errors
    /// [`Damage`] if there is none, or it does not fit 63 bits: no number of ours is larger.
    pub fn number(&mut self) -> Result<i64, Damage> {
        let mut number = 0_u64;
        for shift in (0..u64::BITS - 1).step_by(CHUNK as usize) {
            let byte = self.byte()?;
            number |= u64::from(byte & !MORE) << shift;
            if byte & MORE == 0 {
                return i64::try_from(number).map_err(|_| Damage("a number is too large"));
            }
        }
        Err(Damage("a number is too long"))
    }

    /// Takes a length and as many bytes.
    ///
    /// # Errors
    /// [`Damage`] if they are not there.
    pub fn bytes(&mut self) -> Result<&'a [u8], Damage> {
        let length =
            usize::try_from(self.number()?).map_err(|_| Damage("a length is too large"))?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Damage("ends too early"))?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Takes a count, at most `most`, and as many rows.
    ///
    /// # Errors
    /// [`Damage`] if there are more, or a row cannot be read.
    pub fn rows<T: Wire>(&mut self, most: usize) -> Result<Vec<T>, Damage> {
        let mut rows = Vec::new();
        for _ in 0..self.count(most)? {
            rows.push(T::read(self)?);
        }
        Ok(rows)
    }

    /// Takes a count, at most `most`.
    ///
    /// # Errors
    /// [`Damage`] if it is larger.
    pub fn count(&mut self, most: usize) -> Result<usize, Damage> {
        let count = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if count <= most { Ok(count) } else { Err(Damage("there are too many rows")) }
    }
}

impl<T: Wire> Wire for Box<T> {
    fn write(&self, out: &mut Vec<u8>) {
        T::write(self, out);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        T::read(from).map(Self::new)
    }
}

impl<T: Wire> Wire for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            None => out.push(0),
            Some(value) => {
                out.push(1);
                value.write(out);
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damage> {
        match from.byte()? {
            0 => Ok(None),
            1 => T::read(from).map(Some),
            _ => Err(Damage("neither absent nor present")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        seal(Kind::Effect, &mut out, |out| out.extend_from_slice(bytes));
        out
    }

    #[test]
    fn a_number_has_its_chunks_lowest_first() {
        // The example of the DWARF specification, and the bounds of each length.
        for (number, bytes) in [
            (624_485, &[0xe5, 0x8e, 0x26][..]),
            (127, &[0x7f]),
            (128, &[0x80, 0x01]),
            ((1 << 56) - 1, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
            (1 << 56, &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]),
        ] {
            let mut out = vec![7];
            put_number(&mut out, number);
            assert_eq!(out[1..], *bytes, "{number}");
        }
    }

    #[test]
    fn every_number_reads_back_as_itself() {
        let powers = (0..63).map(|bit| 1_i64 << bit);
        let mixed = (0..63).map(|bits| 0x5a5a_5a5a_5a5a_5a5a_i64 >> bits);
        for number in powers.clone().chain(powers.map(|power| power - 1)).chain(mixed) {
            let mut bytes = Vec::new();
            put_number(&mut bytes, number.cast_unsigned());
            let blob = sealed(&bytes);
            assert_eq!(open(Kind::Effect, &blob, |from| from.number()), Ok(number));
        }
    }

    #[test]
    fn a_number_beyond_63_bits_is_damage() {
        let blob = sealed(&[0xff; 9]);
        assert!(open(Kind::Effect, &blob, |from| from.number()).is_err());
        let mut bytes = Vec::new();
        put_number(&mut bytes, 1 << 63);
        assert!(open(Kind::Effect, &sealed(&bytes), |from| from.number()).is_err());
    }

    #[test]
    fn a_blob_that_was_changed_anywhere_does_not_open() {
        let blob = sealed(b"body");
        let read = |blob: &[u8]| {
            open(Kind::Effect, blob, |from| {
                for _ in 0..4 {
                    from.byte()?;
                }
                Ok(())
            })
        };
        assert_eq!(read(&blob), Ok(()));
        for at in 0..blob.len() {
            let mut damaged = blob.clone();
            damaged[at] ^= 1;
            assert!(read(&damaged).is_err(), "byte {at}");
            assert!(read(&blob[..at]).is_err(), "cut at {at}");
        }
        let other_kind = open(Kind::Account, &blob, |_| Ok(()));
        assert_eq!(other_kind, Err(Damage("not of this kind")));
    }

    #[test]
    fn a_length_beyond_the_blob_allocates_nothing() {
        let mut bytes = Vec::new();
        put_number(&mut bytes, i64::MAX as u64);
        assert!(open(Kind::Effect, &sealed(&bytes), |from| from.bytes().map(|_| ())).is_err());
        assert!(open(Kind::Effect, &sealed(&bytes), |from| from.count(10).map(|_| ())).is_err());
    }
}
