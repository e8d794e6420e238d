//! Time, as the engine is told it.
//!
//! One unit: milliseconds, as an instant since 1970 (UTC) or as a span. The engine never asks what
//! time it is.
//! Invariant: an instant that entered through [`Millis::clock`] lies in `0..=Millis::LAST`.

/// Milliseconds: an instant since the Unix epoch, or a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub i64);

impl Millis {
    /// The epoch, and the empty span.
    pub const ZERO: Self = Self(0);
    /// The last instant the engine works with: the beginning of the year 3000. It leaves room to
    /// add any span of [`crate::engine::bounds`] and to name the next month.
    pub const LAST: Self = Self(32_503_680_000_000);
    /// An instant after all others: what never comes.
    pub const NEVER: Self = Self(i64::MAX);

    /// Takes a clock's reading, held within what the engine works with.
    #[must_use]
    pub fn clock(reading: i64) -> Self {
        Self(reading.clamp(0, Self::LAST.0))
    }

    /// The instant `span` later, or [`Millis::NEVER`] if there is none.
    #[must_use]
    pub const fn plus(self, span: Self) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// The span from `earlier` to this instant; negative if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_out_of_range_is_held_within_it() {
        assert_eq!(Millis::clock(-5), Millis::ZERO);
        assert_eq!(Millis::clock(i64::MAX), Millis::LAST);
        assert_eq!(Millis::clock(1_000), Millis(1_000));
    }

    #[test]
    fn arithmetic_at_the_edges_saturates() {
        assert_eq!(Millis::NEVER.plus(Millis(1)), Millis::NEVER);
        assert_eq!(Millis(5).since(Millis(7)), Millis(-2));
    }
}
