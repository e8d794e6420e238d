//! The rules of alerts and the dashboard of Grafana name metrics that there are.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value as Json;

use crate::metrics::{get, serving};
use crate::support::server::Server;

/// The names in a text that begin as our metrics do.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("fw_")).map(str::to_owned).collect()
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// Every string of a document.
fn strings(json: &Json, found: &mut String) {
    match json {
        Json::String(text) => {
            found.push_str(text);
            found.push('\n');
        }
        Json::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Json::Object(fields) => fields.values().for_each(|field| strings(field, found)),
        _ => {}
    }
}

#[test]
fn rules_and_dashboard_name_metrics_that_there_are() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    server.must("FW.ADMIT acct:42");
    let (_running, place) = serving(&server);
    let (_, body) = get(&place, "/metrics");
    let served = body.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let served: BTreeSet<String> = served.map(str::to_owned).collect();
    assert!(served.len() > 15, "{body}");

    let grafana: Json = serde_json::from_str(&read("grafana/fw-limits.json")).unwrap();
    let mut shown = String::new();
    strings(&grafana, &mut shown);
    let shown = metrics(&shown);
    // The one that shows all sees all.
    assert_eq!(shown, served, "the dashboard of Grafana");
    for file in ["prometheus/alerts.yml", "prometheus/alerts.test.yml"] {
        let named = metrics(&read(file));
        assert!(named.len() > 5, "{file}: {named:?}");
        let unknown: Vec<&String> = named.difference(&served).collect();
        assert!(unknown.is_empty(), "{file} names {unknown:?}");
    }
}
