//! Settings: the platform's figures as text, in redis.conf and CONFIG SET.
//!
//! One table says of each setting how it is read and shown. A value that does not read is refused
//! with a reason, and the old one stays.

use super::args::{Args, count};
use crate::engine::bounds::{HOLD_TTL_MS, QUOTAS, THRESHOLDS, YEAR_MS};
use crate::engine::id::Name;
use crate::engine::limit::{Limit, Units};
use crate::engine::money::Money;
use crate::engine::month::Anchor;
use crate::engine::policy::{NewAccounts, Policy};
use crate::engine::tier::{Tier, Tiers};
use crate::engine::time::Millis;

/// All settings in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The platform's figures.
    pub policy: Policy,
    /// Whether FW.CLOCK may move the clock.
    pub test_clock: bool,
}

/// When a setting can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// At any time.
    Anytime,
    /// At the start only.
    AtStart,
}

/// One setting.
pub struct Setting {
    /// Its name, without `fw.`.
    pub name: &'static str,
    /// What it is, and which values it takes.
    pub means: &'static str,
    /// When it can be changed.
    pub change: Change,
    /// Reads a value and puts it in force, or says what a value must be.
    pub set: fn(&mut Settings, &[u8]) -> Result<(), &'static str>,
    /// Shows the value in force.
    pub show: fn(&Settings) -> String,
}

/// Every setting, in the order of the documentation.
pub static SETTINGS: [Setting; 14] = [
    anytime(
        "new-accounts",
        "what a command does about an account that does not exist: reject, open or prepaid",
        set_new_accounts,
        show_new_accounts,
    ),
    anytime(
        "requests-per-minute",
        "requests in any 60 seconds: a count, or unlimited",
        |all, text| limit(text).map(|limit| all.policy.requests = limit),
        |all| show_limit(all.policy.requests),
    ),
    anytime(
        "tokens-per-minute",
        "tokens in any 60 seconds: a count, or unlimited",
        |all, text| limit(text).map(|limit| all.policy.tokens = limit),
        |all| show_limit(all.policy.tokens),
    ),
    anytime(
        "concurrency",
        "open holds: a count, or unlimited",
        |all, text| limit(text).map(|limit| all.policy.concurrency = limit),
        |all| show_limit(all.policy.concurrency),
    ),
    anytime(
        "tiers",
        "name, monthly limit (or unlimited), and history that earns it; 1 to 64 rows",
        |all, text| tiers(text).map(|tiers| all.policy.tiers = tiers),
        |all| show_tiers(&all.policy.tiers),
    ),
    anytime(
        "quotas",
        "name, and count or unlimited; up to 64 rows, or empty",
        |all, text| quotas(text).map(|quotas| all.policy.quotas = quotas),
        |all| show_quotas(&all.policy.quotas),
    ),
    anytime(
        "anchor-day",
        "day on which months begin, 1 to 31",
        |all, text| anchor(text).map(|anchor| all.policy.anchor = anchor),
        |all| all.policy.anchor.day().to_string(),
    ),
    anytime(
        "thresholds",
        "per cents of the spend limit that are events; up to 8 from 1 to 100, rising, or empty",
        |all, text| thresholds(text).map(|thresholds| all.policy.thresholds = thresholds),
        |all| joined(all.policy.thresholds.iter(), " "),
    ),
    anytime(
        "hold-ttl-ms",
        "how long a hold stays open if FW.ADMIT does not say; 1 to 86400000",
        |all, text| hold_ttl(text).map(|span| all.policy.hold_ttl = span),
        |all| all.policy.hold_ttl.0.to_string(),
    ),
    anytime(
        "lease-ttl-ms",
        "how long a lease lasts if FW.QUOTA does not say; 0 to 31536000000, 0 never lapses",
        |all, text| year(text).map(|span| all.policy.lease_ttl = span),
        |all| all.policy.lease_ttl.0.to_string(),
    ),
    anytime(
        "hold-memory-ms",
        "how long closed and lapsed holds are remembered; 0 to 31536000000",
        |all, text| year(text).map(|span| all.policy.hold_memory = span),
        |all| all.policy.hold_memory.0.to_string(),
    ),
    anytime(
        "spend-memory-ms",
        "how long the ids of FW.SPEND are remembered; 0 to 31536000000",
        |all, text| year(text).map(|span| all.policy.spend_memory = span),
        |all| all.policy.spend_memory.0.to_string(),
    ),
    anytime(
        "billing-memory-ms",
        "how long the ids of FW.TOPUP, FW.REFUND and FW.INVOICE are remembered; 0 to 31536000000",
        |all, text| year(text).map(|span| all.policy.billing_memory = span),
        |all| all.policy.billing_memory.0.to_string(),
    ),
    Setting {
        name: "test-clock",
        means: "yes enables FW.CLOCK, for tests only",
        change: Change::AtStart,
        set: |all, text| yes_or_no(text).map(|yes| all.test_clock = yes),
        show: |all| if all.test_clock { "yes" } else { "no" }.to_owned(),
    },
];

