//! `fwctl holds ACCOUNT`, `fwctl leases ACCOUNT` and `fwctl log ACCOUNT`, each with `[-n N]`.
//!
//! Times are UTC, and spans count from the server's time.

use std::ffi::{OsStr, OsString};

use redis::Value;
use serde_json::Value as Json;

use super::quota;
use crate::failure::Failure;
use crate::output::{Column, Table};
use crate::reply::{Row, json};
use crate::session::Session;
use crate::text::{dollars, grouped, span, utc};

/// Rows that are shown if nothing else is said.
const COUNT: u64 = 100;

/// Rows of an account.
#[derive(Debug, clap::Args)]
pub struct Rows {
    /// The account's name, without the prefix of its key
    account: OsString,
    /// At most so many rows
    #[arg(short = 'n', value_name = "N", default_value_t = COUNT)]
    count: u64,
}

impl Rows {
    /// As many rows as the commands show if nothing else is said.
    pub fn of(account: &OsStr) -> Self {
        Self { account: account.to_owned(), count: COUNT }
    }

    /// The open holds as JSON.
    pub fn holds_json(&self, fw: &mut Session) -> Result<Json, Failure> {
        quota::json(&self.rows("FW.HOLDS", fw)?)
    }

    /// The leases as JSON.
    pub fn leases_json(&self, fw: &mut Session) -> Result<Json, Failure> {
        self.rows("FW.LEASES", fw)?.iter().map(lease).collect()
    }

    /// The log as JSON.
    pub fn log_json(&self, fw: &mut Session) -> Result<Json, Failure> {
        quota::json(&self.rows("FW.LOG", fw)?)
    }

    /// Prints the open holds.
    pub fn holds(&self, fw: &mut Session) -> Result<(), Failure> {
        if fw.output.is_json() {
            let json = self.holds_json(fw)?;
            return fw.output.document(&json);
        }
        let rows = self.rows("FW.HOLDS", fw)?;
        let now = fw.now();
        let mut table = Table::new(&[
            Column::Left("ID"),
            Column::Right("AMOUNT"),
            Column::Right("CHARGED"),
            Column::Right("HELD"),
            Column::Right("TOKENS"),
            Column::Left("SCOPE"),
            Column::Left("ADMITTED"),
            Column::Right("AGE"),
            Column::Right("LAPSES IN"),
        ]);
        for row in &rows {
            let (admitted, lapses) = (row.integer("admitted_ms")?, row.integer("lapses_ms")?);
            table.row([
                row.text("id")?,
                dollars(&row.text("amount")?),
                dollars(&row.text("charged")?),
                dollars(&row.text("held")?),
                grouped(&row.text("tokens")?),
                row.text("scope")?,
                utc(admitted),
                span(now.saturating_sub(admitted)),
                span(lapses.saturating_sub(now)),
            ]);
        }
        fw.output.text(&table.lines(""))
    }

    /// Prints the leases.
    pub fn leases(&self, fw: &mut Session) -> Result<(), Failure> {
        if fw.output.is_json() {
            let json = self.leases_json(fw)?;
            return fw.output.document(&json);
        }
        let rows = self.rows("FW.LEASES", fw)?;
        let now = fw.now();
        let mut table = Table::new(&[
            Column::Left("ID"),
            Column::Right("TOKEN"),
            Column::Left("QUOTAS"),
            Column::Right("TTL"),
            Column::Left("LAPSES"),
            Column::Right("LAPSES IN"),
        ]);
        for row in &rows {
            let quotas = quotas(row)?;
            let quotas = quotas.integers()?;
            let quotas = quotas.iter().map(|(name, count)| format!("{name} {count}"));
            let quotas = quotas.collect::<Vec<_>>().join(", ");
            let (ttl, lapses) = (row.integer("ttl_ms")?, row.integer("lapses_ms")?);
            let never = || "never".to_owned();
            table.row([
                row.text("id")?,
                row.text("token")?,
                quotas,
                if ttl < 0 { never() } else { span(ttl) },
                if lapses < 0 { never() } else { utc(lapses) },
                if lapses < 0 { String::new() } else { span(lapses.saturating_sub(now)) },
            ]);
        }
        fw.output.text(&table.lines(""))
    }

    /// Prints the log.
    pub fn log(&self, fw: &mut Session) -> Result<(), Failure> {
        if fw.output.is_json() {
            let json = self.log_json(fw)?;
            return fw.output.document(&json);
        }
        let rows = self.rows("FW.LOG", fw)?;
        let now = fw.now();
        let mut table = Table::new(&[
            Column::Left("TIME"),
            Column::Right("AGO"),
            Column::Left("EVENT"),
            Column::Left("CAUSE"),
        ]);
        for row in &rows {
            let time = row.integer("time_ms")?;
            let ago = span(now.saturating_sub(time));
            table.row([utc(time), ago, row.text("event")?, row.text("cause")?]);
        }
        fw.output.text(&table.lines(""))
    }

    fn rows(&self, view: &str, fw: &mut Session) -> Result<Vec<Row>, Failure> {
        let mut command = fw.about(view, &self.account);
        command.arg("COUNT").arg(self.count);
        let reply = fw.view(&command, &self.account)?;
        Row::read_all(reply)?.ok_or_else(|| Failure::reply("no rows"))
    }
}

/// A lease's counts, which are a map of their own.
fn quotas(row: &Row) -> Result<Row, Failure> {
    Row::read(row.value("quotas")?.clone())
}

fn lease(row: &Row) -> Result<Json, Failure> {
    let counts = quotas(row)?.json()?;
    let fields = ["id", "token", "quotas", "ttl_ms", "lapses_ms"].map(|name| {
        let value: &Value = row.value(name)?;
        let value = if name == "quotas" { Json::Object(counts.clone()) } else { json(value)? };
        Ok((name.to_owned(), value))
    });
    fields.into_iter().collect::<Result<_, Failure>>().map(Json::Object)
}
