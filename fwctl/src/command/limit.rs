//! `fwctl limit set ACCOUNT NAME [--value v|default] [--max v|default]`

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use serde_json::Value as Json;

use super::quota;
use crate::failure::Failure;
use crate::reply::Row;
use crate::session::Session;

/// Sets a limit of an account's own.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true)))]
pub struct Set {
    /// The account's name, without the prefix of its key
    account: OsString,
    /// requests, tokens, requests@SCOPE, tokens@SCOPE, concurrency, spend, or a quota
    name: OsString,
    /// What the customer chose, at most MAX: a figure (dollars for spend), unlimited, or default
    #[arg(long, group = "what")]
    value: Option<String>,
    /// What the operator approved: a figure, unlimited, or default (the platform's or the tier's)
    #[arg(long, group = "what")]
    max: Option<String>,
}

impl Set {
    /// Sets it, and prints the limit's row.
    pub fn run(&self, fw: &mut Session) -> Result<(), Failure> {
        let mut command = fw.about("FW.LIMIT", &self.account);
        command.arg(self.name.as_bytes());
        for (word, figure) in [("VALUE", &self.value), ("MAX", &self.max)] {
            if let Some(figure) = figure {
                command.arg(word).arg(figure);
            }
        }
        let row = Row::read(fw.server.call(&command)?)?;
        if fw.output.is_json() {
            return fw.output.document(&Json::Object(row.json()?));
        }
        let text = quota::table([&row])?.lines("");
        fw.output.text(&text)
    }
}
