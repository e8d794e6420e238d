//! What is refused: malformed commands, other types, hostile bytes, commands of the server's own.

use crate::support::answer::Answer;
use crate::support::scenario::words;
use crate::support::server::Server;

/// One good line of every form of every command.
const FORMS: [&str; 34] = [
    "FW.ADMIT k COST 1",
    "FW.ADMIT k COST 1 SCOPE m TOKENS 5 HOLD h 1 TTL 1000",
    "FW.PEEK k COST 1 SCOPE m TOKENS 5 HOLD h 1 TTL 1000",
    "FW.EXPLAIN k COST 1 SCOPE m TOKENS 5 HOLD h 1 TTL 1000",
    "FW.SPEND k 1",
    "FW.SPEND k 1 ID s",
    "FW.SPEND k 1 HOLD h TOKENS 1 PARTIAL",
    "FW.EXTEND k h 1000",
    "FW.VOID k h",
    "FW.TOPUP k 1 ID t PROMO",
    "FW.REFUND k 1 ID r",
    "FW.INVOICE k FAILED i",
    "FW.INVOICE k PAID i AMOUNT 1",
    "FW.INVOICE k VOIDED j",
    "FW.SUSPEND k fraud",
    "FW.RESUME k",
    "FW.SET k payment-method yes tier auto anchor-day 3",
    "FW.LIMIT k requests VALUE 5 MAX 600",
    "FW.LIMIT k spend MAX 5",
    "FW.LIMIT k tokens@m/x VALUE unlimited",
    "FW.QUOTA k RESERVE l h100 1 a100 1 TTL 1000",
    "FW.QUOTA k RENEW l 1 TTL 1000",
    "FW.QUOTA k RELEASE l 1",
    "FW.QUOTA k SYNC 1 l m",
    "FW.QUOTAS k requests",
    "FW.GET k",
    "FW.HOLDS k COUNT 1",
    "FW.LEASES k COUNT 1",
    "FW.TIERS",
    "FW.HELP",
    "FW.HELP admit",
    "FW.CLOCK SET 1773144000000",
    "FW.CLOCK ADVANCE 1",
    "FW.CLOCK REAL",
];

/// What the server itself says when there are too few words for any form.
const COUNT: &str = "wrong number of arguments";

fn server() -> Server {
    Server::start(&["appendonly no", "save \"\""])
}

