//! Clients that lose a reply and ask again: every event counts once, whatever its command.

use redis::Value;

use crate::support::proxy::Proxy;
use crate::support::scenario::{START, words};
use crate::support::server::Server;

/// How many replies to one command are lost before one comes through.
const LOST: u32 = 2;

/// Sends a command until a reply comes, as client libraries do, and says how often.
fn insist(proxy: &Proxy, line: &str) -> (Value, u32) {
    proxy.lose(LOST);
    for attempt in 1..=10 {
        let client = redis::Client::open(("127.0.0.1", proxy.port)).expect("an address");
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
        let (reply, attempts) = insist(&proxy, &line);
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
