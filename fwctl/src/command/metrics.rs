//! `fwctl metrics [--listen ADDRESS]`: INFO fw and INFO commandstats in Prometheus' text format.
//!
//! Every scrape asks the servers anew; nothing is kept between two, but who the primaries were. A server
//! that cannot be asked reads `fw_up 0` and has no other metrics.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use redis::{Connection, ConnectionInfo};

use crate::connect::connect;
use crate::failure::Failure;
use crate::http::{Answer, Door};
use crate::session::Session;
use crate::text::shown;

/// The version of the format that is served.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the counts of INFO fw are.
const COUNTS: [(&str, &str); 11] = [
    ("admitted", "Requests and leases that were admitted."),
    ("spends", "Charges that were recorded."),
    ("duplicates", "Commands repeated with an id that was known."),
    ("conflicts", "Commands with a known id and another amount."),
    ("late_spends", "Charges for holds that had lapsed."),
    ("lapsed_holds", "Holds that lapsed and were cleared away."),
    ("lapsed_leases", "Leases that lapsed and were cleared away."),
    ("forgotten_ids", "Ids forgotten for want of room."),
    ("effects_applied", "Effects applied from a primary or an AOF."),
    ("divergences", "Effects that did not fit: must stay 0."),
    ("clock_steps", "Jumps of the clock by more than 60 seconds."),
];

/// Serves metrics for Prometheus at /metrics: the counts of INFO fw, and calls, seconds and errors of
/// each FW command.
///
/// A cluster is scraped whole: every primary is a label `node`. There is no authentication: listen on
/// loopback, or behind something that has it.
#[derive(Debug, clap::Args)]
pub struct Metrics {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9121")]
    listen: String,
}

impl Metrics {
    /// Serves, until the program is ended.
    pub fn run(&self, fw: &mut Session) -> Result<(), Failure> {
        let door = Door::open(&self.listen)?;
        anstream::eprintln!("fwctl: metrics at http://{}/metrics", door.place());
        let known = Mutex::new((fw, Vec::new()));
        door.serve(|request| {
            if request.path != "/metrics" {
                return Answer::text(404, "metrics are at /metrics\n");
            }
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            let (fw, nodes) = &mut *known;
            let headers = vec![("Content-Type", FORMAT.to_owned())];
            Answer { status: 200, headers, body: scrape(fw, nodes).text() }
        });
        Ok(())
    }
}

/// Metrics by name, each with its samples.
#[derive(Default)]
struct Page(BTreeMap<String, Metric>);

struct Metric {
    kind: &'static str,
    help: String,
    samples: Vec<String>,
}

impl Page {
    fn add(&mut self, (name, kind, help): (&str, &'static str, &str), labels: &str, value: &str) {
        let empty = || Metric { kind, help: help.to_owned(), samples: Vec::new() };
        let metric = self.0.entry(name.to_owned()).or_insert_with(empty);
        metric.samples.push(format!("{name}{{{labels}}} {value}"));
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (name, Metric { kind, help, samples }) in &self.0 {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            let _ = writeln!(text, "{}", samples.join("\n"));
        }
        text
    }
}

/// Asks every primary.
fn scrape(fw: &Session, nodes: &mut Vec<ConnectionInfo>) -> Page {
    // Where none of them says who leads now, those that did are asked.
    if let Ok(primaries) = fw.server.primaries(nodes) {
        *nodes = primaries;
    }
    let mut page = Page::default();
    for node in nodes.iter() {
        let label = format!("node=\"{}\"", node.addr());
        let told = connect(node).and_then(|mut line| tell(&mut line, &label, &mut page));
        if let Err(failure) = &told {
            let why = shown(failure.text().unwrap_or_default().as_bytes());
            anstream::eprintln!("fwctl: {why}");
        }
        let up = ("fw_up", "gauge", "Whether the server could be asked.");
        page.add(up, &label, if told.is_ok() { "1" } else { "0" });
    }
    page
}

fn tell(line: &mut Connection, node: &str, page: &mut Page) -> Result<(), Failure> {
    let mut info = |section: &str| redis::cmd("INFO").arg(section).query::<String>(line);
    let (counts, commands) = (info("fw")?, info("commandstats")?);
    if !counts.contains("fw_admitted:") {
        return Err(Failure::Refused("the server has no fw module: INFO fw is empty".to_owned()));
    }
    for (name, value) in counts.lines().filter_map(|row| row.strip_prefix("fw_")?.split_once(':')) {
        count(name, value, node, page);
    }
    for row in commands.lines().filter_map(|row| row.strip_prefix("cmdstat_")) {
        let Some((name, fields)) = row.split_once(':') else { continue };
        if name.to_lowercase().starts_with("fw.") {
            command(&format!("{node},command=\"{}\"", name.to_lowercase()), fields, page)?;
        }
    }
    Ok(())
}

/// A count of INFO fw.
fn count(name: &str, value: &str, node: &str, page: &mut Page) {
    if let Some(setting) = name.strip_prefix("warning_") {
        let about = ("fw_warning", "gauge", "1 while a setting of the server is unsafe.");
        return page.add(about, &format!("{node},setting=\"{setting}\""), value);
    }
    if let Some(verdict) = name.strip_prefix("denied_") {
        let about = ("fw_denied_total", "counter", "Requests and leases that were denied.");
        return page.add(about, &format!("{node},verdict=\"{verdict}\""), value);
    }
    if let Some((_, help)) = COUNTS.iter().find(|(own, _)| *own == name) {
        page.add((&format!("fw_{name}_total"), "counter", help), node, value);
    }
}

/// A command of INFO commandstats.
fn command(labels: &str, fields: &str, page: &mut Page) -> Result<(), Failure> {
    for (field, value) in fields.split(',').filter_map(|field| field.split_once('=')) {
        let (name, help, value) = match field {
            "calls" => ("fw_command_calls_total", "Calls of a command.", value.to_owned()),
            "usec" => {
                let micros: u64 = value.parse().map_err(|_| Failure::reply("INFO commandstats"))?;
                let seconds = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
                ("fw_command_seconds_total", "Seconds that the server spent in a command.", seconds)
            }
            "rejected_calls" => {
                ("fw_command_rejected_total", "Calls refused before they ran.", value.to_owned())
            }
            "failed_calls" => {
                ("fw_command_failed_total", "Calls that ended with an error.", value.to_owned())
            }
            _ => continue,
        };
        page.add((name, "counter", help), labels, &value);
    }
    Ok(())
}
