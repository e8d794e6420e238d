//! What accounts take: memory, and bytes and time of RDB files.
//!
//! Memory is the difference of `used_memory` with and without the accounts, through the number of
//! accounts: keys, the server's own tables and what the allocator rounds up are in it. Accounts that
//! have much are fewer. Files are saved and loaded on a server of accounts and one of strings in
//! turn, and only their ratio means anything.
//!
//! `FW_BENCH_ACCOUNTS` says how many plain accounts there are, `FW_BENCH_KEEP=yes` keeps the figures.

#![allow(clippy::expect_used, clippy::panic, dead_code, missing_docs)]
#![allow(clippy::cast_precision_loss)]

mod support;

use std::time::Instant;

use support::figures::{Figures, release};
use support::load::{Job, Keys, Load, Template};
use support::server::Server;
use support::{MANY, process, setting, start};

/// What is filled: a name, one of how many accounts it is, how often the command is given to each.
const FORMS: [(&str, u64, u64, &str); 9] = [
    ("hash of 16 fields", 1, 1, HASH),
    ("nothing open, 0 slots", 1, 1, "FW.SET acct:{key} payment-method yes"),
    ("nothing open, 1 slot", 1, 1, "FW.ADMIT acct:{key}"),
    ("60 slots", 20, 60, "FW.ADMIT acct:{key}"),
    ("10 open holds", 20, 10, "FW.ADMIT acct:{key} HOLD hold{n} 0.01 TTL 86400000"),
    ("1000 open holds", 1_000, 1_000, "FW.ADMIT acct:{key} HOLD hold{n} 0.01 TTL 86400000"),
    ("a limit of its own", 20, 1, "FW.LIMIT acct:{key} requests VALUE 100"),
    ("3 leases", 20, 3, "FW.QUOTA acct:{key} RESERVE work{n} gpus 1"),
    ("1000 spend ids", 1_000, 1_000, "FW.SPEND acct:{key} 0.000001 ID call{n}"),
];

/// What a user would keep in a hash, as benches/admit.lua does.
const HASH: &str = "HSET acct:{key} tier tier-1 method yes credits 0 promo 0 owed 0 spent 12500000 \
                    held 0 limit 50000000 history 12500000 open 0 rate 600 minute 29551200 count 17 \
                    before 23 created 1773144000000 period 1772323200000";
const TURNS: usize = 5;

fn main() {
    let accounts = setting("FW_BENCH_ACCOUNTS", 1_000_000);
    let mut server = start(&["fw.test-clock yes", "fw.spend-memory-ms 31536000000", MANY]);
    let mut figures = Figures::new("memory", &release(&mut server), "make bench-memory");
    assert_eq!(server.info("memory", "mem_allocator").split('-').next(), Some("jemalloc"));
    for (name, share, times, line) in FORMS {
        let count = (accounts / share).max(1);
        let bytes = bytes(&mut server, line, count, times);
        figures.add(&format!("{name}/bytes"), &[bytes]);
        figures.add(&format!("{name}/to hash"), &[bytes / of(&figures, "hash of 16 fields")]);
    }
    let plain = of(&figures, "nothing open, 1 slot");
    for (name, of_name, count) in [
        ("open hold of 10", "10 open holds", 10.0),
        ("open hold of 1000", "1000 open holds", 1_000.0),
        ("lease of 3", "3 leases", 3.0),
        ("spend id of 1000", "1000 spend ids", 1_000.0),
    ] {
        figures.add(&format!("{name}/bytes"), &[(of(&figures, of_name) - plain) / count]);
    }
    drop(server);
    files(accounts, &mut figures);
    figures.finish();
}

fn of(figures: &Figures, name: &str) -> f64 {
    figures.rows[&format!("{name}/bytes")].median
}

/// Bytes for each account.
fn bytes(server: &mut Server, line: &str, accounts: u64, times: u64) -> f64 {
    server.must("FLUSHALL");
    server.must("FW.CLOCK SET 1773144000000");
    let before = used(server);
    for time in 0..times {
        fill(server, line, time * accounts..(time + 1) * accounts, accounts);
        server.must("FW.CLOCK ADVANCE 1000");
    }
    (used(server) - before) / accounts as f64
}

fn fill(server: &mut Server, line: &str, numbers: std::ops::Range<u64>, accounts: u64) {
    let process = process(server);
    let template = Template::new(line);
    let job = Job { template: &template, reply: b"", keys: Keys::Round(accounts) };
    Load::new(server.port, &process, 50, 64).run(numbers, job);
}

/// Memory in use, once the connections that filled it are gone and it stays.
fn used(server: &mut Server) -> f64 {
    let mut last = 0.0;
    loop {
        server.wait_for("clients", "connected_clients", "1");
        let used = server.info("memory", "used_memory").parse().expect("a number of bytes");
        if last == used {
            return used;
        }
        last = used;
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

/// RDB files of accounts and of strings of the same size.
fn files(count: u64, figures: &mut Figures) {
    let mut accounts = start(&[]);
    fill(&mut accounts, "FW.ADMIT acct:{key}", 0..count, count);
    save(&mut accounts);
    let each = size(&accounts) / count;
    // A row of a string has the key, and three bytes for its kind and two lengths. Its value is
    // letters that do not repeat, so that it cannot be compressed.
    let letters = "aVkPqLxZbWnRcTgYdUhMeSjKfXoQiNzBpHsEtDrGwFyCuJmAvIlO".chars().cycle();
    let length = usize::try_from(each.saturating_sub(17 + 3 + 12)).expect("a length");
    let value: String = letters.take(length).collect();
    let mut strings = start(&[]);
    fill(&mut strings, &format!("SET acct:{{key}} {value}{{n}}"), 0..count, count);
    let mut times = [[Vec::new(), Vec::new()], [Vec::new(), Vec::new()]];
    for _ in 0..TURNS {
        for (server, times) in [&mut accounts, &mut strings].into_iter().zip(&mut times) {
            times[0].push(save(server));
            times[1].push(load(server));
        }
    }
    for (at, name) in ["save", "load"].into_iter().enumerate() {
        figures.add(&format!("rdb/{name}, seconds"), &times[0][at]);
        figures.add(&format!("rdb/{name} of strings, seconds"), &times[1][at]);
        let ratios: Vec<f64> = times[0][at].iter().zip(&times[1][at]).map(|(a, s)| a / s).collect();
        figures.add(&format!("rdb/{name} to strings"), &ratios);
    }
    figures.add("rdb/bytes", &[size(&accounts) as f64 / count as f64]);
    figures.add("rdb/bytes of strings", &[size(&strings) as f64 / count as f64]);
}

fn size(server: &Server) -> u64 {
    std::fs::metadata(server.folder.join("dump.rdb")).expect("a file was saved").len()
}

/// Seconds that it takes.
fn save(server: &mut Server) -> f64 {
    let began = Instant::now();
    server.must("SAVE");
    began.elapsed().as_secs_f64()
}

/// Seconds that the server, killed and started, says it took.
fn load(server: &mut Server) -> f64 {
    server.restart();
    let log = server.log();
    let line = log.lines().rfind(|line| line.contains("DB loaded from disk: "));
    let seconds =
        line.and_then(|line| line.split("disk: ").nth(1)?.split(' ').next()?.parse().ok());
    seconds.expect("the log says how long it took")
}
