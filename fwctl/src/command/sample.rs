//! Samples of accounts, bounded whatever the server holds.
//!
//! Each look walks a bounded number of keys by SCAN, from where the last one stopped, and reads again
//! the accounts that were shown. So what is busy stays in sight, and the walk comes to all keys.

use std::collections::{BTreeMap, HashMap};

use redis::{Connection, Value};

use crate::connect::connect;
use crate::failure::Failure;
use crate::reply::{Row, bytes};
use crate::session::Session;
use crate::text::shown;

/// Keys that one SCAN looks at: a server is busy with them for well under a millisecond.
const STEP: u64 = 250;
/// Accounts that are asked about before the replies are read.
const BATCH: usize = 100;
/// The limits that are looked at.
pub const LIMITS: [&str; 4] = ["requests", "tokens", "concurrency", "spend"];

/// An account, as it was when it was looked at.
pub struct Sampled {
    /// Its key.
    pub key: Vec<u8>,
    /// What a request of one token with a hold of $0 would be answered.
    pub verdict: String,
    /// What decides that.
    pub policy: String,
    /// What is used, and the limit, of each of [`LIMITS`].
    pub limits: [(String, String); 4],
    node: String,
}

impl Sampled {
    /// Whether a request would be denied now.
    pub fn is_denied(&self) -> bool {
        self.verdict != "OK"
    }

    /// Requests, tokens and holds: what busy accounts have more of.
    pub fn use_of(&self) -> [i64; 3] {
        let [requests, tokens, holds, _] = &self.limits;
        [requests, tokens, holds].map(|(used, _)| used.parse().unwrap_or(0))
    }
}

/// One look.
#[derive(Default)]
pub struct Sample {
    /// The keys of the servers, accounts and others.
    pub keys: u64,
    /// About how many of them were walked in this look.
    pub walked: u64,
    /// The accounts that were looked at.
    pub accounts: Vec<Sampled>,
    /// `admitted` and `denied_...` of INFO fw, of all servers together.
    pub counts: BTreeMap<String, u64>,
}

/// Where the walk is.
pub struct Walk {
    most: u64,
    cursors: HashMap<String, Vec<u8>>,
    watched: HashMap<String, Vec<Vec<u8>>>,
}

impl Walk {
    /// A walk of at most so many keys a look.
    pub fn new(most: u64) -> Self {
        Self { most, cursors: HashMap::new(), watched: HashMap::new() }
    }

    /// Looks.
    pub fn look(&mut self, fw: &Session) -> Result<Sample, Failure> {
        let nodes = fw.server.primaries(&[])?;
        let share = self.most.div_ceil(nodes.len().max(1) as u64);
        let glob = fw.keys.glob("*".as_ref());
        let mut sample = Sample::default();
        for address in &nodes {
            let place = address.addr().to_string();
            let found = self.watched.remove(&place).unwrap_or_default();
            let mut node = Node { place, line: connect(address)?, found };
            count(&mut node.line, &mut sample.counts)?;
            let keys: u64 = redis::cmd("DBSIZE").query(&mut node.line)?;
            let walked = self.walk(&mut node, share, &glob)?;
            sample.keys = sample.keys.saturating_add(keys);
            sample.walked = sample.walked.saturating_add(walked.min(keys));
            sample.accounts.extend(node.read()?);
        }
        Ok(sample)
    }

    /// Reads these accounts again in the next look.
    pub fn watch<'a>(&mut self, shown: impl IntoIterator<Item = &'a Sampled>) {
        self.watched.clear();
        for account in shown {
            self.watched.entry(account.node.clone()).or_default().push(account.key.clone());
        }
    }

    /// Walks on at one server, and tells how far.
    fn walk(&mut self, node: &mut Node, share: u64, glob: &[u8]) -> Result<u64, Failure> {
        let mut cursor = self.cursors.remove(&node.place).unwrap_or_else(|| b"0".to_vec());
        let mut walked: u64 = 0;
        while walked < share {
            let step = share.saturating_sub(walked).min(STEP);
            let mut scan = redis::cmd("SCAN");
            scan.arg(&cursor).arg("MATCH").arg(glob).arg("COUNT").arg(step);
            scan.arg("TYPE").arg("fwaccount");
            let (next, keys): (Vec<u8>, Vec<Vec<u8>>) = scan.query(&mut node.line)?;
            node.found.extend(keys);
            walked = walked.saturating_add(step);
            cursor = next;
            if cursor == b"0" {
                break;
            }
        }
        self.cursors.insert(node.place.clone(), cursor);
        Ok(walked)
    }
}

