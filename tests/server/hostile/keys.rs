//! Keys: of every other type, and coming, going and moving under traffic.

use super::traffic::words;
use super::{forms_of_accounts, rounds, server};
use crate::support::answer::Answer;
use crate::support::history::Random;
use crate::support::scenario::words as parsed;
use crate::support::server::{Server, run_on};

const CLIENTS: usize = 3;
const COMMANDS: usize = 1_500;
const KEYS: [&str; 5] = ["a", "b", "c", "\"\\xff\\xfe\"", "d{x}"];
const CODES: [&str; 8] =
    ["ERR", "WRONGTYPE", "NOACCOUNT", "NOHOLD", "NOLEASE", "STALE", "CONFLICT", "NOTALLOWED"];

#[test]
fn a_key_of_any_other_type_is_refused_by_every_command_and_stays_as_it_is() {
    let mut server = server();
    for make in [
        "SET k text",
        "SETBIT k 7 1",
        "PFADD k a",
        "RPUSH k a b",
        "SADD k 1 2",
        "SADD k x",
        "ZADD k 1 a",
        "HSET k field value",
        "XADD k 1-1 field value",
        "GEOADD k 13 38 a",
    ] {
        server.must("DEL k");
        server.must(make);
        server.must("PEXPIREAT k 4102444800000");
        let (before, offset) = (server.digest(), server.offset());
        for form in forms_of_accounts() {
            assert_eq!(server.run(&words(form)).line(), "(error) WRONGTYPE", "{make}, {form}");
        }
        assert_eq!((server.digest(), server.offset()), (before, offset), "{make}");
    }
}

/// Each step between commands of one script, and what FW.ADMIT answers after it.
const REPLACED: [(&str, &str); 8] = [
    ("'SET', KEYS[1], 'x'", "WRONGTYPE"),
    ("'DEL', KEYS[1]", "OK requests 600 599 60000 0"),
    ("'COPY', KEYS[1], KEYS[2]", "OK requests 600 598 60000 0"),
    ("'RENAME', KEYS[2], KEYS[1]", "OK requests 600 598 60000 0"),
    ("'PEXPIREAT', KEYS[1], 1", "OK requests 600 599 60000 0"),
    ("'LPUSH', KEYS[2], 'x'", "OK requests 600 598 60000 0"),
    ("'RENAME', KEYS[2], KEYS[1]", "WRONGTYPE"),
    ("'UNLINK', KEYS[1]", "OK requests 600 599 60000 0"),
];

#[test]
fn a_key_that_a_script_replaces_is_judged_anew_by_each_command() {
    let mut server = Server::start(&["appendfsync no", "aof-use-rdb-preamble no"]);
    let mut replica = server.replica(&["appendonly no"]);
    server.must("FW.CLOCK SET 1773144000000");
    server.must("FW.ADMIT {k}1 COST 9");
    let mut script = String::from("local said = {} ");
    for (step, _) in REPLACED {
        script += &format!(
            "redis.call({step}) local r = redis.pcall('FW.ADMIT', KEYS[1]) \
             said[#said + 1] = r.err and string.match(r.err, '%a+') or \
             r[1].ok .. ' ' .. r[2] .. ' ' .. r[3] .. ' ' .. r[4] .. ' ' .. r[5] .. ' ' .. r[6] "
        );
    }
    script += "return said";
    let eval = [b"EVAL".to_vec(), script.into(), b"2".to_vec(), b"{k}1".to_vec(), b"{k}2".to_vec()];
    let Answer::List(said) = server.run(&eval) else { panic!("a list") };
    let said: Vec<String> = said.iter().map(|one| one.word().replace('"', "")).collect();
    assert_eq!(said, REPLACED.map(|(_, answer)| answer));
    server.wait_for_replica(&mut replica);
    let digest = server.digest();
    assert_eq!(replica.digest(), digest, "the replica");
    server.restart();
    assert_eq!(server.digest(), digest, "after a replay");
    for server in [&mut server, &mut replica] {
        assert_eq!(server.info("fw", "fw_divergences"), "0");
    }
}

/// What happens to a key while others use the account in it.
fn upheaval(random: &mut Random) -> String {
    let key = |random: &mut Random| {
        let at = usize::try_from(random.below(KEYS.len() as u64)).unwrap();
        KEYS[at]
    };
    let (one, other) = (key(random), key(random));
    match random.below(64) {
        0 => "FLUSHALL ASYNC".to_owned(),
        1 | 2 => "SWAPDB 0 1".to_owned(),
        3..=7 => format!("UNLINK {one}"),
        8..=12 => format!("RENAME {one} {other}"),
        13..=17 => format!("COPY {one} {other} REPLACE"),
        18..=20 => format!("COPY {one} {one} DB 1 REPLACE"),
        21..=24 => format!("MOVE {one} 1"),
        25..=28 => format!("EXPIRE {one} 100"),
        29 | 30 => format!("PEXPIRE {one} 1"),
        31..=33 => format!("PERSIST {one}"),
        34 | 35 => format!("SET {one} x"),
        36..=39 => "SCAN 0 TYPE fwaccount COUNT 100".to_owned(),
        40..=43 => format!("OBJECT ENCODING {one}"),
        44..=47 => format!("OBJECT IDLETIME {one}"),
        48..=52 => format!("MEMORY USAGE {one} SAMPLES 0"),
        53..=57 => format!("DEBUG DIGEST-VALUE {one} {other}"),
        58..=60 => format!("DUMP {one}"),
        _ => format!("TYPE {one}"),
    }
}

#[test]
fn keys_come_go_and_move_under_traffic_and_primary_replica_and_log_agree() {
    let lines = ["appendfsync no", "aof-use-rdb-preamble no"];
    let mut server = Server::start(&lines);
    let mut replica = server.replica(&["appendonly no"]);
    server.must("FW.CLOCK SET 1773144000000");
    std::thread::scope(|scope| {
        for client in 0..=CLIENTS {
            let server = &server;
            scope.spawn(move || {
                let mut connection = server.connect();
                let mut random = Random::new();
                for _ in 0..rounds(COMMANDS) {
                    let line = if client == 0 { upheaval(&mut random) } else { random.command() };
                    let answer = run_on(&mut connection, &parsed(&line));
                    if let (Answer::Error(text), true) = (&answer, line.starts_with("FW.")) {
                        let code = text.split(' ').next().unwrap_or_default();
                        assert!(CODES.contains(&code), "{line}: {text}");
                    }
                }
            });
        }
    });
    for database in [0, 1] {
        server.must(&format!("SELECT {database}"));
        for key in KEYS {
            server.must(&format!("PERSIST {key}"));
        }
    }
    server.wait_for_replica(&mut replica);
    let digest = server.digest();
    assert_eq!(replica.digest(), digest, "the replica");
    assert_eq!(replica.info("fw", "fw_divergences"), "0");
    server.restart();
    assert_eq!(server.digest(), digest, "after a replay");
    assert_eq!(server.info("fw", "fw_divergences"), "0");
}
