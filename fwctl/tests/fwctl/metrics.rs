//! `fwctl metrics`: what Prometheus reads.

use std::collections::{BTreeSet, HashSet};
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::program::{Running, at, ended, url};
use crate::support::server::Server;

/// A program that serves metrics, and where.
pub fn serving(server: &Server) -> (Running, String) {
    let running = Running::start(at(&url(server)).args(["metrics", "--listen", "127.0.0.1:0"]));
    let line = running.says("metrics at http://");
    let place = line.split("http://").nth(1).and_then(|rest| rest.split('/').next());
    (running, place.expect("an address").to_owned())
}

/// The head and the body of an answer.
pub fn get(place: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(place).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    (head.to_owned(), body.to_owned())
}

#[test]
fn every_count_is_a_metric_with_a_help_and_a_type() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    server.must("FW.ADMIT acct:42 COST 2");
    server.must("FW.ADMIT acct:42 COST 601");
    server.must("FW.SPEND acct:42 1 ID a");
    assert!(server.says("FW.SPEND acct:42 2 ID a").starts_with("(error)"));
    let (_running, place) = serving(&server);
    let (head, body) = get(&place, "/metrics");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(head.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    let node = format!("node=\"127.0.0.1:{}\"", server.port);
    for sample in [
        format!("fw_up{{{node}}} 1"),
        format!("fw_admitted_total{{{node}}} 1"),
        format!("fw_denied_total{{{node},verdict=\"too_large\"}} 1"),
        format!("fw_denied_total{{{node},verdict=\"suspended\"}} 0"),
        format!("fw_conflicts_total{{{node}}} 1"),
        format!("fw_warning{{{node},setting=\"aof_off\"}} 1"),
        format!("fw_command_calls_total{{{node},command=\"fw.admit\"}} 2"),
        format!("fw_command_failed_total{{{node},command=\"fw.spend\"}} 1"),
    ] {
        assert!(body.lines().any(|line| line == sample), "{sample}\n{body}");
    }
    // Every field of INFO fw is there.
    let info: String = redis::cmd("INFO").arg("fw").query(&mut server.connect()).unwrap();
    let fields = info.lines().filter(|line| line.starts_with("fw_")).count();
    let own = |line: &&str| {
        line.starts_with("fw_") && !line.starts_with("fw_up") && !line.starts_with("fw_command_")
    };
    assert_eq!(body.lines().filter(own).count(), fields, "{body}");
    // A metric's samples follow its HELP and TYPE, once.
    let mut typed = HashSet::new();
    let mut last = String::new();
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(typed.insert(name.to_owned()), "{name} twice");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
            name.clone_into(&mut last);
        } else if !line.starts_with("# HELP ") {
            assert_eq!(line.split('{').next(), Some(last.as_str()), "{line}");
            let value = line.rsplit(' ').next().unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
    assert!(get(&place, "/").0.starts_with("HTTP/1.1 404 "));
}

/// Rules and dashboards of others have these names: none is changed or lost unseen.
const NAMES: &str = "fw_admitted_total fw_clock_steps_total fw_command_calls_total \
     fw_command_failed_total fw_command_rejected_total fw_command_seconds_total fw_conflicts_total \
     fw_denied_total fw_divergences_total fw_duplicates_total fw_effects_applied_total \
     fw_forgotten_ids_total fw_lapsed_holds_total fw_lapsed_leases_total fw_late_spends_total \
     fw_spends_total fw_up fw_warning";

#[test]
fn the_names_of_the_metrics_stay() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    server.must("FW.ADMIT acct:42");
    let (_running, place) = serving(&server);
    let (_, body) = get(&place, "/metrics");
    let types = body.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    assert_eq!(types.collect::<BTreeSet<_>>(), NAMES.split(' ').collect());
}

#[test]
fn a_server_that_is_away_reads_0_and_comes_back() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    let (running, place) = serving(&server);
    server.kill();
    let up = format!("fw_up{{node=\"127.0.0.1:{}\"}}", server.port);
    let (_, body) = get(&place, "/metrics");
    assert!(body.ends_with(&format!("{up} 0\n")) && !body.contains("fw_admitted"), "{body}");
    running.says("fwctl: ");
    server.restart();
    let (_, body) = get(&place, "/metrics");
    assert!(body.contains(&format!("{up} 1\n")), "{body}");
}

#[test]
fn a_place_that_is_taken_is_said() {
    let server = Server::start(&["appendonly no", "save \"\""]);
    let taken = format!("127.0.0.1:{}", server.port);
    let ran = ended(at(&url(&server)).args(["metrics", "--listen", &taken]));
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains(&format!("cannot listen on {taken}: ")), "{ran:?}");
}