const fn anytime(
    name: &'static str,
    means: &'static str,
    set: fn(&mut Settings, &[u8]) -> Result<(), &'static str>,
    show: fn(&Settings) -> String,
) -> Setting {
    Setting { name, means, change: Change::Anytime, set, show }
}

fn set_new_accounts(all: &mut Settings, text: &[u8]) -> Result<(), &'static str> {
    let modes = [NewAccounts::Reject, NewAccounts::Open, NewAccounts::Prepaid];
    let found = modes.into_iter().find(|mode| Args::is(text, mode_word(*mode)));
    all.policy.new_accounts = found.ok_or("must be reject, open or prepaid")?;
    Ok(())
}

fn show_new_accounts(all: &Settings) -> String {
    mode_word(all.policy.new_accounts).to_owned()
}

const fn mode_word(mode: NewAccounts) -> &'static str {
    match mode {
        NewAccounts::Reject => "reject",
        NewAccounts::Open => "open",
        NewAccounts::Prepaid => "prepaid",
    }
}

fn yes_or_no(text: &[u8]) -> Result<bool, &'static str> {
    match (Args::is(text, "yes"), Args::is(text, "no")) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err("must be yes or no"),
    }
}

fn limit(text: &[u8]) -> Result<Limit<Units>, &'static str> {
    if Args::is(text, "unlimited") {
        return Ok(Limit::Unlimited);
    }
    let units = count(text).and_then(Units::new);
    units.map(Limit::At).ok_or("must be a whole number from 0, or unlimited")
}

fn anchor(text: &[u8]) -> Result<Anchor, &'static str> {
    let day = count(text).and_then(|day| u8::try_from(day).ok());
    day.and_then(Anchor::new).ok_or("must be a day of the month, 1 to 31")
}

fn year(text: &[u8]) -> Result<Millis, &'static str> {
    let span = count(text).filter(|span| *span <= YEAR_MS);
    span.map(Millis).ok_or("must be milliseconds, 0 to 31536000000")
}

fn hold_ttl(text: &[u8]) -> Result<Millis, &'static str> {
    let span = count(text).filter(|span| (1..=HOLD_TTL_MS).contains(span));
    span.map(Millis).ok_or("must be milliseconds, 1 to 86400000")
}

fn thresholds(text: &[u8]) -> Result<Vec<u8>, &'static str> {
    const RULE: &str = "must be 0 to 8 whole per cents from 1 to 100, rising";
    let mut rows = Vec::new();
    for word in words(text) {
        let per_cent = count(word).and_then(|number| u8::try_from(number).ok());
        let per_cent = per_cent.filter(|number| (1..=100).contains(number)).ok_or(RULE)?;
        if rows.len() >= THRESHOLDS || rows.last().is_some_and(|last| *last >= per_cent) {
            return Err(RULE);
        }
        rows.push(per_cent);
    }
    Ok(rows)
}

fn tiers(text: &[u8]) -> Result<Tiers, &'static str> {
    const RULE: &str = "each tier must be a name, a monthly limit and the history that earns it";
    let mut rows = Vec::new();
    for row in text.split(|byte| *byte == b';') {
        let mut words = words(row);
        let (Some(name), Some(limit), Some(history), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(RULE);
        };
        let limit = match limit {
            word if Args::is(word, "unlimited") => Limit::Unlimited,
            word => Limit::At(Money::parse(word).ok_or(RULE)?),
        };
        let name = Name::new(name).ok_or(RULE)?;
        rows.push(Tier { name, limit, history: Money::parse(history).ok_or(RULE)? });
        if rows.len() > crate::engine::bounds::TIERS {
            break;
        }
    }
    Tiers::new(rows)
}

