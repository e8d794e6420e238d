//! What the commands say of accounts, for programs.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use serde_json::json;

use crate::program::{at, ended, run, url};
use crate::support::scenario::START;
use crate::support::server::Server;

const QUIET: [&str; 2] = ["appendonly no", "save \"\""];

fn server() -> Server {
    let mut server = Server::start(&QUIET);
    server.must(&format!("FW.CLOCK SET {START}"));
    server
}

#[test]
fn json_has_what_the_views_have() {
    let mut server = server();
    server.must("FW.ADMIT acct:42 COST 20 TOKENS 7 HOLD h 1.25");
    server.must("FW.LIMIT acct:42 requests MAX 9223372036854775807");
    server.must("FW.QUOTA acct:42 RESERVE train h100 4 a100 2");
    let rows = run(&server, "quota list 42 -o json").json();
    assert_eq!(
        rows[0],
        json!({
            "name": "requests",
            "limit": "9223372036854775807",
            "max": "9223372036854775807",
            "used": "20",
            "remaining": "9223372036854775787",
            "source": "operator",
        })
    );
    assert_eq!(rows[3]["used"], "1.25");
    let account = run(&server, "account show 42 -o json").json();
    assert_eq!(account["account"], "42");
    assert_eq!(account["key"], "acct:42");
    assert_eq!(account["held"], "1.25");
    assert_eq!(account["blocked_reason"], json!(null));
    assert_eq!(account["created_ms"], START);
    assert_eq!(account["limits"], rows);
    let holds = run(&server, "holds 42 -o json").json();
    assert_eq!(
        holds,
        json!([{
            "id": "h",
            "amount": "1.25",
            "charged": "0",
            "held": "1.25",
            "tokens": 7,
            "scope": null,
            "admitted_ms": START,
            "lapses_ms": START + 60_000,
        }])
    );
    let leases = run(&server, "leases 42 -o json").json();
    assert_eq!(leases[0]["quotas"], json!({ "a100": 2, "h100": 4 }));
    let log = run(&server, "log 42 -n 1 -o json").json();
    assert_eq!(
        log,
        json!([{
            "time_ms": START,
            "event": "limit",
            "cause": "requests MAX 9223372036854775807",
        }])
    );
}

#[test]
fn resp3_reads_as_resp2_does() {
    let mut server = server();
    server.must("FW.QUOTA acct:42 RESERVE train h100 4");
    let resp3 = format!("{}/?protocol=resp3", url(&server));
    for line in ["account show 42", "quota list 42 -o json", "leases 42 -o json", "log 42 -o json"]
    {
        let both = [url(&server), resp3.clone()].map(|url| ended(at(&url).args(line.split(' '))));
        assert_eq!(both[0].code, 0, "{both:?}");
        assert_eq!(both[0].out, both[1].out, "{}", both[1].err);
    }
}

#[test]
fn what_is_changed_is_changed() {
    let server = server();
    let limit = run(&server, "limit set 42 spend --value 40 --max 80.5 -o json").json();
    assert_eq!((&limit["limit"], &limit["max"]), (&json!("40"), &json!("80.5")));
    let limit = run(&server, "limit set 42 spend --value default -o json").json();
    assert_eq!((&limit["limit"], &limit["source"]), (&json!("80.5"), &json!("operator")));
    let promo = run(&server, "topup 42 10 --id p --promo -o json").json();
    assert_eq!((&promo["result"], &promo["credits"]), (&json!("OK"), &json!("10")));
    let again = run(&server, "topup 42 10 --id p --promo -o json");
    assert_eq!((again.code, &again.json()["result"]), (0, &json!("DUPLICATE")));
    assert_eq!(run(&server, "account show 42 -o json").json()["promo"], "10");
    assert_eq!(run(&server, "suspend 42 fraud -o json").json()["standing"], "blocked");
    let shown = run(&server, "account show 42 -o json").json();
    assert_eq!(shown["blocked_reason"], "fraud");
    assert_eq!(run(&server, "resume 42 -o json").json()["standing"], "active");
}

#[test]
fn explain_sends_what_was_asked_and_takes_nothing() {
    let mut server = server();
    server.must("FW.LIMIT acct:42 tokens@llama MAX 10");
    let asked = "explain 42 --cost 3 --scope llama --tokens 11 --hold 0.5 -o json";
    let told = run(&server, asked);
    let json = told.json();
    assert_eq!(told.code, 4, "{told:?}");
    assert_eq!((&json["verdict"], &json["policy"]), (&json!("TOO_LARGE"), &json!("tokens@llama")));
    let texts = json["checks"].to_string();
    for figure in ["3 asked", "11 asked", "$0.50 asked"] {
        assert!(texts.contains(figure), "{figure}: {texts}");
    }
    let denies = |row: &&serde_json::Value| row["result"] == "DENY";
    let checks = json["checks"].as_array().unwrap();
    assert_eq!(checks.iter().filter(denies).count(), 1, "{texts}");
    assert_eq!(run(&server, "holds 42 -o json").json(), json!([]));
}

#[test]
fn an_account_has_any_name() {
    let mut server = server();
    let names: [(&[u8], &str, &str); 3] = [
        (b"a b*[?]", "a b*[?]", "a b*[?]"),
        ("é\u{1b}[2J".as_bytes(), "é\\u{1b}[2J", "é\u{1b}[2J"),
        (b"x\xff\x01", "x\\xff\\u{1}", "x\\xff\u{1}"),
    ];
    for (name, table, json) in names {
        let mut key = b"acct:".to_vec();
        key.extend(name);
        server.run(&[b"FW.SUSPEND".to_vec(), key, b"\x1b[31m why".to_vec()]);
        let show = |format: &str| {
            let mut command = at(&url(&server));
            ended(command.args(["-o", format, "account", "show"]).arg(OsStr::from_bytes(name)))
        };
        assert_eq!(show("json").json()["account"], json);
        let shown = show("table").out;
        assert!(shown.starts_with(&format!("Account {table}\n")), "{shown:?}");
        assert!(shown.contains("\\u{1b}[31m why") && !shown.contains('\u{1b}'), "{shown:?}");
    }
    let sampled = run(&server, "top --once -o json").json();
    assert_eq!(sampled["denied"].as_array().unwrap().len(), 3, "{sampled}");
}

#[test]
fn the_prefix_is_what_stands_before_the_account() {
    let mut server = server();
    server.must("FW.ADMIT team:7 COST 3");
    let used = |ran: crate::program::Ran| ran.json()[0]["used"].clone();
    assert_eq!(used(run(&server, "--key-prefix team: quota list 7 -o json")), "3");
    assert_eq!(used(run(&server, "--key-prefix= quota list team:7 -o json")), "3");
    let mut by_env = at(&url(&server));
    by_env.env("FW_KEY_PREFIX", "team:");
    assert_eq!(used(ended(by_env.args(["quota", "list", "7", "-o", "json"]))), "3");
    let missed = run(&server, "quota list team:7");
    assert!(missed.err.contains("acct:team:7"), "{missed:?}");
}
