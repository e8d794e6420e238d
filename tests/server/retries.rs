//! Clients that lose a reply and ask again: every event counts once, whatever its command.
//!
//! A proxy stands between the client and the server. It hands every request on and waits for the
//! reply, so the server has done its work, and then hangs up instead of handing the reply back.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use redis::Value;

use crate::support::scenario::{START, words};
use crate::support::server::Server;

/// How many replies to one command are lost before one comes through.
const LOST: u32 = 2;

/// Hands requests on, and loses replies.
struct Proxy {
    port: u16,
    to_lose: Arc<AtomicU32>,
}

impl Proxy {
    /// Its threads end with the test program: one that only accepts cannot be told to end.
    fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port for the proxy");
        let port = listener.local_addr().expect("an address").port();
        let to_lose = Arc::new(AtomicU32::new(0));
        let shared = Arc::clone(&to_lose);
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.expect("a client of the proxy");
                let server = TcpStream::connect(("127.0.0.1", server)).expect("the server");
                relay(&client, &server, &shared);
            }
        });
        Self { port, to_lose }
    }

    /// Sends a command until a reply comes, as client libraries do, and says how often.
    fn insist(&self, line: &str) -> (Value, u32) {
        self.to_lose.store(LOST, Ordering::SeqCst);
        for attempt in 1..=10 {
            let client = redis::Client::open(("127.0.0.1", self.port)).expect("an address");
            let mut connection = client.get_connection().expect("the proxy answers");
            let mut command = redis::Cmd::new();
            for word in words(line) {
                command.arg(word);
            }
            match command.query(&mut connection) {
                Ok(reply) => return (reply, attempt),
                Err(error) => assert!(error.code().is_none(), "{line}: {error}"),
            }
        }
        panic!("no reply to {line}");
    }
}

/// Both ways between a client and the server, each in a thread, until one of them hangs up.
fn relay(client: &TcpStream, server: &TcpStream, to_lose: &Arc<AtomicU32>) {
    let asked = Arc::new(AtomicBool::new(false));
    let copy = |stream: &TcpStream| stream.try_clone().expect("a socket");
    let (mut from_client, mut to_server) = (copy(client), copy(server));
    let (mut from_server, mut to_client) = (copy(server), copy(client));
    let (asking, to_lose) = (Arc::clone(&asked), Arc::clone(to_lose));
    thread::spawn(move || {
        pump(&mut from_client, &mut to_server, |request| {
            // What a library says when it connects is none of ours.
            asking.store(request.windows(3).any(|word| word == b"FW."), Ordering::SeqCst);
            true
        });
    });
    thread::spawn(move || {
        pump(&mut from_server, &mut to_client, |_| {
            let less = |left: u32| left.checked_sub(1);
            let lost = asked.load(Ordering::SeqCst)
                && to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok();
            !lost
        });
    });
}

/// Copies what comes for as long as `passes` says so, then hangs up on both.
fn pump(from: &mut TcpStream, to: &mut TcpStream, passes: impl Fn(&[u8]) -> bool) {
    let mut buffer = [0; 16_384];
    while let Ok(length) = from.read(&mut buffer) {
        if length == 0 || !passes(&buffer[..length]) || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    // The other thread may have hung up before.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// A month in which every kind of event that has an id happens; `KEY` is the account.
const EVENTS: [&str; 14] = [
    "FW.TOPUP KEY 20 ID t",
    "FW.TOPUP KEY 5 ID p PROMO",
    "FW.SPEND KEY 1.5 ID s",
    "FW.ADMIT KEY COST 2 TOKENS 10 HOLD h 10 TTL 60000",
    "FW.SPEND KEY 3 HOLD h TOKENS 12 PARTIAL",
    "FW.SPEND KEY 4 HOLD h TOKENS 20",
    "FW.ADMIT KEY COST 1 SCOPE m TOKENS 30 HOLD v 5",
    "FW.SPEND KEY 1 HOLD v TOKENS 3 PARTIAL",
    "FW.VOID KEY v",
    "FW.ADMIT KEY COST 1 HOLD open 2",
    "FW.REFUND KEY 0.5 ID r",
    "FW.INVOICE KEY PAID i AMOUNT 1",
    "FW.INVOICE KEY VOIDED j",
    "FW.INVOICE KEY FAILED k",
];

#[test]
fn a_client_that_sends_everything_three_times_counts_once() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    server.must(&format!("FW.CLOCK SET {START}"));
    for key in ["once", "thrice"] {
        server.must(&format!("FW.LIMIT {key} tokens MAX 1000"));
        server.must(&format!("FW.LIMIT {key} tokens@m MAX 100"));
    }
    let proxy = Proxy::start(server.port);
    for event in EVENTS {
        let line = event.replace("KEY", "once");
        let said = server.says(&line);
        assert!(said.starts_with("OK "), "{line}: {said}");
        let line = event.replace("KEY", "thrice");
        let (reply, attempts) = proxy.insist(&line);
        let Value::Array(slots) = reply else { panic!("{line}: {reply:?}") };
        assert_eq!(slots[0], Value::SimpleString("DUPLICATE".to_owned()), "{line}");
        assert_eq!(attempts, LOST + 1, "{line}");
        for view in ["FW.GET", "FW.HOLDS", "FW.QUOTAS"] {
            let [once, thrice] =
                ["once", "thrice"].map(|key| server.says(&format!("{view} {key}")));
            assert_eq!(thrice, once, "{view} after {line}");
        }
    }
    // 1.5, 4 and 1, less 0.5; the open hold is held once.
    let shown = server.says("FW.GET thrice");
    assert!(shown.contains(" spent 6 held 2 "), "{shown}");
}
