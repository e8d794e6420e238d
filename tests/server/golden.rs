//! Files of released versions load as the accounts that they were: tests/golden/README.md.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use fw_limits::codec::wire::VERSION;

use crate::support::answer::Answer;
use crate::support::scenario::{START, words};
use crate::support::server::Server;

const KEYS: [&str; 4] = ["all", "\"\\xff\\x00 key\"", "prepaid", "plain"];
const VIEWS: [&str; 5] = ["FW.GET", "FW.QUOTAS", "FW.HOLDS", "FW.LEASES", "FW.LOG"];
/// The clock at which the views are looked at.
const END: i64 = START + 40 * 86_400_000;

/// Something of everything that an account can have, and every kind of effect.
const HISTORY: &[&str] = &[
    "FW.ADMIT plain COST 3",
    "FW.CLOCK ADVANCE 1500",
    "FW.ADMIT plain",
    "FW.ADMIT plain HOLD settled 2",
    "FW.SPEND plain 1.25 HOLD settled",
    "FW.SET prepaid payment-method no anchor-day 31",
    "FW.TOPUP prepaid 9223372036.854775807 ID \"an id of more than 38 bytes does not lie inline\" PROMO",
    "FW.SPEND prepaid 9223372036.854775807",
    "FW.SPEND \"\\xff\\x00 key\" 0.000000001 ID \"\\x00\\r\\n\\xff\"",
    "FW.SPEND all 7 ID \"a spend\"",
    "FW.TOPUP all 200 ID \"a top-up\"",
    "FW.TOPUP all 2000 ID another",
    "FW.TOPUP all 5 ID \"a gift\" PROMO",
    "FW.SET all tier tier-3 anchor-day 10",
    "FW.LIMIT all h100 VALUE 9 MAX 9",
    "FW.LIMIT all requests VALUE 100 MAX unlimited",
    "FW.LIMIT all requests@models/x MAX 50",
    "FW.LIMIT all tokens MAX 500",
    "FW.LIMIT all tokens@models/x MAX 90",
    "FW.LIMIT all concurrency VALUE 40",
    "FW.LIMIT all a100 MAX 3",
    "FW.LIMIT all a100 MAX DEFAULT",
    "FW.QUOTA all RESERVE l1 h100 2 a100 1 TTL 0",
    "FW.QUOTA all RESERVE l2 a100 1 TTL 31536000000",
    "FW.QUOTA all RESERVE l3 deployed-models 100 TTL 900",
    "FW.QUOTA all RESERVE l4 h100 1",
    "FW.CLOCK ADVANCE 5",
    "FW.QUOTA all RENEW l2 2",
    "FW.QUOTA all RELEASE l4 4",
    "FW.ADMIT all COST 1 SCOPE models/x TOKENS 20 HOLD up 3 TTL 86400000",
    "FW.ADMIT all COST 1 SCOPE models/x TOKENS 20 HOLD down 3",
    "FW.ADMIT all COST 0 TOKENS 20 HOLD late 3 TTL 1",
    "FW.ADMIT all COST 0 TOKENS 20 HOLD void 3",
    "FW.CLOCK ADVANCE 1500",
    "FW.SPEND all 1.5 HOLD up TOKENS 25 PARTIAL",
    "FW.EXTEND all up 70000",
    "FW.SPEND all 2.25 HOLD up TOKENS 30",
    "FW.SPEND all 2 HOLD down TOKENS 5",
    "FW.SPEND all 0.5 HOLD late",
    "FW.VOID all void",
    "FW.REFUND all 1 ID \"a refund\"",
    "FW.INVOICE all FAILED i1",
    "FW.INVOICE all FAILED i2",
    "FW.INVOICE all PAID i2 AMOUNT 1",
    "FW.INVOICE all VOIDED i3",
    "FW.SUSPEND all \"two words\"",
    "FW.RESUME all",
    "FW.SPEND all 4990 ID \"most of it\"",
    "FW.CLOCK ADVANCE 61000",
    "FW.CLOCK ADVANCE 90000000",
    "FW.ADMIT plain",
    "FW.SPEND all 1 ID \"forgets a spend\"",
    // The clock goes back; then a month ends.
    "FW.CLOCK SET 1773226864000",
    "FW.SPEND plain 2 ID back",
    "FW.CLOCK ADVANCE 3369600000",
    "FW.INVOICE all PAID i1",
    "FW.ADMIT all COST 7",
    "FW.INVOICE all FAILED i4",
    "FW.SPEND \"\\xff\\x00 key\" 60",
    "FW.SET plain payment-method no",
];
/// The last of them, which come to a server that has everything.
const LATEST: &[&str] = &[
    "FW.INVOICE all VOIDED i4",
    "FW.TOPUP all 3000 ID credits",
    "FW.TOPUP all 9 ID promo PROMO",
    "FW.QUOTA all RESERVE l5 h100 1",
    "FW.ADMIT all SCOPE models/x TOKENS 2",
    "FW.ADMIT all COST 2 SCOPE models/x TOKENS 33 HOLD open 6 TTL 86400000",
    "FW.ADMIT all COST 1 SCOPE models/x TOKENS 3 HOLD brief 1 TTL 2000",
    "FW.SPEND all 1 HOLD open TOKENS 40 PARTIAL",
    "FW.INVOICE all FAILED i5",
    "FW.SUSPEND all fraud",
];
const SETTINGS: [&str; 3] =
    ["fw.new-accounts open", "fw.tokens-per-minute 1000", "rdbcompression no"];

fn folder(version: u8) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/version-{version}"))
}

