//! Tiers: monthly spending limits that grow with an account's history.
//!
//! The table is the platform's. A row's place in it is its rank. The first row is earned by a
//! payment method, the others by history alone.
//! Invariant: 1 to 64 rows with unique names; the first earns at 0, the others at strictly more
//! than the row before.

use super::bounds::TIERS;
use super::id::Name;
use super::limit::Limit;
use super::money::Money;

/// One row of the tier table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// What it is called.
    pub name: Name,
    /// What may be spent in a month.
    pub limit: Limit<Money>,
    /// The history that earns it.
    pub history: Money,
}

/// The tier table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiers(Vec<Tier>);

/// Names that FW.SET and replies give another meaning.
const RESERVED: [&[u8]; 3] = [b"none", b"auto", b"unlimited"];

impl Tiers {
    /// Takes rows in rising order.
    ///
    /// # Errors
    /// Says, in a few words, which rule of the table does not hold.
    pub fn new(rows: Vec<Tier>) -> Result<Self, &'static str> {
        if rows.is_empty() || rows.len() > TIERS {
            return Err("there must be 1 to 64 tiers");
        }
        if rows.first().is_some_and(|first| !first.history.is_zero()) {
            return Err("the first tier must be earned at history 0");
        }
        let pairs = || rows.iter().zip(rows.iter().skip(1));
        if pairs().any(|(lower, higher)| lower.history >= higher.history) {
            return Err("histories must rise from tier to tier");
        }
        if rows.iter().any(|row| RESERVED.contains(&row.name.as_bytes())) {
            return Err("none, auto and unlimited cannot be names of tiers");
        }
        let repeats = |(at, row): (usize, &Tier)| {
            rows.iter().skip(at.saturating_add(1)).any(|other| other.name == row.name)
        };
        if rows.iter().enumerate().any(repeats) {
            return Err("two tiers have the same name");
        }
        Ok(Self(rows))
    }

    /// Takes rows that are known to keep the rules, as the default profile's do.
    pub(in crate::engine) const fn new_checked(rows: Vec<Tier>) -> Self {
        Self(rows)
    }

    /// All rows, lowest first.
    #[must_use]
    pub fn rows(&self) -> &[Tier] {
        &self.0
    }

    /// A row by its rank.
    #[must_use]
    pub fn row(&self, rank: usize) -> Option<&Tier> {
        self.0.get(rank)
    }

    /// The rank of a name, or `None` if the table does not have it.
    #[must_use]
    pub fn rank(&self, name: &Name) -> Option<usize> {
        self.0.iter().position(|row| row.name == *name)
    }

    /// The limit of an account that has not earned a tier: the first tier's.
    #[must_use]
    pub fn first_limit(&self) -> Limit<Money> {
        self.0.first().map_or(Limit::At(Money::ZERO), |row| row.limit)
    }

    /// The rank that `history` earns from `rank` on; never below `rank`. The first row is not
    /// earned by history.
    #[must_use]
    pub fn risen(&self, rank: Option<usize>, history: Money) -> Option<usize> {
        let next = rank.map_or(1, |rank| rank.saturating_add(1));
        let higher = self.0.get(next..).unwrap_or_default();
        let earned = higher.iter().take_while(|row| row.history <= history).count();
        if earned == 0 { rank } else { Some(next.saturating_add(earned).saturating_sub(1)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tier(name: &str, history: u32) -> Tier {
        let name = Name::new(name.as_bytes()).expect("a name");
        Tier { name, limit: Limit::At(Money::dollars(50)), history: Money::dollars(history) }
    }

    fn tiers() -> Tiers {
        let rows = vec![tier("a", 0), tier("b", 100), tier("c", 1_000)];
        Tiers::new(rows).expect("a table")
    }

    #[test]
    fn a_table_keeps_its_rules() {
        let refused = |rows| Tiers::new(rows).is_err();
        assert!(refused(vec![]));
        assert!(refused(vec![tier("a", 1)]));
        assert!(refused(vec![tier("a", 0), tier("b", 5), tier("c", 5)]));
        assert!(refused(vec![tier("a", 0), tier("b", 5), tier("a", 6)]));
        assert!(refused(vec![tier("auto", 0)]));
        assert!(refused((0..65).map(|at| tier(&format!("t{at}"), at)).collect()));
        assert!(!refused((0..64).map(|at| tier(&format!("t{at}"), at)).collect()));
    }

    #[test]
    fn history_raises_and_never_lowers() {
        assert_eq!(tiers().risen(None, Money::dollars(99)), None);
        assert_eq!(tiers().risen(None, Money::dollars(100)), Some(1));
        assert_eq!(tiers().risen(Some(0), Money::dollars(5_000)), Some(2));
        assert_eq!(tiers().risen(Some(2), Money::ZERO), Some(2));
    }

    #[test]
    fn the_default_profile_keeps_the_rules_of_a_table() {
        let rows = crate::engine::policy::Policy::default().tiers.rows().to_vec();
        assert_eq!((rows.len(), Tiers::new(rows).is_ok()), (4, true));
    }
}