#[test]
fn what_is_wrong_with_the_words_is_said_before_what_the_key_holds() {
    let mut server = server();
    server.must("SET s x");
    for line in [
        "FW.QUOTAS s nosuch",
        "FW.LIMIT s nosuch MAX 1",
        "FW.LIMIT s nosuch MAX DEFAULT",
        "FW.QUOTA s RESERVE l nosuch 1",
        "FW.SET s tier nosuch",
        "FW.ADMIT s COST x",
        "FW.ADMIT s TTL 1",
        "FW.SPEND s 1 PARTIAL",
        "FW.EXTEND s h 0",
        "FW.REFUND s 0 ID r",
        "FW.INVOICE s FAILED i AMOUNT 1",
        "FW.SUSPEND s \"\"",
    ] {
        assert_eq!(server.says(line), "(error) ERR", "{line}");
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn malformed_commands_are_errors_that_say_how_the_command_is_written() {
    let mut server = server();
    for (line, says) in [
        ("FW.ADMIT", COUNT),
        ("FW.ADMIT k COST", "is missing at argument 3"),
        ("FW.ADMIT k COST x", "argument 3 'x'"),
        ("FW.ADMIT k COST 1 COST 1", "given twice"),
        ("FW.ADMIT k COST -1", "argument 3 '-1'"),
        ("FW.ADMIT k COST 9223372036854775808", "argument 3"),
        ("FW.PEEK", COUNT),
        ("FW.PEEK k 1", "argument 2 '1'"),
        ("FW.SPEND k", COUNT),
        ("FW.SPEND k -1", "argument 2 '-1'"),
        ("FW.SPEND k .5", "argument 2 '.5'"),
        ("FW.SPEND k 5.", "argument 2 '5.'"),
        ("FW.SPEND k 1e3", "argument 2 '1e3'"),
        ("FW.SPEND k nan", "argument 2 'nan'"),
        ("FW.SPEND k 9223372036.854775808", "argument 2"),
        ("FW.SPEND k 0.0000000001", "argument 2"),
        ("FW.SPEND k 1 ID", "is missing at argument 4"),
        ("FW.SPEND k 1 ID a ID b", "given twice"),
        ("FW.SPEND k 1 ID \"\"", "argument 4"),
        ("FW.TOPUP k 1", COUNT),
        ("FW.TOPUP k 0 ID t", "argument 2 '0'"),
        ("FW.TOPUP k 1 ID t PROMO PROMO", "given twice"),
        ("FW.SET k", "is missing at argument 2"),
        ("FW.SET k colour red", "argument 2 'colour'"),
        ("FW.SET k tier tier-9", "argument 3 'tier-9'"),
        ("FW.SET k tier Auto tier auto", "given twice"),
        ("FW.SET k anchor-day 0", "argument 3 '0'"),
        ("FW.SET k anchor-day 32", "argument 3 '32'"),
        ("FW.SET k payment-method maybe", "argument 3 'maybe'"),
        ("FW.LIMIT k requests", "is missing at argument 3"),
        ("FW.LIMIT k speed VALUE 1", "argument 2 'speed'"),
        ("FW.LIMIT k requests VALUE 1 VALUE 2", "given twice"),
        ("FW.LIMIT k requests VALUE 1.5", "argument 4 '1.5'"),
        ("FW.LIMIT k requests@ VALUE 1", "argument 2 'requests@'"),
        ("FW.QUOTA k", COUNT),
        ("FW.QUOTA k GRAB l", "argument 2 'GRAB'"),
        ("FW.QUOTA k RESERVE l", "is missing at argument 4"),
        ("FW.QUOTA k RESERVE l h100", "is missing at argument 5"),
        ("FW.QUOTA k RESERVE l b200 1", "argument 4 'b200'"),
        ("FW.QUOTA k RESERVE l h100 1 h100 1", "given twice"),
        ("FW.QUOTA k RESERVE l h100 1 TTL 31536000001", "argument 7"),
        ("FW.QUOTA k RENEW l", "is missing at argument 4"),
        ("FW.QUOTA k RENEW l x", "argument 4 'x'"),
        ("FW.QUOTA k RELEASE", COUNT),
        ("FW.QUOTA k RELEASE l 1 2", "argument 5 '2'"),
        ("FW.QUOTA k SYNC", COUNT),
        ("FW.QUOTAS k requests tokens", "argument 3 'tokens'"),
        ("FW.GET", COUNT),
        ("FW.GET k all", "argument 2 'all'"),
        ("FW.LEASES k COUNT", "is missing at argument 3"),
        ("FW.TIERS k", "argument 1 'k'"),
        ("FW.HELP nosuch", "argument 1 'nosuch' is not a command"),
        ("FW.HELP admit peek", "argument 2 'peek'"),
        ("FW.CLOCK", COUNT),
        ("FW.CLOCK SET 4102444800001", "argument 2"),
        ("FW.CLOCK REAL 1", "argument 2 '1'"),
    ] {
        refuses(&mut server, line, says);
    }
    assert_eq!(server.says("EXISTS k"), "0");
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn malformed_holds_and_bills_are_errors_that_say_how_the_command_is_written() {
    let mut server = server();
    for (line, says) in [
        ("FW.ADMIT k HOLD", "is missing at argument 3"),
        ("FW.ADMIT k HOLD h", "is missing at argument 4"),
        ("FW.ADMIT k HOLD \"\" 1", "argument 3"),
        ("FW.ADMIT k HOLD h -1", "argument 4 '-1'"),
        ("FW.ADMIT k HOLD h unlimited", "argument 4 'unlimited'"),
        ("FW.ADMIT k HOLD h 9223372036.854775808", "argument 4"),
        ("FW.ADMIT k HOLD h 1 HOLD g 1", "given twice"),
        ("FW.ADMIT k HOLD h 1 TTL", "is missing at argument 6"),
        ("FW.ADMIT k HOLD h 1 TTL 0", "argument 6 '0'"),
        ("FW.ADMIT k HOLD h 1 TTL 86400001", "argument 6 '86400001'"),
        ("FW.ADMIT k HOLD h 1 TTL 1 TTL 1", "given twice"),
        ("FW.ADMIT k TTL 1000", "HOLD"),
        ("FW.ADMIT k TOKENS", "is missing at argument 3"),
        ("FW.ADMIT k TOKENS -1", "argument 3 '-1'"),
        ("FW.ADMIT k TOKENS 1 TOKENS 1", "given twice"),
        ("FW.ADMIT k SCOPE", "is missing at argument 3"),
        ("FW.ADMIT k SCOPE \"a b\"", "argument 3"),
        ("FW.ADMIT k SCOPE \"a\\x01\"", "argument 3"),
        ("FW.ADMIT k SCOPE m SCOPE m", "given twice"),
        ("FW.PEEK k TTL 1000", "HOLD"),
        ("FW.PEEK k HOLD h", "is missing at argument 4"),
        ("FW.SPEND k 1 HOLD", "is missing at argument 4"),
        ("FW.SPEND k 1 HOLD h HOLD h", "given twice"),
        ("FW.SPEND k 1 HOLD h TOKENS x", "argument 6 'x'"),
        ("FW.SPEND k 1 HOLD h PARTIAL PARTIAL", "given twice"),
        ("FW.SPEND k 1 TOKENS 1", "HOLD"),
        ("FW.SPEND k 1 PARTIAL", "HOLD"),
        ("FW.SPEND k 1 ID s TOKENS 1", "HOLD"),
        ("FW.SPEND k 1 ID s HOLD h", "HOLD"),
        ("FW.SPEND k 1 HOLD h ID s", "ID"),
        ("FW.VOID k", COUNT),
        ("FW.VOID k \"\"", "argument 2"),
        ("FW.VOID k h g", "argument 3 'g'"),
        ("FW.EXTEND k h", COUNT),
        ("FW.EXTEND k h 0", "argument 3 '0'"),
        ("FW.EXTEND k h 86400001", "argument 3 '86400001'"),
        ("FW.REFUND k 1", COUNT),
        ("FW.REFUND k 0 ID r", "argument 2 '0'"),
        ("FW.REFUND k 1 ID r PROMO", "argument 5 'PROMO'"),
        ("FW.INVOICE k", COUNT),
        ("FW.INVOICE k LOST i", "argument 2 'LOST'"),
        ("FW.INVOICE k PAID", COUNT),
        ("FW.INVOICE k PAID i AMOUNT", "is missing at argument 5"),
        ("FW.INVOICE k PAID i AMOUNT -1", "argument 5 '-1'"),
        ("FW.INVOICE k PAID i AMOUNT 1 AMOUNT 1", "given twice"),
        ("FW.INVOICE k FAILED i AMOUNT 1", "AMOUNT"),
        ("FW.INVOICE k VOIDED i AMOUNT 1", "AMOUNT"),
        ("FW.SUSPEND k", COUNT),
        ("FW.SUSPEND k \"\"", "argument 2"),
        ("FW.SUSPEND k two words", "argument 3 'words'"),
        ("FW.RESUME k now", "argument 2 'now'"),
        ("FW.HOLDS k COUNT", "is missing at argument 3"),
        ("FW.HOLDS k COUNT x", "argument 3 'x'"),
    ] {
        refuses(&mut server, line, says);
    }
    refuses(&mut server, &format!("FW.SUSPEND k {}", "x".repeat(257)), "argument 2");
    refuses(&mut server, &format!("FW.ADMIT k HOLD {} 1", "x".repeat(129)), "argument 3");
    refuses(&mut server, &format!("FW.ADMIT k SCOPE {}", "x".repeat(129)), "argument 3");
    assert_eq!(server.says("EXISTS k"), "0");
    let longest = server.says(&format!("FW.SUSPEND k {}", "x".repeat(256)));
    assert_eq!(longest, "OK 0 50 0 0 tier-1 blocked");
}

fn refuses(server: &mut Server, line: &str, says: &str) {
    let Answer::Error(text) = server.ask(line) else { panic!("{line} is no error") };
    assert!(text.starts_with("ERR ") && text.contains(says), "{line}: {text}");
}

#[test]
fn a_key_of_another_type_is_refused_by_every_command_and_stays() {
    let mut server = server();
    server.must("SET k x");
    for form in FORMS.iter().filter(|form| form.contains(" k")) {
        assert_eq!(server.says(form), "(error) WRONGTYPE", "{form}");
    }
    assert_eq!(server.says("GET k"), "x");
    let malformed = "FW.ADMIT k COST x";
    assert_eq!(server.says(malformed), "(error) ERR", "what is malformed is found first");
    server.must("CONFIG SET fw.new-accounts reject");
    assert_eq!(server.says("FW.SPEND k 1"), "(error) WRONGTYPE", "before NOACCOUNT");
}

#[test]
fn hostile_words_are_an_error_or_an_answer_and_the_server_lives() {
    let long = vec![b'x'; 100_000];
    let hostile: [&[u8]; 16] = [
        b"\xff\xfe",
        b"a\0b",
        b"%n%s%n",
        b"\r\n-ERR injected\r\n",
        b"18446744073709551616",
        b"9223372036854775807",
        b"9223372036854775808",
        b"9223372036.854775807",
        b"-1",
        b"",
        b" ",
        b"1e5",
        b"nan",
        b"unlimited",
        b"DEFAULT",
        &long,
    ];
    let mut server = server();
    let mut errors = 0;
    for (at, form) in FORMS.iter().enumerate() {
        let good = words(form);
        for place in 1..=good.len() {
            for (other, word) in hostile.iter().enumerate() {
                let mut bad = good.clone();
                bad.truncate(place);
                bad.push(word.to_vec());
                bad.extend(good.iter().skip(place + 1).cloned());
                let answer = server.run(&bad);
                errors += usize::from(is_clean_error(&answer));
                // A line end within a reply would put the replies out of step.
                let token = format!("{at}-{place}-{other}");
                assert_eq!(server.says(&format!("PING {token}")), token, "{form}");
            }
        }
    }
    assert!(errors > 500, "{errors}");
}

fn is_clean_error(answer: &Answer) -> bool {
    let Answer::Error(line) = answer else { return false };
    let clean = line.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    assert!(clean && line.len() < 600, "{line:?}");
    true
}

#[test]
fn the_servers_own_commands_are_refused_from_clients() {
    let mut server = server();
    server.must("FW.ADMIT k");
    let before = server.picture("k");
    for name in ["FW.APPLY", "FW.LOAD"] {
        assert_eq!(server.says(&format!("{name} k x")), "(error) NOTALLOWED");
        assert_eq!(server.says(&format!("{name} missing \"\"")), "(error) NOTALLOWED");
        let script = format!("\"return redis.call('{name}', KEYS[1], 'x')\"");
        assert_eq!(server.says(&format!("EVAL {script} 1 k")), "(error) NOTALLOWED");
        server.must("MULTI");
        server.ask(&format!("{name} k x"));
        server.ask("EXEC");
    }
    assert_eq!(server.picture("k"), before);
    assert_eq!(server.info("fw", "fw_divergences"), "0");
}

#[test]
fn the_clock_moves_on_the_test_clock_only() {
    let mut server = Server::start_bare(&["appendonly no"]);
    for line in ["FW.CLOCK SET 1", "FW.CLOCK ADVANCE 1", "FW.CLOCK REAL"] {
        assert_eq!(server.says(line), "(error) NOTALLOWED", "{line}");
    }
}