/// What the views show of the accounts: each word with its value. A later version may show more.
fn shown(server: &mut Server) -> BTreeSet<String> {
    server.must(&format!("FW.CLOCK SET {END}"));
    let mut facts = BTreeSet::new();
    for key in KEYS {
        for view in VIEWS {
            let line = format!("{view} {key}");
            let Answer::List(rows) = server.must(&line) else { panic!("{line}") };
            // One map, or a list of maps.
            let maps = match rows.first() {
                Some(Answer::List(_)) => rows,
                _ => vec![Answer::List(rows)],
            };
            for (number, map) in maps.iter().enumerate() {
                let Answer::List(words) = map else { panic!("{line}") };
                facts.extend(
                    words.chunks_exact(2).map(|pair| {
                        format!("{line} {number} {} {}", pair[0].word(), pair[1].word())
                    }),
                );
            }
        }
    }
    facts
}

#[test]
fn files_of_released_versions_load_as_the_accounts_that_they_were() {
    for version in 1..=VERSION {
        let history = std::fs::read_to_string(folder(version).join("history.txt"));
        let history = history.expect("tests/golden/README.md says how it is written");
        let facts = history.lines().filter_map(|line| line.strip_prefix("< "));
        let facts: BTreeSet<String> = facts.map(str::to_owned).collect();
        assert!(facts.len() > 100, "{version}");
        for file in ["dump.rdb", "appendonlydir"] {
            let is_aof = if file == "dump.rdb" { "appendonly no" } else { "appendonly yes" };
            let mut server = Server::start(&[&SETTINGS[..], &[is_aof, "save \"\""]].concat());
            server.kill();
            copy(&folder(version).join(file), &server.folder.join(file));
            server.restart();
            let seen = shown(&mut server);
            let missing: Vec<&String> = facts.difference(&seen).collect();
            assert!(missing.is_empty(), "{file} of version {version}: {missing:#?} in {seen:#?}");
            assert_eq!(server.info("fw", "fw_divergences"), "0", "{file} of version {version}");
        }
    }
}

/// Copies a file, or puts the files of a folder in the place of those that are there.
fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        std::fs::copy(from, to).expect("it is copied");
        return;
    }
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder reads") {
        let entry = entry.expect("an entry reads");
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}

/// The words of the last command in an append-only file.
fn last_command(server: &Server) -> Vec<Vec<u8>> {
    let file = newest(&server.folder.join("appendonlydir"));
    let bytes = std::fs::read(file).expect("the file reads");
    let (mut rest, mut words) = (&bytes[..], Vec::new());
    let number = |rest: &mut &[u8]| -> (u8, usize) {
        let end = rest.windows(2).position(|pair| pair == b"\r\n").expect("a line");
        let (line, left) = rest.split_at(end);
        *rest = &left[2..];
        let figure = std::str::from_utf8(&line[1..]).expect("a figure").parse();
        (line[0], figure.expect("a figure"))
    };
    while !rest.is_empty() {
        let (sign, count) = number(&mut rest);
        assert_eq!(sign, b'*');
        words.clear();
        for _ in 0..count {
            let (_, length) = number(&mut rest);
            words.push(rest[..length].to_vec());
            rest = &rest[length + 2..];
        }
    }
    words
}

fn newest(folder: &Path) -> PathBuf {
    let manifest = std::fs::read_to_string(folder.join("appendonly.aof.manifest")).unwrap();
    let last = manifest.lines().rfind(|line| line.contains(" type i")).expect("a last file");
    folder.join(last.split(' ').nth(1).expect("its name"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Runs commands, and writes down the effect and the account after each.
fn record(server: &mut Server, lines: &[&str], text: &mut String) {
    for line in lines {
        let sent = server.info("persistence", "aof_current_size");
        let answer = server.must(line);
        let _ = writeln!(text, "> {line}");
        if line.starts_with("FW.CLOCK") {
            continue;
        }
        assert_ne!(server.info("persistence", "aof_current_size"), sent, "{line}: {answer:?}");
        let [name, key, effect] = &last_command(server)[..] else { panic!("{line}: no effect") };
        assert_eq!(name, b"FW.APPLY");
        assert_eq!(*key, words(line)[1], "{line} changes its account");
        let dump = [b"DUMP".to_vec(), key.clone()];
        let Answer::Text(dump) = server.run(&dump) else { panic!("a payload") };
        let account = super::hostile::account_of(&dump);
        let _ = writeln!(text, "E {}\nA {}", hex(effect), hex(&account));
    }
}

#[test]
#[ignore = "writes tests/golden/version-n for the present version, once"]
fn golden_files_of_the_present_version_are_written() {
    let into = folder(VERSION);
    assert!(!into.exists(), "{} is there: what was released never changes", into.display());
    let lines = ["appendfsync always", "aof-use-rdb-preamble no", "save \"\""];
    let mut server = Server::start(&[&SETTINGS[..], &lines].concat());
    let mut text =
        format!("# Version {VERSION} of the stored format. Never changed once released.\n");
    server.must(&format!("FW.CLOCK SET {START}"));
    server.must("CONFIG SET fw.spend-memory-ms 80000000");
    record(&mut server, HISTORY, &mut text);
    server.must("BGREWRITEAOF");
    server.wait_for("persistence", "aof_rewrite_scheduled", "0");
    server.wait_for("persistence", "aof_rewrite_in_progress", "0");
    record(&mut server, LATEST, &mut text);
    for fact in shown(&mut server) {
        let _ = writeln!(text, "< {fact}");
    }
    server.must("CONFIG SET rdbcompression yes");
    server.must("SAVE");
    std::fs::create_dir_all(&into).expect("a folder");
    for file in ["dump.rdb", "appendonlydir"] {
        copy(&server.folder.join(file), &into.join(file));
    }
    std::fs::write(into.join("history.txt"), text).expect("it is written");
}
