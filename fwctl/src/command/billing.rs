//! `fwctl topup ACCOUNT AMOUNT --id ID [--promo]`, `fwctl suspend ACCOUNT REASON` and
//! `fwctl resume ACCOUNT`, which reply alike.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use redis::{Cmd, Value};
use serde_json::Value as Json;

use super::One;
use crate::failure::Failure;
use crate::output::{BAD, GOOD, styled};
use crate::reply::Row;
use crate::session::Session;
use crate::text::dollars;

/// The slots of the reply.
const SLOTS: [&str; 7] = ["result", "spent", "limit", "held", "credits", "tier", "standing"];

/// Records credits, exactly once for each id.
#[derive(Debug, clap::Args)]
pub struct TopUp {
    /// The account's name, without the prefix of its key
    account: OsString,
    /// Dollars with up to 9 decimals, above 0
    amount: String,
    /// Makes it count once: again with the same amount it is DUPLICATE, which is no failure
    #[arg(long)]
    id: OsString,
    /// Given and not bought: pays nothing that is owed, earns no tier, is used up first
    #[arg(long)]
    promo: bool,
}

impl TopUp {
    /// Records them.
    pub fn run(&self, fw: &mut Session) -> Result<(), Failure> {
        let mut command = fw.about("FW.TOPUP", &self.account);
        command.arg(&self.amount).arg("ID").arg(self.id.as_bytes());
        if self.promo {
            command.arg("PROMO");
        }
        change(&command, fw)
    }
}

/// Blocks an account.
#[derive(Debug, clap::Args)]
pub struct Suspend {
    /// The account's name, without the prefix of its key
    account: OsString,
    /// Why: 1 to 256 bytes, shown by account show and log
    reason: OsString,
}

impl Suspend {
    /// Blocks it.
    pub fn run(&self, fw: &mut Session) -> Result<(), Failure> {
        let mut command = fw.about("FW.SUSPEND", &self.account);
        command.arg(self.reason.as_bytes());
        change(&command, fw)
    }
}

/// Ends a block.
pub fn resume(one: &One, fw: &mut Session) -> Result<(), Failure> {
    let command = fw.about("FW.RESUME", &one.account);
    change(&command, fw)
}

fn change(command: &Cmd, fw: &mut Session) -> Result<(), Failure> {
    let Value::Array(slots) = fw.server.call(command)? else {
        return Err(Failure::reply("no slots"));
    };
    let row = Row::of(SLOTS.into_iter().zip(slots));
    if fw.output.is_json() {
        return fw.output.document(&Json::Object(row.json()?));
    }
    let mut text = String::new();
    for name in SLOTS {
        let value = row.text(name)?;
        let value = match name {
            "result" | "tier" => value,
            "standing" => standing(&value),
            _ => dollars(&value),
        };
        text.push_str(&format!("{name:<8}  {value}\n"));
    }
    fw.output.text(&text)
}

/// The standing, or the reasons against it.
pub fn standing(standing: &str) -> String {
    match standing {
        "active" => styled(GOOD, standing),
        reasons => styled(BAD, &format!("suspended: {reasons}")),
    }
}
