//! Every maximum of the product, named once.
//!
//! Counts are per account unless said otherwise. A number that a client or a payload states is
//! compared with these before anything is allocated for it.

/// The longest id (hold, spend, lease, invoice, billing event) and the longest scope, in bytes.
pub const ID_BYTES: usize = 128;
/// The longest reason for which an operator blocks an account, in bytes.
pub const REASON_BYTES: usize = 256;
/// The longest name of a limit, quota or tier, in bytes.
pub const NAME_BYTES: usize = 64;

/// Holds open at once.
pub const HOLDS: usize = 10_000;
/// Holds stored at once: those open, and those that lapsed and are remembered.
pub const STORED_HOLDS: usize = 110_000;
/// Holds that were closed and are remembered.
pub const CLOSED_HOLDS: usize = 100_000;
/// Leases held at once.
pub const LEASES: usize = 1_000;
/// Quotas in one lease, those that have left the platform among them.
pub const LEASE_COUNTS: usize = 128;
/// Scoped limits set at once.
pub const SCOPED_LIMITS: usize = 64;
/// Quota limits set at once.
pub const QUOTA_LIMITS: usize = 64;
/// Spend ids remembered at once.
pub const SPEND_IDS: usize = 100_000;
/// Ids of top-ups, refunds and invoices remembered at once.
pub const BILLING_IDS: usize = 10_000;
/// Failed invoices at once.
pub const FAILED_INVOICES: usize = 1_000;
/// Names of tiers that were earned before the one earned last.
pub const FORMER_TIERS: usize = 64;
/// Forgotten ids that one command clears away at most, so that no command pays for all of them.
pub const FORGET_AT_ONCE: usize = 16;

/// Rows of the log of one account.
pub const LOG_ROWS: usize = 64;
/// Events that one command can tell of.
pub const EVENTS_AT_ONCE: usize = 16;
/// The longest cause of a row of the log, in bytes: an operator's reason, and room for words.
pub const CAUSE_BYTES: usize = 384;

/// Rows of the tier table.
pub const TIERS: usize = 64;
/// Quotas of the platform.
pub const QUOTAS: usize = 64;
/// Thresholds of the platform.
pub const THRESHOLDS: usize = 8;

/// Slots of one rate window that can be alive at once, with room to spare: they start at least
/// 1,000 ms apart and live 60,000 ms.
pub const WINDOW_SLOTS: usize = 62;

/// The longest time to live of a lease and the longest memory, in ms: 365 days.
pub const YEAR_MS: i64 = 31_536_000_000;
/// The longest time to live of a hold, in ms: one day.
pub const HOLD_TTL_MS: i64 = 86_400_000;
/// How far the clock may stand behind an account before the account follows it back, in ms.
pub const CLOCK_STEP_MS: i64 = 60_000;
/// The latest time FW.CLOCK sets: the beginning of the year 2100.
pub const TEST_CLOCK_MS: i64 = 4_102_444_800_000;
