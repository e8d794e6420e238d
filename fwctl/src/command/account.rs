//! `fwctl account show ACCOUNT`

use std::os::unix::ffi::OsStrExt;

use serde_json::{Map, Value as Json};

use super::billing::standing;
use super::{One, quota};
use crate::failure::Failure;
use crate::output::{HEAD, styled};
use crate::reply::Row;
use crate::session::Session;
use crate::text::{dollars, exact, grouped, shown, utc};

/// Prints everything about an account: FW.GET and FW.QUOTAS.
pub fn show(one: &One, fw: &mut Session) -> Result<(), Failure> {
    if fw.output.is_json() {
        let all = json(one, fw)?;
        return fw.output.document(&Json::Object(all));
    }
    let (row, limits) = read(one, fw)?;
    let key = fw.keys.key(&one.account);
    let is_window = |limit: &&Row| {
        let name = limit.text("name").unwrap_or_default();
        matches!(name.split('@').next(), Some("requests" | "tokens"))
    };
    let (windows, others): (Vec<&Row>, Vec<&Row>) = limits.iter().partition(is_window);
    let text = [
        format!("{}\n", styled(HEAD, &format!("Account {}", shown(one.account.as_bytes())))),
        lines(&about(&row, &shown(&key))?),
        format!("\n{}\n", styled(HEAD, "Money")),
        lines(&money(&row)?),
        format!("\n{}\n", styled(HEAD, "Windows, in any 60 seconds")),
        quota::table(windows)?.lines("  "),
        format!("\n{}\n", styled(HEAD, "Limits")),
        quota::table(others)?.lines("  "),
    ];
    fw.output.text(&text.concat())
}

fn read(one: &One, fw: &mut Session) -> Result<(Row, Vec<Row>), Failure> {
    let command = fw.about("FW.GET", &one.account);
    let row = Row::read(fw.view(&command, &one.account)?)?;
    Ok((row, quota::rows(one, fw)?))
}

/// All of it as JSON, with the names of FW.GET and FW.QUOTAS.
pub fn json(one: &One, fw: &mut Session) -> Result<Map<String, Json>, Failure> {
    let (row, limits) = read(one, fw)?;
    let mut all = Map::new();
    all.insert("account".to_owned(), Json::from(exact(one.account.as_bytes())));
    all.insert("key".to_owned(), Json::from(exact(&fw.keys.key(&one.account))));
    all.extend(row.json()?);
    all.insert("limits".to_owned(), quota::json(&limits)?);
    Ok(all)
}

type Line = (&'static str, String);

fn lines(lines: &[Line]) -> String {
    lines.iter().map(|(name, text)| format!("  {name:<15}  {text}\n")).collect()
}

fn about(row: &Row, key: &str) -> Result<Vec<Line>, Failure> {
    let mut lines = vec![("standing", standing(&row.text("standing")?))];
    let blocked = row.text("blocked_reason")?;
    if !blocked.is_empty() {
        lines.push(("blocked because", blocked));
    }
    lines.extend([
        ("payment method", row.text("payment_method")?),
        ("failed invoices", row.text("failed_invoices")?),
        ("open holds", grouped(&row.text("open_holds")?)),
        ("leases", grouped(&row.text("leases")?)),
        ("key", key.to_owned()),
        ("created", utc(row.integer("created_ms")?)),
    ]);
    Ok(lines)
}

fn money(row: &Row) -> Result<Vec<Line>, Failure> {
    let amount = |name: &str| Ok::<_, Failure>(dollars(&row.text(name)?));
    let (limit, source) = (amount("limit")?, row.text("limit_source")?);
    let next = row.text("next_tier")?;
    let next = match next.as_str() {
        "" => String::new(),
        _ => format!("; {} more history earns {next}", amount("next_tier_gap")?),
    };
    let (from, to) = (row.integer("period_start_ms")?, row.integer("period_end_ms")?);
    Ok(vec![
        ("spent", format!("{} of {limit} ({source})", amount("spent")?)),
        ("held", amount("held")?),
        ("remaining", amount("remaining")?),
        ("credits", format!("{}, and {} promo", amount("credits")?, amount("promo")?)),
        ("owed", amount("owed")?),
        ("history", amount("history")?),
        ("tier", format!("{} ({}){next}", row.text("tier")?, row.text("tier_source")?)),
        ("month", format!("{} to {}, anchor day {}", utc(from), utc(to), row.text("anchor_day")?)),
        ("month before", format!("{} spent", amount("previous_spent")?)),
    ])
}
