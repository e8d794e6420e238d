//! `fwctl dashboard`: what its addresses answer, and to whom.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value as Json, json};

use crate::program::{Running, at, ended, run, url};
use crate::support::server::{Server, free_port};

const QUIET: [&str; 2] = ["appendonly no", "save \"\""];

/// A program that serves the dashboard, and where.
pub fn serving(url: &str) -> (Running, String) {
    let running = Running::start(at(url).args(["dashboard", "--listen", "127.0.0.1:0"]));
    let line = running.says("dashboard at http://");
    let place = line.split("http://").nth(1).and_then(|rest| rest.split('/').next());
    (running, place.expect("an address").to_owned())
}

/// Sends bytes, and reads the head and the body of the answer.
fn send(place: &str, text: &str) -> (String, String) {
    let mut stream = TcpStream::connect(place).expect("it listens");
    stream.write_all(text.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {text}"));
    (head.to_owned(), body.to_owned())
}

/// The status and the JSON of an answer.
pub fn get(place: &str, path: &str) -> (u16, Json) {
    let (head, body) = send(place, &format!("GET {path} HTTP/1.1\r\nHost: {place}\r\n\r\n"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.expect("a status"), serde_json::from_str(&body).unwrap_or(Json::Null))
}

#[test]
fn the_data_are_those_of_the_commands() {
    let mut server = Server::start(&QUIET);
    for line in [
        "FW.CLOCK SET 1767225600000",
        "FW.ADMIT acct:42 COST 20 TOKENS 900 HOLD <b> 1.25 TTL 86400000",
        "FW.QUOTA acct:42 RESERVE train-1 h100 4 TTL 0",
        "FW.SPEND acct:42 47.5 ID e1",
        "FW.LIMIT acct:42 requests MAX 700",
        "FW.ADMIT acct:42 COST 701",
    ] {
        server.must(line);
    }
    let before = server.digest();
    let (_running, place) = serving(&url(&server));
    let (status, mut told) = get(&place, "/api/account?account=42");
    assert_eq!(status, 200, "{told}");
    for (name, line) in [("open", "holds"), ("leased", "leases"), ("log", "log")] {
        let rows = run(&server, &format!("{line} 42 -o json")).json();
        assert_eq!(told[name], rows, "{name}");
        assert_ne!(rows, json!([]), "{name}");
    }
    let fields = told.as_object_mut().unwrap();
    for name in ["now_ms", "next", "open", "leased", "log"] {
        assert!(fields.remove(name).is_some(), "{name}");
    }
    assert_eq!(told, run(&server, "account show 42 -o json").json());
    let (_, explained) = get(&place, "/api/explain?account=42&cost=2&tokens=9&hold=4&scope=m");
    let line = "explain 42 --cost 2 --tokens 9 --hold 4 --scope m -o json";
    assert_eq!(explained, run(&server, line).json());
    assert_eq!(explained["verdict"], "OVER_BUDGET");
    let (_, fleet) = get(&place, "/api/fleet");
    let node = &fleet["nodes"][0];
    assert_eq!((&node["up"], &node["counts"]["denied_too_large"]), (&true.into(), &1.into()));
    assert_eq!(before, server.digest(), "the dashboard changed something");
}

#[test]
fn what_is_wrong_is_told() {
    let mut server = Server::start(&QUIET);
    server.must("SET acct:text x");
    let (_running, place) = serving(&url(&server));
    let name = |length| format!("/api/account?account={}", "x".repeat(length));
    let (longest, long) = (name(4_096), name(4_097));
    for (path, status, words) in [
        ("/api/account", 400, "account is missing"),
        ("/api/account?account=none", 404, "no such account"),
        ("/api/account?account=text", 400, "WRONGTYPE"),
        ("/api/explain?account=none&hold=much", 400, "ERR"),
        ("/api/account?account=a&evil=1", 400, "unknown word"),
        (&longest, 404, "no such account"),
        (&long, 400, "longer than 4096 bytes"),
        ("/nothing", 404, "nothing at this path"),
    ] {
        let (found, told) = get(&place, path);
        assert_eq!(found, status, "{path}: {told}");
        assert!(told["error"].as_str().is_some_and(|text| text.contains(words)), "{path}: {told}");
    }
}

#[test]
fn a_name_is_any_bytes() {
    let mut server = Server::start(&QUIET);
    let words = ["FW.ADMIT".into(), b"acct:\xff <&".to_vec()];
    server.run(&words);
    let (_running, place) = serving(&url(&server));
    let (status, told) = get(&place, "/api/account?account=%ff%20%3c%26");
    assert_eq!((status, &told["account"]), (200, &"\\xff <&".into()), "{told}");
}

#[test]
fn only_a_plain_request_to_an_address_is_answered() {
    let server = Server::start(&QUIET);
    let (_running, place) = serving(&url(&server));
    let port = place.rsplit(':').next().unwrap();
    for (host, status) in [
        (place.as_str(), "200"),
        (&format!("localhost:{port}"), "200"),
        ("[::1]", "200"),
        (&format!("evil.example:{port}"), "421"),
        ("127.0.0.1.evil.example", "421"),
    ] {
        for path in ["/", "/api/fleet"] {
            let (head, _) = send(&place, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {head}");
        }
    }
    let headers = "X: y\r\n".repeat(100);
    let large = "x".repeat(20_000);
    for (text, status) in [
        (format!("POST /api/fleet HTTP/1.1\r\nHost: {place}\r\n\r\n"), "405"),
        (
            format!("GET / HTTP/1.1\r\nHost: {place}\r\nContent-Length: 9999999999999\r\n\r\n"),
            "413",
        ),
        (format!("GET / HTTP/1.1\r\nHost: {place}\r\nTransfer-Encoding: chunked\r\n\r\n"), "413"),
        (format!("GET / HTTP/1.1\r\nHost: {place}\r\n{headers}\r\n"), "431"),
        (format!("GET /{large} HTTP/1.1\r\nHost: {place}\r\n\r\n"), "431"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "400"),
        (format!("GET / HTTP/1.1\r\nHost: {place}\r\nHost: b\r\n\r\n"), "400"),
        ("\x01\x02\r\n\r\n".to_owned(), "400"),
    ] {
        let (head, _) = send(&place, &text);
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{text:.80}: {head}");
    }
}

#[test]
fn a_connection_too_many_is_closed_and_the_others_are_answered() {
    let server = Server::start(&QUIET);
    let (_running, place) = serving(&url(&server));
    // Connections are taken in their order, so these are open when the next one comes.
    let mut open: Vec<TcpStream> = (0..16).map(|_| TcpStream::connect(&place).unwrap()).collect();
    let mut further = TcpStream::connect(&place).unwrap();
    further.set_read_timeout(Some(std::time::Duration::from_secs(4))).unwrap();
    let mut byte = [0];
    assert!(matches!(further.read(&mut byte), Ok(0)), "a further one is not closed");
    for stream in &mut open {
        write!(stream, "GET /nothing HTTP/1.1\r\nHost: {place}\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("HTTP/1.1 404 "), "{text}");
    }
}

#[test]
fn the_page_runs_its_own_script_alone() {
    let server = Server::start(&QUIET);
    let (_running, place) = serving(&url(&server));
    let page = || send(&place, &format!("GET / HTTP/1.1\r\nHost: {place}\r\n\r\n"));
    let nonce = |head: &str| {
        let rest = head.split("script-src 'nonce-").nth(1).expect("a policy");
        rest.split('\'').next().expect("a nonce").to_owned()
    };
    let (head, body) = page();
    let own = nonce(&head);
    assert!(own.len() == 32 && body.contains(&format!("<script nonce=\"{own}\">")), "{head}");
    assert!(head.contains("default-src 'none'") && !head.contains("unsafe"), "{head}");
    assert_ne!(own, nonce(&page().0));
    for word in ["http://", "https://", "innerHTML", "insertAdjacent", "document.write", "eval("] {
        let other = body.replace("http://www.w3.org/2000/svg", "");
        assert!(!other.contains(word), "the page has {word}");
    }
}

#[test]
fn others_than_this_machine_are_let_in_only_when_it_is_said() {
    let server = Server::start(&QUIET);
    let ran = ended(at(&url(&server)).args(["dashboard", "--listen", "0.0.0.0:0"]));
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("--show-accounts-to-anyone"), "{ran:?}");
}

#[test]
fn a_server_that_is_away_is_told_and_comes_back() {
    let gone = free_port();
    let (_running, place) = serving(&format!("redis://127.0.0.1:{gone}"));
    assert_eq!(get(&place, "/api/fleet").0, 503);

    let mut server = Server::start(&QUIET);
    server.must("CONFIG SET save \"\"");
    let (_running, place) = serving(&url(&server));
    assert_eq!(get(&place, "/api/account?account=42").0, 404);
    server.kill();
    let (_, fleet) = get(&place, "/api/fleet");
    assert_eq!(fleet["nodes"][0]["up"], false, "{fleet}");
    assert_eq!(get(&place, "/api/account?account=42").0, 503);
    server.restart();
    server.must("FW.ADMIT acct:42");
    assert_eq!(get(&place, "/api/fleet").1["nodes"][0]["up"], true);
    assert_eq!(get(&place, "/api/account?account=42").0, 200);
}
