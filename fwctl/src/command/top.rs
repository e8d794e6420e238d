//! `fwctl top [-n ROWS] [--interval S] [--sample N] [--once]`

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::sample::{LIMITS, Sample, Sampled, Walk};
use crate::failure::Failure;
use crate::output::{BAD, Column, GOOD, HEAD, PLAIN, Table, styled};
use crate::session::Session;
use crate::text::{exact, figure, grouped, shown, utc};

/// Shows busy accounts, and those that would be denied, again and again.
///
/// It samples: each look walks at most --sample keys (SCAN, split among the primaries of a cluster),
/// going on where the last look stopped, and reads the accounts it meets (FW.QUOTAS and FW.PEEK) and
/// those on the screen. The screen says what share of the keys that was.
///
/// REQUESTS and TOKENS are those of the last 60 seconds, HOLDS those that are open, SPEND what is spent
/// this month and held. A window that is unlimited counts nothing, so its accounts look idle.
///
/// The module counts denials for a server, not for an account. So the first line has the server's
/// counts, which are exact, and the second table the busiest of the sampled accounts that would be
/// denied one request of one token with a hold of $0 now.
#[derive(Debug, clap::Args)]
pub struct Top {
    /// At most so many rows in each table
    #[arg(short = 'n', value_name = "ROWS", default_value_t = 15)]
    rows: usize,
    /// Seconds between two looks
    #[arg(long, value_name = "S", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    interval: u64,
    /// At most about so many keys are walked in a look
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    sample: u64,
    /// Looks once
    #[arg(long)]
    once: bool,
}

impl Top {
    /// Looks, until the program is ended.
    pub fn run(&self, fw: &mut Session) -> Result<(), Failure> {
        let mut walk = Walk::new(self.sample);
        let mut before = None;
        loop {
            let sample = walk.look(fw)?;
            let now = Instant::now();
            let look = Look::new(&sample, self.rows);
            self.print(&look, before.as_ref(), fw)?;
            if self.once {
                return Ok(());
            }
            walk.watch(look.busiest.iter().chain(&look.denied).copied());
            before = Some((now, sample.counts));
            std::thread::sleep(Duration::from_secs(self.interval));
        }
    }

    fn print(
        &self,
        look: &Look,
        before: Option<&Counted>,
        fw: &mut Session,
    ) -> Result<(), Failure> {
        let time = fw.now();
        if fw.output.is_json() {
            let json = look.json(time, fw);
            return fw.output.line(&json);
        }
        let text = [
            format!("{}  {}\n", utc(time), fw.server.place()),
            look.server(before),
            look.share(),
            format!("\n{}\n", styled(HEAD, "Busiest")),
            table(&look.busiest, fw),
            format!("\n{}\n", styled(HEAD, "Would be denied now")),
            table(&look.denied, fw),
        ];
        let text = text.concat();
        match (self.once, fw.output.is_screen()) {
            (true, _) => fw.output.text(&text),
            (false, true) => fw.output.screen(&text),
            (false, false) => fw.output.text(&format!("{text}\n")),
        }
    }
}

type Counted = (Instant, BTreeMap<String, u64>);

/// A sample with what is shown of it.
struct Look<'a> {
    sample: &'a Sample,
    busiest: Vec<&'a Sampled>,
    denied: Vec<&'a Sampled>,
    verdicts: BTreeMap<&'a str, u64>,
}

impl<'a> Look<'a> {
    fn new(sample: &'a Sample, rows: usize) -> Self {
        let mut busiest: Vec<&Sampled> = sample.accounts.iter().collect();
        busiest.sort_by(|a, b| b.use_of().cmp(&a.use_of()).then_with(|| a.key.cmp(&b.key)));
        let mut denied = busiest.clone();
        denied.retain(|account| account.is_denied());
        let mut verdicts = BTreeMap::new();
        for account in &denied {
            let count: &mut u64 = verdicts.entry(account.verdict.as_str()).or_default();
            *count = count.saturating_add(1);
        }
        busiest.retain(|account| account.use_of() != [0; 3]);
        busiest.truncate(rows);
        denied.truncate(rows);
        Self { sample, busiest, denied, verdicts }
    }

