//! `fwctl quota list ACCOUNT`, and rows of limits wherever they are shown.

use serde_json::Value as Json;

use super::One;
use crate::failure::Failure;
use crate::output::{Column, Table};
use crate::reply::Row;
use crate::session::Session;
use crate::text::figure;

const COLUMNS: [Column; 6] = [
    Column::Left("NAME"),
    Column::Right("LIMIT"),
    Column::Right("MAX"),
    Column::Right("USED"),
    Column::Right("REMAINING"),
    Column::Left("SOURCE"),
];

/// Prints every limit of an account.
pub fn list(one: &One, fw: &mut Session) -> Result<(), Failure> {
    let rows = rows(one, fw)?;
    if fw.output.is_json() {
        return fw.output.document(&json(&rows)?);
    }
    let text = table(&rows)?.lines("");
    fw.output.text(&text)
}

/// Every limit of an account.
pub fn rows(one: &One, fw: &mut Session) -> Result<Vec<Row>, Failure> {
    let command = fw.about("FW.QUOTAS", &one.account);
    let reply = fw.view(&command, &one.account)?;
    Row::read_all(reply)?.ok_or_else(|| Failure::reply("no limits"))
}

/// Rows as JSON, with the names of FW.QUOTAS.
pub fn json(rows: &[Row]) -> Result<Json, Failure> {
    rows.iter()
        .map(|row| row.json().map(Json::Object))
        .collect::<Result<Vec<_>, _>>()
        .map(Json::from)
}

/// Rows as a table.
pub fn table<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Result<Table, Failure> {
    let mut table = Table::new(&COLUMNS);
    for row in rows {
        let name = row.text("name")?;
        let read = |field: &str| Ok::<_, Failure>(figure(&name, &row.text(field)?));
        let (limit, max) = (read("limit")?, read("max")?);
        let (used, remaining) = (read("used")?, read("remaining")?);
        table.row([name, limit, max, used, remaining, row.text("source")?]);
    }
    Ok(table)
}
