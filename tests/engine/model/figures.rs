//! The platform's figures as the model reads them, and what is counted without bound.

/// Above every amount.
pub const UNLIMITED: i128 = i128::MAX;
/// The largest amount that fits.
pub const MOST: i128 = i64::MAX as i128;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Reject,
    Open,
    Prepaid,
}

#[derive(Clone, Debug)]
pub struct TierRow {
    pub name: String,
    pub limit: i128,
    pub history: i128,
}

#[derive(Clone, Debug)]
pub struct Figures {
    pub new_accounts: Mode,
    pub requests: i128,
    pub tokens: i128,
    pub concurrency: i128,
    pub tiers: Vec<TierRow>,
    pub quotas: Vec<(String, i128)>,
    pub anchor: u8,
    pub hold_ttl: i64,
    pub lease_ttl: i64,
    pub hold_memory: i64,
    pub spend_memory: i64,
    pub billing_memory: i64,
    pub thresholds: Vec<u8>,
}

impl Figures {
    /// The default profile.
    pub fn default_profile() -> Self {
        let dollars = |dollars: i128| dollars * 1_000_000_000;
        let row = |(name, limit, history): (&str, i128, i128)| TierRow {
            name: name.to_owned(),
            limit: dollars(limit),
            history: dollars(history),
        };
        let tiers = [
            ("tier-1", 50, 0),
            ("tier-2", 500, 100),
            ("tier-3", 5_000, 1_000),
            ("tier-4", 50_000, 10_000),
        ];
        let quotas = [("deployed-models", 100), ("a100", 8), ("h100", 8)];
        Self {
            new_accounts: Mode::Reject,
            requests: 600,
            tokens: UNLIMITED,
            concurrency: UNLIMITED,
            tiers: tiers.into_iter().map(row).collect(),
            quotas: quotas.into_iter().map(|(name, most)| (name.to_owned(), most)).collect(),
            anchor: 1,
            hold_ttl: 60_000,
            lease_ttl: 600_000,
            hold_memory: 600_000,
            spend_memory: 86_400_000,
            billing_memory: 3_456_000_000,
            thresholds: vec![50, 80, 90, 100],
        }
    }

    /// The place of a tier in the table.
    pub fn tier(&self, name: &str) -> Option<usize> {
        self.tiers.iter().position(|row| row.name == name)
    }

    /// The limit of a quota that the platform has.
    pub fn quota(&self, name: &str) -> Option<i128> {
        self.quotas.iter().find(|(quota, _)| quota == name).map(|(_, most)| *most)
    }
}