    /// What the servers did since the last look, or since they started.
    fn server(&self, before: Option<&Counted>) -> String {
        let words = self.sample.counts.iter().filter_map(|(name, count)| {
            let verdict = name.strip_prefix("denied_").map(str::to_uppercase);
            let verdict = verdict.unwrap_or_else(|| name.clone());
            let Some((when, counts)) = before else {
                let shown = *count > 0 || name == "admitted";
                return shown.then(|| format!("{} {verdict}", grouped(&count.to_string())));
            };
            let more = count.saturating_sub(counts.get(name).copied().unwrap_or(*count));
            let rate = more as f64 / when.elapsed().as_secs_f64().max(0.001);
            (more > 0 || name == "admitted").then(|| format!("{rate:.1} {verdict}"))
        });
        let words = words.collect::<Vec<_>>().join(", ");
        let of = if before.is_some() { "a second" } else { "since the server started" };
        format!("server: {words} ({of})\n")
    }

    fn share(&self) -> String {
        let Sample { keys, walked, accounts, .. } = self.sample;
        let share = walked.saturating_mul(100).checked_div(*keys).unwrap_or(100);
        let number = |count: u64| grouped(&count.to_string());
        let denied: u64 = self.verdicts.values().sum();
        let verdicts = self.verdicts.iter().map(|(verdict, count)| format!("{count} {verdict}"));
        let verdicts = verdicts.collect::<Vec<_>>().join(", ");
        let denied = if denied == 0 { "none".to_owned() } else { number(denied) };
        format!(
            "sample: {} of {} keys walked ({share}%), {} accounts read; {denied} would be denied \
             now{}{verdicts}\n",
            number(*walked),
            number(*keys),
            number(accounts.len() as u64),
            if verdicts.is_empty() { "" } else { ": " },
        )
    }

    fn json(&self, time: i64, fw: &Session) -> Json {
        let rows = |rows: &[&Sampled]| -> Vec<Json> {
            rows.iter().map(|account| account_json(account, fw)).collect()
        };
        json!({
            "time_ms": time,
            "keys": self.sample.keys,
            "walked": self.sample.walked,
            "accounts": self.sample.accounts.len(),
            "would_be_denied": self.verdicts,
            "counts": self.sample.counts,
            "busiest": rows(&self.busiest),
            "denied": rows(&self.denied),
        })
    }
}

fn account_json(account: &Sampled, fw: &Session) -> Json {
    let mut row = json!({
        "account": exact(fw.keys.account(&account.key)),
        "key": exact(&account.key),
        "verdict": account.verdict,
        "policy": account.policy,
    });
    for (name, (used, limit)) in LIMITS.iter().zip(&account.limits) {
        row[*name] = json!({ "used": used, "limit": limit });
    }
    row
}

fn table(rows: &[&Sampled], fw: &Session) -> String {
    let mut table = Table::new(&[
        Column::Left("ACCOUNT"),
        Column::Right("REQUESTS"),
        Column::Right("TOKENS"),
        Column::Right("HOLDS"),
        Column::Right("SPEND"),
        Column::Left("VERDICT"),
        Column::Left("POLICY"),
    ]);
    for account in rows {
        let of = |at: usize| {
            let ((used, limit), name) = (&account.limits[at], LIMITS[at]);
            (PLAIN, format!("{} of {}", figure(name, used), figure(name, limit)))
        };
        let style = if account.is_denied() { BAD } else { GOOD };
        let name = shown(fw.keys.account(&account.key));
        table.styled_row([
            (PLAIN, name),
            of(0),
            of(1),
            of(2),
            of(3),
            (style, account.verdict.clone()),
            (PLAIN, account.policy.clone()),
        ]);
    }
    table.lines("")
}
