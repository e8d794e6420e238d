//! `fwctl explain ACCOUNT [--cost n] [--scope s] [--tokens n] [--hold amount]`

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::time::SystemTime;

use redis::Value;
use serde_json::{Value as Json, json};

use crate::failure::Failure;
use crate::output::{BAD, DOUBTFUL, GOOD, styled};
use crate::reply::bytes;
use crate::session::Session;
use crate::text::exact;

/// Tells every check of a request, which one decides, and what would help.
///
/// DENY decides; fail would deny if nothing before it did. The exit code is 0 if the request would be
/// admitted, 4 if it would be denied, 3 if there is no such account.
#[derive(Debug, clap::Args)]
pub struct Explain {
    /// The account's name, without the prefix of its key
    pub account: OsString,
    /// Requests that it takes; 1 if not given
    #[arg(long, value_name = "N")]
    pub cost: Option<String>,
    /// The model, or another sub-limit
    #[arg(long)]
    pub scope: Option<OsString>,
    /// Tokens that it reserves
    #[arg(long, value_name = "N")]
    pub tokens: Option<String>,
    /// Dollars that it sets aside
    #[arg(long, value_name = "AMOUNT")]
    pub hold: Option<String>,
}

impl Explain {
    /// Explains, and fails if the request would be denied.
    pub fn run(&self, fw: &mut Session) -> Result<(), Failure> {
        let told = self.ask(fw)?;
        let account = exact(self.account.as_bytes());
        let text =
            if fw.output.is_json() { format!("{:#}\n", told.json(&account)) } else { told.lines() };
        fw.output.text(&text)?;
        match told.verdict() {
            "OK" | "DUPLICATE" => Ok(()),
            "UNKNOWN_ACCOUNT" => Err(fw.no_account(&self.account)),
            _ => Err(Failure::Denied),
        }
    }

    /// Explains in JSON.
    pub fn json(&self, fw: &mut Session) -> Result<Json, Failure> {
        Ok(self.ask(fw)?.json(&exact(self.account.as_bytes())))
    }

    fn ask(&self, fw: &mut Session) -> Result<Told, Failure> {
        let mut command = fw.about("FW.EXPLAIN", &self.account);
        for (word, value) in [("COST", &self.cost), ("TOKENS", &self.tokens)] {
            if let Some(value) = value {
                command.arg(word).arg(value);
            }
        }
        if let Some(scope) = &self.scope {
            command.arg("SCOPE").arg(scope.as_bytes());
        }
        if let Some(amount) = &self.hold {
            command.arg("HOLD").arg(new_id()).arg(amount);
        }
        Told::read(fw.server.call(&command)?)
    }
}

/// An id that no hold has: with one that is known there is another answer.
fn new_id() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let nanos = now.map_or(0, |since| since.as_nanos());
    format!("fwctl-{}-{nanos}", std::process::id())
}

/// The lines of FW.EXPLAIN.
struct Told(Vec<String>);

impl Told {
    fn read(reply: Value) -> Result<Self, Failure> {
        let Value::Array(lines) = reply else { return Err(Failure::reply("no lines")) };
        let lines = lines.iter().map(|line| bytes(line).map(|line| exact(&line)));
        let lines: Option<Vec<String>> = lines.collect();
        lines.filter(|lines| !lines.is_empty()).map(Self).ok_or_else(|| Failure::reply("no lines"))
    }

    fn first(&self) -> (&str, &str) {
        let first = self.0.first().map_or("", String::as_str);
        first.split_once(' ').unwrap_or((first, ""))
    }

    fn verdict(&self) -> &str {
        self.first().0
    }

    fn lines(&self) -> String {
        let (verdict, policy) = self.first();
        let style = if matches!(verdict, "OK" | "DUPLICATE") { GOOD } else { BAD };
        let mut text = format!("{} {policy}", styled(style, verdict)).trim_end().to_owned() + "\n";
        for line in self.0.iter().skip(1) {
            let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
            let style = match mark {
                "pass" => GOOD,
                "DENY" => BAD,
                _ => DOUBTFUL,
            };
            text.push_str(&format!("{} {rest}\n", styled(style, mark)));
        }
        text
    }

    fn json(&self, account: &str) -> Json {
        let (verdict, policy) = self.first();
        let checks = self.0.iter().skip(1).map(|line| {
            let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
            let (check, text) = rest.split_once(": ").unwrap_or(("", rest));
            json!({ "check": check, "result": mark, "text": text })
        });
        let checks: Vec<Json> = checks.collect();
        json!({ "account": account, "verdict": verdict, "policy": policy, "checks": checks })
    }
}
