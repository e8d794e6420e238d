//! Ids and names: what clients and operators call things.
//!
//! An id is any bytes; a name has a grammar. Both are stored and compared whole, and the lengths
//! that are usual (a UUID, a tier's name) need no allocation of their own.
//! Invariant: an [`Id`] and [`IdBytes`] have 1 to 128 bytes; a [`Name`] matches
//! `[a-z0-9][a-z0-9._-]*`, at most 64.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use super::bounds::{ID_BYTES, NAME_BYTES};

/// Bytes of a length below 256: within the value if they are at most `N`, else behind a pointer.
/// The pointer is a thin one, so that short values stay as small as they can be.
#[derive(Clone)]
enum Bytes<const N: usize> {
    Short(u8, [u8; N]),
    #[allow(clippy::redundant_allocation, reason = "a fat pointer would make every value larger")]
    Long(Box<Box<[u8]>>),
}

impl<const N: usize> PartialEq for Bytes<N> {
    // The bytes beyond a short value's length are zeros, and a length has one form only.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        // A list of ids is looked through: most differ early, which takes no call to see.
        let word =
            |bytes: &[u8; N], at| bytes.get(at..)?.first_chunk().copied().map(u64::from_ne_bytes);
        match (self, other) {
            (Self::Short(length, bytes), Self::Short(others, other)) => {
                length == others
                    && word(bytes, 0) == word(other, 0)
                    && word(bytes, 8) == word(other, 8)
                    && bytes == other
            }
            (Self::Long(bytes), Self::Long(other)) => bytes == other,
            _ => false,
        }
    }
}

impl<const N: usize> Bytes<N> {
    fn new(bytes: &[u8]) -> Self {
        let mut short = [0; N];
        match (short.get_mut(..bytes.len()), u8::try_from(bytes.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(bytes);
                Self::Short(length, short)
            }
            _ => Self::Long(Box::new(bytes.into())),
        }
    }

    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Short(length, bytes) => bytes.get(..usize::from(*length)).unwrap_or(bytes),
            Self::Long(bytes) => bytes,
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Self::Short(..) => 0,
            Self::Long(bytes) => size_of::<Box<[u8]>>().saturating_add(bytes.len()),
        }
    }
}

/// What a client calls a hold, a spend, a lease, an invoice or a billing event.
#[derive(Clone)]
pub struct Id(Bytes<38>);

/// The bytes of an id, where they lie.
#[derive(Clone, Copy)]
pub struct IdBytes<'a>(&'a [u8]);

impl<'a> IdBytes<'a> {
    /// Takes 1 to 128 bytes, any bytes; `None` otherwise.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        (1..=ID_BYTES).contains(&bytes.len()).then_some(Self(bytes))
    }

    /// The id.
    #[must_use]
    #[inline]
    pub fn id(self) -> Id {
        Id(Bytes::new(self.0))
    }
}

impl Id {
    /// Takes 1 to 128 bytes, any bytes; `None` otherwise.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        IdBytes::new(bytes).map(IdBytes::id)
    }

    /// The bytes as the client gave them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Memory it takes beyond its own size, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }
}

/// What the platform calls a limit, a quota or a tier.
#[derive(Clone)]
pub struct Name(Bytes<14>);

impl Name {
    /// Takes a name by its grammar; `None` for anything else.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let (first, rest) = bytes.split_first()?;
        let starts = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let goes_on = |byte: &u8| starts(byte) || matches!(byte, b'.' | b'_' | b'-');
        let well_formed = bytes.len() <= NAME_BYTES && starts(first) && rest.iter().all(goes_on);
        well_formed.then(|| Self(Bytes::new(bytes)))
    }

    /// The name's bytes, all ASCII.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or("")
    }

    /// Memory it takes beyond its own size, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }
}

/// What a sub-limit is about: a model, say.
///
/// Invariant: 1 to 128 bytes without spaces or control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope(Id);

impl Scope {
    /// Takes a scope by its grammar; `None` for anything else.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let plain = |byte: &u8| *byte > b' ' && *byte != 0x7f;
        if bytes.iter().all(plain) { Id::new(bytes).map(Self) } else { None }
    }

    /// The scope's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Memory it takes beyond its own size, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }
}

/// What compares, orders, hashes and shows by its bytes.
macro_rules! by_bytes {
    ($name:ident) => {
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0 == other.0
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.as_bytes().cmp(other.as_bytes())
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.as_bytes().hash(state);
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{:?}", String::from_utf8_lossy(self.as_bytes()))
            }
        }

        impl std::borrow::Borrow<[u8]> for $name {
            fn borrow(&self) -> &[u8] {
                self.as_bytes()
            }
        }
    };
}

by_bytes!(Id);
by_bytes!(Name);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_any_bytes_within_its_length() {
        assert!(Id::new(b"").is_none());
        assert!(Id::new(&[0xff; 129]).is_none());
        for length in [1, 37, 38, 39, 127, 128] {
            let bytes = vec![0xfe; length];
            assert_eq!(Id::new(&bytes).map(|id| id.as_bytes().to_vec()), Some(bytes));
        }
    }

    #[test]
    fn ids_differ_if_one_byte_differs_or_one_is_longer() {
        assert_ne!(Id::new(b"a"), Id::new(b"a\0"));
        assert_ne!(Id::new(&[7; 100]), Id::new(&[7; 101]));
        assert_eq!(Id::new(&[7; 100]), Id::new(&[7; 100]));
    }

    #[test]
    fn a_name_keeps_to_its_grammar() {
        for name in ["a", "0", "h100", "deployed-models", "a.b_c-d", &"x".repeat(64)] {
            assert!(Name::new(name.as_bytes()).is_some(), "{name}");
        }
        for name in ["", "-a", ".a", "A", "a b", "a@b", "é", &"x".repeat(65)] {
            assert!(Name::new(name.as_bytes()).is_none(), "{name}");
        }
    }

    #[test]
    fn a_scope_has_no_spaces_or_control_characters() {
        assert!(Scope::new(b"accounts/x/models/Llama-3").is_some());
        for scope in [&b""[..], b"a b", b"a\n", b"\x7f", b"\0", &[b'x'; 129]] {
            assert!(Scope::new(scope).is_none(), "{scope:?}");
        }
    }

    #[test]
    fn names_and_ids_are_as_small_as_meant() {
        assert_eq!((size_of::<Name>(), size_of::<Id>()), (16, 40));
    }
}
