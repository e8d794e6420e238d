//! Who may do what: the users that redis.conf carries, permissions on keys, and ACL categories.

use redis::Connection;

use super::docs::{Listed, listed, shortest};
use crate::support::answer::Answer;
use crate::support::release::Release;
use crate::support::scenario::{START, words};
use crate::support::server::{Server, run_on};

const GATEWAY: [&str; 6] = ["FW.ADMIT", "FW.PEEK", "FW.SPEND", "FW.VOID", "FW.EXTEND", "FW.QUOTA"];
const BILLING: [&str; 3] = ["FW.TOPUP", "FW.REFUND", "FW.INVOICE"];
const ADMIN: [&str; 7] =
    ["FW.SET", "FW.LIMIT", "FW.SUSPEND", "FW.RESUME", "FW.TOPUP", "FW.REFUND", "FW.INVOICE"];
/// What no user of the module's may do.
const FORBIDDEN: [&str; 14] = [
    "FW.CLOCK REAL",
    "FW.APPLY acct:1 x",
    "FW.LOAD acct:1 x",
    "GET acct:1",
    "SET acct:1 x",
    "DEL acct:1",
    "DUMP acct:1",
    "EXPIRE acct:1 1",
    "EVAL \"return 1\" 0",
    "CONFIG GET fw.*",
    "KEYS *",
    "FLUSHALL",
    "PUBLISH c m",
    "ACL LIST",
];

/// The lines of redis.conf that are users once they are uncommented.
fn shipped_users() -> Vec<String> {
    let conf = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/redis.conf")).unwrap();
    let users = conf.lines().filter_map(|line| line.strip_prefix("# user "));
    users.map(|user| format!("user {user}")).collect()
}

fn log_in(server: &Server, line: &str) -> Connection {
    let name = line.split(' ').nth(1).unwrap();
    let password = line.split(' ').find_map(|word| word.strip_prefix('>')).unwrap();
    let mut connection = server.connect();
    let answer = run_on(&mut connection, &words(&format!("AUTH {name} {password}")));
    assert_eq!(answer.line(), "OK", "{line}");
    connection
}

/// A user that the server makes.
fn user(server: &mut Server, name: &str, rules: &str) -> Connection {
    server.must(&format!("ACL SETUSER {name} reset on >pw {rules}"));
    log_in(server, &format!("user {name} >pw"))
}

fn may(connection: &mut Connection, line: &str) -> bool {
    !matches!(run_on(connection, &words(line)), Answer::Error(why) if why.starts_with("NOPERM"))
}

/// The shortest line of a command about an account.
fn about(key: &str, listed: &Listed) -> String {
    let mut line = shortest(&listed.doc);
    if listed.is_keyed {
        line[1] = key.to_owned();
    }
    line.join(" ")
}

fn is_view(listed: &Listed) -> bool {
    // FW.PEEK reads only, and is the gateways'.
    listed.access != fw_limits::command::Access::Write && listed.doc.name != "FW.PEEK"
}

#[test]
fn the_users_of_redis_conf_may_do_their_work_and_nothing_else() {
    let users = shipped_users();
    let lines: Vec<&str> = users.iter().map(String::as_str).collect();
    let mut server = Server::start_bare(&[&lines[..], &["fw.test-clock yes"]].concat());
    server.must("FW.ADMIT acct:1");
    let names: Vec<&str> = lines.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(names, ["gateway", "billing", "operator"]);
    for (line, name) in lines.iter().zip(names) {
        let mut connection = log_in(&server, line);
        for listed in listed() {
            let command = listed.doc.name;
            let expected = is_view(&listed)
                || match name {
                    "gateway" => GATEWAY.contains(&command),
                    "billing" => BILLING.contains(&command),
                    _ => [&GATEWAY[..], &ADMIN].concat().contains(&command),
                };
            let own = about("acct:1", &listed);
            assert_eq!(may(&mut connection, &own), expected, "{name}: {own}");
            let other = about("other:1", &listed);
            let expected = expected && !listed.is_keyed;
            assert_eq!(may(&mut connection, &other), expected, "{name}: {other}");
        }
        for line in FORBIDDEN {
            assert!(!may(&mut connection, line), "{name} may {line}");
        }
        assert!(may(&mut connection, "PING"), "{name}");
        assert_eq!(may(&mut connection, "INFO fw"), name == "operator", "{name}");
    }
    let mut stranger = server.connect();
    let wrong = run_on(&mut stranger, &words("AUTH gateway wrong"));
    assert!(matches!(wrong, Answer::Error(_)));
}

#[test]
fn a_user_who_may_only_read_keys_runs_every_view_and_nothing_that_changes_them() {
    let mut server = Server::start(&["fw.new-accounts open"]);
    let all: Vec<String> =
        listed().iter().map(|listed| format!("+{}", listed.doc.name.to_lowercase())).collect();
    let all = all.join(" ");
    let mut reader = user(&mut server, "reader", &format!("%R~acct:* {all}"));
    let mut writer = user(&mut server, "writer", &format!("%W~acct:* {all}"));
    let mut both = user(&mut server, "both", &format!("%RW~acct:* {all}"));
    for listed in listed().iter().filter(|listed| listed.is_keyed) {
        let reads = listed.access != fw_limits::command::Access::Write;
        let line = about("acct:1", listed);
        assert_eq!(may(&mut reader, &line), reads, "{line}");
        // Every command replies how the account stands, so all of them read it.
        assert!(!may(&mut writer, &line), "{line}");
        assert!(may(&mut both, &line), "{line}");
        assert!(!may(&mut both, &about("other:1", listed)), "{line}");
    }
}

