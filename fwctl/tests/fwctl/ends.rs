//! How it ends: exit codes, and what is said where something failed.

use std::net::TcpListener;

use crate::program::{Running, at, ended, run, url};
use crate::support::server::Server;

const QUIET: [&str; 3] = ["appendonly no", "save \"\"", "fw.new-accounts reject"];

/// Each command once.
const COMMANDS: [&str; 11] = [
    "quota list 42",
    "account show 42",
    "explain 42",
    "limit set 42 spend --max 9",
    "suspend 42 fraud",
    "resume 42",
    "holds 42",
    "leases 42",
    "log 42",
    "topup 42 1 --id t",
    "top --once",
];

#[test]
fn a_missing_account_is_3_for_every_command_that_needs_one() {
    let server = Server::start(&QUIET);
    for line in COMMANDS.iter().take(9) {
        let ran = run(&server, line);
        assert_eq!(ran.code, 3, "{line}: {ran:?}");
        assert!(ran.err.starts_with("fwctl: "), "{line}: {ran:?}");
    }
    // A top-up creates it.
    assert_eq!(run(&server, "topup 42 1 --id t").code, 0);
    for line in &COMMANDS {
        let ran = run(&server, line);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{line}");
    }
}

#[test]
fn a_denied_request_is_4() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    assert_eq!(run(&server, "explain 42 --cost 600").code, 0);
    let denied = run(&server, "explain 42 --cost 601");
    assert_eq!((denied.code, denied.err.as_str()), (4, ""));
    assert!(denied.out.starts_with("TOO_LARGE requests\n"), "{denied:?}");
    server.must("FW.ADMIT acct:42 COST 600");
    assert_eq!(run(&server, "explain 42").code, 4);
}

#[test]
fn a_server_that_is_not_there_is_5() {
    // A port that nobody listens at, kept so that nobody does.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    drop(taken);
    for line in COMMANDS.iter().chain(&["watch"]) {
        let address = format!("redis://user:secret@127.0.0.1:{port}");
        let ran = ended(at(&address).args(line.split(' ')));
        assert_eq!((ran.code, ran.out.as_str()), (5, ""), "{line}: {ran:?}");
        assert!(ran.err.contains(&format!("127.0.0.1:{port}")), "{line}: {ran:?}");
        assert!(!ran.err.contains("secret"), "{line}: {ran:?}");
    }
}

#[test]
fn a_server_that_says_nothing_is_5() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("redis://{}", silent.local_addr().unwrap());
    let ran = ended(at(&address).args(["quota", "list", "42"]));
    assert_eq!(ran.code, 5, "{ran:?}");
}

#[test]
fn a_server_without_the_module_is_6() {
    let server = Server::start_without_module(&["appendonly no", "save \"\""]);
    for line in &COMMANDS {
        let ran = run(&server, line);
        assert_eq!((ran.code, ran.out.as_str()), (6, ""), "{line}: {ran:?}");
        assert!(ran.err.contains("no fw module"), "{line}: {ran:?}");
    }
}

#[test]
fn a_key_that_is_no_account_is_6() {
    let mut server = Server::start(&QUIET);
    server.must("SET acct:42 x");
    for line in COMMANDS.iter().take(10) {
        let ran = run(&server, line);
        assert_eq!((ran.code, ran.out.as_str()), (6, ""), "{line}: {ran:?}");
        assert!(ran.err.contains("WRONGTYPE"), "{line}: {ran:?}");
    }
    assert_eq!(run(&server, "top --once -o json").json()["accounts"], 0);
}

#[test]
fn what_the_server_refuses_is_6_and_says_why() {
    let server = Server::start(&QUIET);
    assert_eq!(run(&server, "topup 42 1 --id t").code, 0);
    for (line, why) in [
        ("topup 42 2 --id t", "CONFLICT"),
        ("topup 42 1e3 --id u", "ERR"),
        ("limit set 42 spend --value 60", "NOTALLOWED"),
        ("limit set 42 nonsense --max 1", "ERR"),
        ("explain 42 --cost x", "ERR"),
    ] {
        let ran = run(&server, line);
        assert_eq!((ran.code, ran.out.as_str()), (6, ""), "{line}: {ran:?}");
        assert!(ran.err.starts_with(&format!("fwctl: {why} ")), "{line}: {ran:?}");
    }
}

