//! Standing: whether an account is active, or suspended and why.
//!
//! A set of reasons in a fixed order. It is derived from the account on every touch and never a
//! sticky flag: when its cause is gone, a reason is gone.

use super::bounds::REASON_BYTES;

/// The reasons for which an account is suspended; none means it is active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasons(u8);

impl Reasons {
    /// No reason: the account is active.
    pub const NONE: Self = Self(0);
    /// An operator blocked it.
    pub const BLOCKED: Self = Self(1);
    /// A failed invoice is neither paid nor voided.
    pub const PAYMENT_FAILED: Self = Self(2);
    /// There is no payment method on file, and no credits.
    pub const NO_PAYMENT_METHOD: Self = Self(4);
    /// What was spent has reached the spend limit.
    pub const SPEND_LIMIT: Self = Self(8);

    /// Every set of reasons, joined: a denial is answered without an allocation.
    const JOINED: [&'static str; 16] = [
        "",
        "blocked",
        "payment_failed",
        "blocked,payment_failed",
        "no_payment_method",
        "blocked,no_payment_method",
        "payment_failed,no_payment_method",
        "blocked,payment_failed,no_payment_method",
        "spend_limit",
        "blocked,spend_limit",
        "payment_failed,spend_limit",
        "blocked,payment_failed,spend_limit",
        "no_payment_method,spend_limit",
        "blocked,no_payment_method,spend_limit",
        "payment_failed,no_payment_method,spend_limit",
        "blocked,payment_failed,no_payment_method,spend_limit",
    ];

    /// These reasons and, if `holds`, `other` too.
    #[must_use]
    pub const fn with(self, other: Self, holds: bool) -> Self {
        if holds { Self(self.0 | other.0) } else { self }
    }

    /// The reasons that these bits stand for; `None` if there is no such set.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if (bits as usize) < Self::JOINED.len() { Some(Self(bits)) } else { None }
    }

    /// The set as bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// These reasons without `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Holds if these reasons are among them.
    #[must_use]
    pub const fn contain(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Holds if there is no reason.
    #[must_use]
    pub const fn is_active(self) -> bool {
        self.0 == 0
    }

    /// The reasons, joined by commas; empty if there is none.
    #[must_use]
    pub fn joined(self) -> &'static str {
        Self::JOINED.get(usize::from(self.0)).copied().unwrap_or("")
    }

    /// The standing in replies: `active`, or the reasons.
    #[must_use]
    pub fn standing(self) -> &'static str {
        if self.is_active() { "active" } else { self.joined() }
    }
}

/// Why an operator blocked an account, in the operator's words: 1 to 256 bytes, any bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(Box<[u8]>);

impl Reason {
    /// Takes 1 to 256 bytes; `None` otherwise.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (1..=REASON_BYTES).contains(&bytes.len()).then(|| Self(bytes.into()))
    }

    /// The bytes as the operator gave them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_joined_in_their_order() {
        let all = [
            (Reasons::BLOCKED, "blocked"),
            (Reasons::PAYMENT_FAILED, "payment_failed"),
            (Reasons::NO_PAYMENT_METHOD, "no_payment_method"),
            (Reasons::SPEND_LIMIT, "spend_limit"),
        ];
        for set in 0..16_u32 {
            let (mut reasons, mut words) = (Reasons::NONE, Vec::new());
            for (at, (reason, word)) in all.iter().enumerate() {
                reasons = reasons.with(*reason, set >> at & 1 == 1);
                words.extend((set >> at & 1 == 1).then_some(*word));
            }
            assert_eq!(reasons.joined(), words.join(","));
            let standing = if set == 0 { "active" } else { reasons.joined() };
            assert_eq!(reasons.standing(), standing);
        }
    }

    #[test]
    fn a_reason_has_1_to_256_bytes() {
        assert!(Reason::new(b"").is_none() && Reason::new(&[0xff; 257]).is_none());
        assert_eq!(Reason::new(&[0xff; 256]).map(|text| text.as_bytes().len()), Some(256));
    }
}