#[test]
fn views_run_on_a_replica_and_in_read_only_scripts_with_read_permission_alone() {
    let mut server = Server::start(&[]);
    let mut replica = server.replica(&[]);
    for server in [&mut server, &mut replica] {
        server.must(&format!("FW.CLOCK SET {START}"));
    }
    server.must("FW.ADMIT acct:1");
    server.wait_for_replica(&mut replica);
    let views: Vec<Listed> = listed()
        .into_iter()
        .filter(|listed| listed.is_keyed && listed.access != fw_limits::command::Access::Write)
        .collect();
    let names = views.iter().map(|view| format!("+{}", view.doc.name.to_lowercase()));
    let names = names.collect::<Vec<_>>().join(" ");
    let mut reader = user(&mut replica, "reader", &format!("%R~acct:* +eval_ro {names}"));
    for view in &views {
        let line = about("acct:1", view);
        let plain = run_on(&mut reader, &words(&line));
        assert!(!matches!(plain, Answer::Error(_) | Answer::Nil), "{line}: {plain:?}");
        let call = "return redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))";
        let mut script = words(&format!("EVAL_RO \"{call}\" 1 acct:1 {}", view.doc.name));
        script.extend(words(&line).into_iter().skip(2));
        assert_eq!(run_on(&mut reader, &script).line(), plain.line(), "{line}");
    }
}

/// The commands of the module in an ACL category, or `None` where there is no such category.
fn category(server: &mut Server, name: &str) -> Option<Vec<String>> {
    let Answer::List(rows) = server.ask(&format!("ACL CAT {name}")) else { return None };
    let rows = rows.iter().map(|row| row.word().to_uppercase());
    let mut rows: Vec<String> = rows.filter(|row| row.starts_with("FW.")).collect();
    rows.sort();
    Some(rows)
}

fn names(wanted: impl Fn(&Listed) -> bool, more: &[&str]) -> Vec<String> {
    let listed = listed().into_iter().filter(wanted).map(|listed| listed.doc.name.to_owned());
    let mut names: Vec<String> = listed.chain(more.iter().map(|name| (*name).to_owned())).collect();
    names.sort();
    names
}

#[test]
fn commands_are_in_the_categories_that_the_server_has() {
    use fw_limits::command::Access::{ReadRows, Write};
    const OWN: [&str; 2] = ["FW.APPLY", "FW.LOAD"];
    let mut server = Server::start(&[]);
    let release = Release::of(&mut server);
    let expected = [
        ("read", names(|listed| listed.access != Write, &[])),
        ("write", names(|listed| listed.access == Write, &OWN)),
        ("fast", names(|listed| listed.access != ReadRows, &OWN)),
        ("slow", names(|listed| listed.access == ReadRows, &[])),
        ("dangerous", names(|listed| listed.doc.name == "FW.CLOCK", &OWN)),
        ("admin", names(|listed| listed.doc.name == "FW.CLOCK", &OWN)),
    ];
    for (name, commands) in expected {
        let commands = if release.has_categories() { commands } else { Vec::new() };
        assert_eq!(category(&mut server, name), Some(commands), "@{name} on {release:?}");
    }
    let all = release.has_own_categories().then(|| names(|_| true, &OWN));
    assert_eq!(category(&mut server, "fw"), all, "@fw on {release:?}");
}

#[test]
fn grants_by_category_work_where_the_server_has_them() {
    let mut server = Server::start(&[]);
    let release = Release::of(&mut server);
    let mut reader = user(&mut server, "reader", "~* +@read");
    assert_eq!(may(&mut reader, "FW.GET k"), release.has_categories(), "{release:?}");
    assert!(!may(&mut reader, "FW.ADMIT k"));
    let made = server.ask("ACL SETUSER all reset on >pw ~* +@fw -@dangerous");
    assert_eq!(made.line() == "OK", release.has_own_categories(), "{release:?}");
    if release.has_own_categories() {
        let mut all = log_in(&server, "user all >pw");
        assert!(may(&mut all, "FW.ADMIT k") && may(&mut all, "FW.HELP"));
        assert!(!may(&mut all, "FW.CLOCK REAL") && !may(&mut all, "GET k"));
    }
}

#[test]
fn what_a_restricted_user_changes_reaches_replicas_and_the_aof() {
    let mut server = Server::start(&["appendonly yes", "appendfsync always"]);
    let mut gateway = user(&mut server, "gateway", "~acct:* +fw.admit");
    let mut replica = server.replica(&[]);
    assert!(may(&mut gateway, "FW.ADMIT acct:1 COST 7"));
    server.wait_for_replica(&mut replica);
    assert_eq!(replica.digest(), server.digest());
    let before = server.picture("acct:1");
    server.kill();
    server.restart();
    assert_eq!(server.picture("acct:1"), before);
}
