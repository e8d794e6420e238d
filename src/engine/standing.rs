//! Standing: whether an account is active, or suspended and why.
//!
//! A set of reasons in a fixed order. It is derived from the account on every touch and never a
//! sticky flag: when its cause is gone, a reason is gone.

/// The reasons for which an account is suspended; none means it is active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasons(u8);

impl Reasons {
    /// No reason: the account is active.
    pub const NONE: Self = Self(0);
    /// There is no payment method on file, and no credits.
    pub const NO_PAYMENT_METHOD: Self = Self(1);
    /// What was spent has reached the spend limit.
    pub const SPEND_LIMIT: Self = Self(2);

    const JOINED: [&'static str; 4] =
        ["", "no_payment_method", "spend_limit", "no_payment_method,spend_limit"];

    /// These reasons and, if `holds`, `other` too.
    #[must_use]
    pub const fn with(self, other: Self, holds: bool) -> Self {
        if holds { Self(self.0 | other.0) } else { self }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_joined_in_their_order() {
        let both =
            Reasons::NONE.with(Reasons::SPEND_LIMIT, true).with(Reasons::NO_PAYMENT_METHOD, true);
        assert_eq!(both.standing(), "no_payment_method,spend_limit");
        assert_eq!(Reasons::NONE.with(Reasons::SPEND_LIMIT, false).standing(), "active");
        assert_eq!((Reasons::NONE.joined(), Reasons::SPEND_LIMIT.joined()), ("", "spend_limit"));
    }
}