/// A server in a look.
struct Node {
    place: String,
    line: Connection,
    /// Keys of accounts to read.
    found: Vec<Vec<u8>>,
}

impl Node {
    /// Reads what was found, each once.
    fn read(mut self) -> Result<Vec<Sampled>, Failure> {
        self.found.sort_unstable();
        self.found.dedup();
        let mut accounts = Vec::new();
        for batch in self.found.chunks(BATCH) {
            accounts.extend(read(batch, &self.place, &mut self.line)?);
        }
        Ok(accounts)
    }
}

/// Adds a server's counts.
fn count(line: &mut Connection, counts: &mut BTreeMap<String, u64>) -> Result<(), Failure> {
    let text: String = redis::cmd("INFO").arg("fw").query(line)?;
    if !text.contains("fw_admitted:") {
        return Err(Failure::Refused("the server has no fw module: INFO fw is empty".to_owned()));
    }
    for row in text.lines().filter_map(|row| row.strip_prefix("fw_")) {
        let Some((name, number)) = row.split_once(':') else { continue };
        if name == "admitted" || name.starts_with("denied_") {
            let number: u64 = number.trim().parse().map_err(|_| Failure::reply("INFO fw"))?;
            let sum = counts.entry(name.to_owned()).or_default();
            *sum = sum.saturating_add(number);
        }
    }
    Ok(())
}

/// Reads accounts. Those that went away or moved since they were found are left out.
fn read(keys: &[Vec<u8>], node: &str, line: &mut Connection) -> Result<Vec<Sampled>, Failure> {
    let mut pipe = redis::pipe();
    pipe.ignore_errors();
    for key in keys {
        pipe.cmd("FW.QUOTAS").arg(key);
        pipe.cmd("FW.PEEK").arg(key).arg(&["TOKENS", "1", "HOLD", "fwctl-top", "0"]);
    }
    let replies: Vec<Value> = pipe.query(line)?;
    let mut accounts = Vec::new();
    for (key, pair) in keys.iter().zip(replies.chunks_exact(2)) {
        let [Value::Array(limits), Value::Array(verdict)] = pair else {
            if let Some(Value::ServerError(error)) = pair.iter().find(|reply| is_no_move(reply)) {
                return Err(redis::RedisError::from(error.clone()).into());
            }
            continue;
        };
        let word = |at: usize| verdict.get(at).and_then(bytes).map(|word| shown(&word));
        let (Some(verdict), Some(policy)) = (word(0), word(1)) else {
            return Err(Failure::reply("no verdict"));
        };
        let limits = limits_of(limits)?;
        accounts.push(Sampled { key: key.clone(), verdict, policy, limits, node: node.to_owned() });
    }
    Ok(accounts)
}

fn is_no_move(reply: &Value) -> bool {
    let Value::ServerError(error) = reply else { return false };
    !matches!(error.code(), "MOVED" | "ASK" | "TRYAGAIN" | "WRONGTYPE")
}

fn limits_of(rows: &[Value]) -> Result<[(String, String); 4], Failure> {
    let mut limits = <[(String, String); 4]>::default();
    for row in rows {
        let row = Row::read(row.clone())?;
        let name = row.text("name")?;
        if let Some(at) = LIMITS.iter().position(|own| *own == name) {
            limits[at] = (row.text("used")?, row.text("limit")?);
        }
    }
    Ok(limits)
}