fn quotas(text: &[u8]) -> Result<Vec<(Name, Limit<Units>)>, &'static str> {
    const RULE: &str = "each quota must be a name and a whole number, or unlimited";
    const TAKEN: [&[u8]; 5] = [b"requests", b"tokens", b"concurrency", b"spend", b"ttl"];
    let mut rows: Vec<(Name, Limit<Units>)> = Vec::new();
    if words(text).next().is_none() {
        return Ok(rows);
    }
    for row in text.split(|byte| *byte == b';') {
        let mut words = words(row);
        let (Some(name), Some(most), None) = (words.next(), words.next(), words.next()) else {
            return Err(RULE);
        };
        let name = Name::new(name).ok_or(RULE)?;
        if TAKEN.contains(&name.as_bytes()) {
            return Err("requests, tokens, concurrency, spend and ttl cannot be names of quotas");
        }
        if rows.len() >= QUOTAS || rows.iter().any(|(other, _)| *other == name) {
            return Err("there must be at most 64 quotas, each with a name of its own");
        }
        rows.push((name, limit(most).map_err(|_| RULE)?));
    }
    Ok(rows)
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

fn show_limit(limit: Limit<Units>) -> String {
    match limit {
        Limit::At(units) => units.count().to_string(),
        Limit::Unlimited => "unlimited".to_owned(),
    }
}

fn show_tiers(tiers: &Tiers) -> String {
    let row = |tier: &Tier| {
        let limit = match tier.limit {
            Limit::At(money) => money.to_string(),
            Limit::Unlimited => "unlimited".to_owned(),
        };
        format!("{} {limit} {}", tier.name.as_str(), tier.history)
    };
    joined(tiers.rows().iter().map(row), "; ")
}

fn show_quotas(quotas: &[(Name, Limit<Units>)]) -> String {
    let row = |(name, limit): &(Name, _)| format!("{} {}", name.as_str(), show_limit(*limit));
    joined(quotas.iter().map(row), "; ")
}

fn joined(rows: impl Iterator<Item = impl ToString>, between: &str) -> String {
    rows.map(|row| row.to_string()).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, text: &str) -> Result<String, &'static str> {
        let setting = SETTINGS.iter().find(|setting| setting.name == name).expect("a setting");
        let mut settings = Settings::default();
        (setting.set)(&mut settings, text.as_bytes())?;
        Ok((setting.show)(&settings))
    }

    #[test]
    fn every_default_reads_back_as_itself() {
        for setting in &SETTINGS {
            let shown = (setting.show)(&Settings::default());
            assert_eq!(set(setting.name, &shown).as_ref(), Ok(&shown), "{}", setting.name);
        }
    }

    #[test]
    fn the_default_profile_is_the_documented_one() {
        let shown = |name| {
            let setting: Option<&Setting> = SETTINGS.iter().find(|s| s.name == name);
            setting.map(|setting| (setting.show)(&Settings::default())).expect("a setting")
        };
        let tiers = "tier-1 50 0; tier-2 500 100; tier-3 5000 1000; tier-4 50000 10000";
        assert_eq!(shown("tiers"), tiers);
        assert_eq!(shown("quotas"), "deployed-models 100; a100 8; h100 8");
        assert_eq!((shown("new-accounts"), shown("test-clock")), ("reject".into(), "no".into()));
    }

    #[test]
    fn what_does_not_read_is_refused() {
        for (name, text) in [
            ("new-accounts", "closed"),
            ("requests-per-minute", "-1"),
            ("tiers", ""),
            ("tiers", "a 1 0;"),
            ("tiers", "a 1 0; b 2 0"),
            ("tiers", "none 1 0"),
            ("quotas", "ttl 1"),
            ("quotas", "a 1; a 2"),
            ("anchor-day", "32"),
            ("thresholds", "50 50"),
            ("thresholds", "0"),
            ("hold-ttl-ms", "0"),
            ("lease-ttl-ms", "31536000001"),
            ("test-clock", "maybe"),
        ] {
            assert!(set(name, text).is_err(), "{name} {text}");
        }
        assert_eq!(set("quotas", ""), Ok(String::new()));
        assert_eq!(set("quotas", "a Unlimited;b 1"), Ok("a unlimited; b 1".to_owned()));
        assert_eq!(set("thresholds", ""), Ok(String::new()));
        assert_eq!(set("tiers", "a UNLIMITED 0"), Ok("a unlimited 0".to_owned()));
    }
}