#[test]
fn wrong_usage_is_2() {
    let server = Server::start(&QUIET);
    for line in ["quota", "limit set 42 spend", "topup 42 1", "top --interval 0", "nonsense"] {
        assert_eq!(run(&server, line).code, 2, "{line}");
    }
    let ran = ended(at("redis//:secret@x").args(["quota", "list", "42"]));
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("redis[s]://") && !ran.err.contains("secret"), "{ran:?}");
}

#[test]
fn a_password_comes_from_the_environment_or_the_address() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    server.must("FW.ADMIT acct:42");
    server.must("ACL SETUSER op on >other ~acct:* +fw.quotas");
    server.must("CONFIG SET requirepass secret");
    let place = format!("127.0.0.1:{}", server.port);
    let list = |url: &str, auth: Option<&str>| {
        let mut command = at(url);
        command.args(["quota", "list", "42"]);
        ended(if let Some(auth) = auth { command.env("REDISCLI_AUTH", auth) } else { &mut command })
    };
    assert_eq!(list(&format!("redis://:secret@{place}"), None).code, 0);
    assert_eq!(list(&format!("redis://{place}"), Some("secret")).code, 0);
    assert_eq!(list(&format!("redis://op@{place}"), Some("other")).code, 0);
    let without = list(&format!("redis://{place}"), None);
    assert_eq!(without.code, 6);
    assert!(without.err.contains("REDISCLI_AUTH"), "{without:?}");
    let wrong = list(&format!("redis://:wrong@{place}"), None);
    assert_eq!(wrong.code, 6, "{wrong:?}");
    assert!(!wrong.err.contains("wrong@") && wrong.err.contains("password"), "{wrong:?}");
    // What a user may not do is said.
    let mut show = at(&format!("redis://op:other@{place}"));
    let denied = ended(show.args(["account", "show", "42"]));
    assert_eq!(denied.code, 6);
    assert!(denied.err.contains("NOPERM"), "{denied:?}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    server.must("FW.ADMIT acct:42");
    let line = format!("\"$0\" top --interval 1 -u {} | head -n 1", url(&server));
    let mut shell = std::process::Command::new("bash");
    let line = format!("{line}; echo \"${{PIPESTATUS[0]}}\"");
    let ran = ended(shell.args(["-c", &line, env!("CARGO_BIN_EXE_fwctl")]));
    assert!(ran.out.ends_with("\n0\n"), "{ran:?}");
    assert_eq!(ran.err, "");
}

#[test]
fn help_names_every_exit_code() {
    let ran = ended(at("redis://127.0.0.1:1").arg("--help"));
    assert_eq!(ran.code, 0);
    for code in 0..=6 {
        assert!(ran.out.contains(&format!("\n  {code}  ")), "{code}: {}", ran.out);
    }
    let top = ended(at("redis://127.0.0.1:1").args(["top", "--help"]));
    assert!(top.out.contains("It samples"), "{top:?}");
}

#[test]
fn the_operator_of_redis_conf_may_do_what_the_readme_says() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    let shipped = include_str!("../../../redis.conf");
    let user = shipped.lines().find_map(|line| line.strip_prefix("# user operator reset "));
    let rules = user.expect("an operator").replace("change-me-operator", "pw");
    server.must(&format!("ACL SETUSER operator reset on {rules}"));
    let address = format!("redis://operator:pw@127.0.0.1:{}", server.port);
    let as_operator = |line: &str| ended(at(&address).args(line.split(' ')));
    assert_eq!(as_operator("topup 42 1 --id t").code, 0);
    for line in COMMANDS.iter().take(9) {
        let ran = as_operator(line);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{line}");
    }
    for line in ["top --once", "watch"] {
        assert_eq!(as_operator(line).code, 6, "{line}");
    }
    server.must("ACL SETUSER operator +scan +dbsize +psubscribe &__keyspace@0__:acct:*");
    assert_eq!(as_operator("top --once").code, 0);
    Running::start(at(&address).arg("watch")).says("fwctl: watching ");
}

#[test]
fn a_server_that_cannot_answer_now_is_5() {
    let mut server = Server::start(&["appendonly no", "save \"\"", "replica-serve-stale-data no"]);
    server.must("FW.ADMIT acct:42");
    server.must(&format!("REPLICAOF 127.0.0.1 {}", crate::support::server::free_port()));
    let ran = run(&server, "quota list 42");
    assert_eq!((ran.code, ran.out.as_str()), (5, ""), "{ran:?}");
    assert!(ran.err.contains("MASTERDOWN"), "{ran:?}");
}
