//! What the dashboard shows, as JSON: of the servers, and of an account.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use redis::Value;
use serde_json::{Map, Value as Json, json};

use super::rows::Rows;
use super::{One, account};
use crate::connect::connect;
use crate::failure::Failure;
use crate::reply::bytes;
use crate::session::Session;
use crate::text::exact;

/// The counts of INFO fw of every primary.
pub fn fleet(fw: &mut Session) -> Result<Json, Failure> {
    let primaries = fw.server.leaders()?;
    let nodes = primaries.iter().map(|address| {
        let counts = connect(address).and_then(|mut line| {
            let text: String = redis::cmd("INFO").arg("fw").query(&mut line)?;
            counts(&text)
        });
        let node = address.addr().to_string();
        match counts {
            Ok(counts) => json!({ "node": node, "up": true, "counts": counts }),
            Err(failure) => json!({ "node": node, "up": false, "error": failure.text() }),
        }
    });
    let nodes: Vec<Json> = nodes.collect();
    Ok(json!({ "nodes": nodes }))
}

fn counts(text: &str) -> Result<BTreeMap<String, u64>, Failure> {
    let rows = text.lines().filter_map(|row| row.strip_prefix("fw_")?.split_once(':'));
    let counts = rows.map(|(name, count)| Some((name.to_owned(), count.trim().parse().ok()?)));
    let counts: Option<BTreeMap<String, u64>> = counts.collect();
    let counts = counts.ok_or_else(|| Failure::reply("INFO fw"))?;
    if counts.is_empty() {
        return Err(Failure::Refused("the server has no fw module: INFO fw is empty".to_owned()));
    }
    Ok(counts)
}

/// Everything about an account: `account show`, `holds`, `leases` and `log` in one, and the windows as
/// FW.PEEK has them.
pub fn account(name: &OsStr, fw: &mut Session) -> Result<Json, Failure> {
    let one = One { account: name.to_owned() };
    let rows = Rows::of(name);
    let mut all = account::json(&one, fw)?;
    all.insert("now_ms".to_owned(), Json::from(fw.now()));
    all.insert("next".to_owned(), next(name, fw)?);
    all.insert("open".to_owned(), rows.holds_json(fw)?);
    all.insert("leased".to_owned(), rows.leases_json(fw)?);
    all.insert("log".to_owned(), rows.log_json(fw)?);
    Ok(Json::Object(all))
}

/// What a plain request would be answered, and when the windows of the account are whole again.
fn next(name: &OsStr, fw: &mut Session) -> Result<Json, Failure> {
    let mut command = fw.about("FW.PEEK", name);
    command.arg(&["TOKENS", "0"]);
    let Value::Array(reply) = fw.server.call(&command)? else {
        return Err(Failure::reply("no verdict"));
    };
    let word = |at: usize| reply.get(at).and_then(bytes).map(|word| Json::from(exact(&word)));
    let count = |at: usize| match reply.get(at) {
        Some(Value::Int(count)) => Some(Json::from(*count)),
        _ => None,
    };
    let names = [
        ("verdict", word(0)),
        ("policy", word(1)),
        ("requests_reset_ms", count(4)),
        ("retry_after_ms", count(5)),
        ("tokens_reset_ms", count(8)),
    ];
    let fields = names.map(|(name, value)| Some((name.to_owned(), value?)));
    let fields: Option<Map<String, Json>> = fields.into_iter().collect();
    fields.map(Json::Object).ok_or_else(|| Failure::reply("no verdict"))
}
