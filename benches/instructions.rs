//! Instructions, counted by callgrind in a real server: they hardly depend on what else the machine
//! does.
//!
//! The server runs under valgrind. Its counters are read (`vgdb dump`, which also sets them to zero)
//! before and after a number of calls, so nothing of the start is in them. What is counted is all
//! that the server does for a call: reading, parsing, the command, its effect, the reply. A single
//! call is counted in the same way, less what a PING takes.
//!
//! `FW_BENCH_CHECK=yes` compares with what was kept, and fails if a command costs more than 4 %
//! more beside INCR; under another rustc than the kept figures' it only warns. `FW_BENCH_PART`
//! names one part of the work: commands, growth or largest.

#![allow(clippy::expect_used, clippy::panic, dead_code, missing_docs)]

mod support;

use std::path::PathBuf;
use std::process::Command;

use support::figures::{Figures, release, shown};
use support::load::{Job, Keys, Load, Template};
use support::server::Server;
use support::{SETTINGS, process};

/// How much a command may come to cost beside INCR before the check fails.
const TOLERANCE: f64 = 1.04;
const KEYS: u64 = 1_000;
const CALLS: u64 = 20_000;
const REPEAT: &str = "make bench-instructions";

/// What is called: a name, the command, how its reply begins. Those that need each other stand
/// one after the other.
const COMMANDS: [(&str, &str, &str); 12] = [
    ("INCR", "INCR counter:{key}", ":"),
    ("GET", "GET counter:{key}", "$"),
    ("HINCRBY", "HINCRBY hash:{key} field 1", ":"),
    ("FW.ADMIT", "FW.ADMIT acct:{key}", "*6\r\n+OK\r\n"),
    ("FW.ADMIT, denied", "FW.ADMIT full:{key}", "*6\r\n+RATE_LIMITED\r\n"),
    ("FW.PEEK", "FW.PEEK acct:{key}", "*6\r\n+OK\r\n"),
    ("FW.ADMIT HOLD", "FW.ADMIT held:{key} HOLD hold{n} 0.01", "*6\r\n+OK\r\n"),
    ("FW.SPEND HOLD", "FW.SPEND held:{key} 0.005 HOLD hold{n}", "*7\r\n+OK\r\n"),
    ("FW.SPEND ID", "FW.SPEND charged:{key} 0.005 ID spend{n}", "*7\r\n+OK\r\n"),
    ("FW.QUOTA RESERVE", "FW.QUOTA lease:{key} RESERVE work{n} gpus 1", "*6\r\n+OK\r\n"),
    ("FW.QUOTA RELEASE", "FW.QUOTA lease:{key} RELEASE work{n}", ":1\r\n"),
    ("Lua", "EVALSHA {sha} 1 lua:{key} 1", "*6\r\n+OK\r\n"),
];

/// What fills the keys before anything is counted.
const FILL: [&str; 7] = [
    "INCR counter:{key}",
    "HINCRBY hash:{key} field 1",
    "FW.ADMIT acct:{key}",
    "FW.ADMIT full:{key} COST 9000000000000",
    "FW.ADMIT held:{key}",
    "FW.ADMIT charged:{key}",
    "FW.ADMIT lease:{key}",
];

fn main() {
    let part = std::env::var("FW_BENCH_PART").unwrap_or_default();
    let is_wanted = |name: &str| part.is_empty() || part == name;
    let mut counter = Counter::start();
    let mut figures = Figures::new("instructions", &release(&mut counter.server), REPEAT);
    if is_wanted("commands") {
        counter.commands(&mut figures);
    }
    if is_wanted("growth") {
        counter.growth(&mut figures);
    }
    if is_wanted("largest") {
        counter.largest(&mut figures);
    }
    drop(counter);
    figures.finish();
    if std::env::var("FW_BENCH_CHECK").is_ok_and(|check| check == "yes") {
        check(&figures);
    }
}

/// A server whose instructions are counted.
struct Counter {
    server: Server,
    process: String,
    lua: String,
    /// How many times the counters were read.
    reads: u64,
    /// The next number that was not used.
    next: u64,
    /// What a PING takes.
    ping: f64,
}

impl Counter {
    fn start() -> Self {
        let valgrind =
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=counted"].map(str::to_owned);
        let under: Vec<&str> = valgrind.iter().map(String::as_str).collect();
        let quotas: Vec<String> = (0..63).map(|at| format!("quota-{at} 9000000000000")).collect();
        let quotas = format!("fw.quotas \"gpus 9000000000000; {}\"", quotas.join("; "));
        // Its own housekeeping once a second is the least that there is.
        let own =
            ["fw.test-clock yes", "hz 1", "dynamic-hz no", "fw.hold-ttl-ms 86400000", &quotas];
        let settings = SETTINGS.iter().filter(|line| !line.starts_with("fw.quotas"));
        let lines: Vec<&str> = settings.copied().chain(own).collect();
        let mut server = Server::start_under(&under, &lines);
        let process = process(&mut server);
        let script = redis::cmd("SCRIPT").arg("LOAD").arg(include_str!("admit.lua")).to_owned();
        let lua = script.query(&mut server.connect()).expect("the script loads");
        let mut counter = Self { server, process, lua, reads: 0, next: KEYS, ping: 0.0 };
        counter.server.must("PING");
        let mut pings: Vec<f64> = (0..9).map(|_| counter.one("PING")).collect();
        pings.sort_by(f64::total_cmp);
        counter.ping = pings[4];
        counter
    }

    /// Instructions since this was last asked.
    #[allow(clippy::cast_precision_loss)]
    fn read(&mut self) -> f64 {
        let pid = format!("--pid={}", self.process);
        let output = Command::new("vgdb").args([&pid, "dump"]).output().expect("vgdb, of valgrind");
        assert!(output.status.success(), "vgdb: {}", String::from_utf8_lossy(&output.stderr));
        self.reads += 1;
        let file: PathBuf = self.server.folder.join(format!("counted.{}", self.reads));
        let text = std::fs::read_to_string(&file).expect("callgrind wrote what it counted");
        std::fs::remove_file(&file).expect("the file goes");
        let total = text.lines().find_map(|line| line.strip_prefix("summary: "));
        total.and_then(|total| total.trim().parse::<u64>().ok()).expect("a total") as f64
    }

    /// Instructions of one call. A PING's are among them.
    fn one(&mut self, line: &str) -> f64 {
        self.read();
        self.server.must(line);
        self.read()
    }

    /// Instructions of one call alone.
    fn alone(&mut self, line: &str) -> f64 {
        (self.one(line) - self.ping).max(0.0)
    }

    fn drive(&mut self, line: &str, reply: &str, keys: Keys, calls: u64) {
        let template = Template::new(&line.replace("{sha}", &self.lua));
        let numbers = self.next..self.next + calls;
        let job = Job { template: &template, reply: reply.as_bytes(), keys };
        Load::new(self.server.port, &self.process, 50, 16).run(numbers, job);
    }

    /// Instructions of a call, on average.
    #[allow(clippy::cast_precision_loss)]
    fn each(&mut self, line: &str, reply: &str, keys: Keys, calls: u64) -> f64 {
        self.read();
        self.drive(line, reply, keys, calls);
        self.read() / calls as f64
    }

    /// Does a command once for each of the next numbers, uncounted.
    fn fill(&mut self, line: &str, calls: u64) {
        self.drive(line, "", Keys::One, calls);
        self.next += calls;
    }

    fn commands(&mut self, figures: &mut Figures) {
        self.server.must(&format!("FW.CLOCK SET {START}"));
        let keys = Keys::Random(KEYS);
        FILL.iter().for_each(|line| self.first(line));
        let mut incr = 0.0;
        for (name, line, reply) in COMMANDS {
            let each = self.each(line, reply, keys, CALLS);
            if name == "INCR" {
                incr = each;
            }
            figures.add(&format!("{name}/instructions"), &[each]);
            figures.add(&format!("{name}/ratio"), &[each / incr]);
        }
        self.next += CALLS;
    }

    /// A first call for each key, uncounted.
    fn first(&mut self, line: &str) {
        let template = Template::new(&line.replace("{sha}", &self.lua));
        let job = Job { template: &template, reply: b"", keys: Keys::Each };
        Load::new(self.server.port, &self.process, 50, 16).run(0..KEYS, job);
    }
}

/// 2026-03-10T12:00:00Z.
const START: i64 = 1_773_144_000_000;
const MONTH_MS: i64 = 31 * 86_400_000;

impl Counter {
    fn growth(&mut self, figures: &mut Figures) {
        let admit = "FW.ADMIT grown:{key}";
        self.server.must(&format!("FW.CLOCK SET {START}"));
        let mut put = |name: String, each: f64| figures.add(&format!("growth/{name}"), &[each]);
        for (holds, more) in [(0, 1), (100, 100), (10_000, 9_900)] {
            let line = if holds == 0 { admit } else { "FW.ADMIT grown:{key} HOLD hold{n} 0.01" };
            self.fill(line, more);
            put(
                format!("ADMIT, {holds} open holds"),
                self.each(admit, "*6\r\n+OK", Keys::One, 4_000),
            );
        }
        self.server.must("DEL grown:000000000000");
        self.fill(admit, 1);
        put("ADMIT, 0 spend ids".to_owned(), self.each(admit, "*6\r\n+OK", Keys::One, 4_000));
        self.remember(&mut put);
        put("ADMIT, 100000 spend ids".to_owned(), self.each(admit, "*6\r\n+OK", Keys::One, 4_000));
        self.server.must("DEL grown:000000000000");
        let mut scopes = 0;
        for more in [1, 7, 56] {
            for at in scopes..scopes + more {
                let limit = "FW.LIMIT grown:000000000000 requests@scope-";
                self.server.must(&format!("{limit}{at} MAX 9000000000000"));
            }
            scopes += more;
            let scoped = "FW.ADMIT grown:{key} SCOPE scope-0";
            self.fill(scoped, 1);
            let each = self.each(scoped, "*6\r\n+OK", Keys::One, 4_000);
            put(format!("ADMIT SCOPE, {scopes} scopes"), each);
        }
        self.server.must("FLUSHALL");
    }

    /// Remembers 100,000 ids. What a thousand of them cost above the median thousand is what making
    /// room for more costs, all of it in one call.
    fn remember(&mut self, put: &mut impl FnMut(String, f64)) {
        let spend = "FW.SPEND grown:{key} 0.000001 ID spend{n}";
        let mut thousands = Vec::new();
        for _ in 0..100 {
            thousands.push(self.each(spend, "*7\r\n+OK", Keys::One, 1_000) * 1_000.0);
            self.next += 1_000;
        }
        thousands.sort_by(f64::total_cmp);
        put("largest SPEND ID up to 100000 ids".to_owned(), thousands[99] - thousands[50]);
    }

    /// Single calls that have much to do.
    fn largest(&mut self, figures: &mut Figures) {
        let mut put = |name: &str, cost: f64| figures.add(&format!("largest/{name}"), &[cost]);
        let key = "grown:000000000000";
        self.server.must(&format!("FW.CLOCK SET {START}"));
        put("PING, in each of these and taken off", self.ping);

        self.hold_ten_thousand();
        self.server.must("FW.CLOCK ADVANCE 60001");
        put("ADMIT after 10000 lapses", self.alone(&format!("FW.ADMIT {key}")));
        put("the next ADMIT", self.alone(&format!("FW.ADMIT {key}")));
        self.server.must(&format!("DEL {key}"));

        self.hold_ten_thousand();
        self.server.must(&format!("FW.LIMIT {key} requests MAX 1"));
        self.server.must("FW.CLOCK ADVANCE 60001");
        let denied: Vec<f64> =
            (0..10).map(|_| self.alone(&format!("FW.ADMIT {key} COST 2"))).collect();
        put("a denial over 10000 lapses, ten times", denied.iter().copied().fold(0.0, f64::max));
        put("FW.GET over 10000 lapses", self.alone(&format!("FW.GET {key}")));
        put("FW.HOLDS over 10000 lapses", self.alone(&format!("FW.HOLDS {key}")));
        self.server.must(&format!("FW.LIMIT {key} requests MAX DEFAULT"));
        self.server.must("FW.CLOCK ADVANCE 700000");
        put("ADMIT with 10000 holds to forget", self.alone(&format!("FW.ADMIT {key}")));
        self.server.must(&format!("DEL {key}"));

        self.hold_ten_thousand();
        self.fill("FW.SPEND grown:{key} 0.000001 ID spend{n}", 20_000);
        self.server.must(&format!("FW.CLOCK ADVANCE {MONTH_MS}"));
        put("ADMIT after a month's end", self.alone(&format!("FW.ADMIT {key}")));
        self.server.must(&format!("DEL {key}"));

        let counts: Vec<String> = (0..63).map(|at| format!("quota-{at} 1")).collect();
        let counts = format!("gpus 1 {}", counts.join(" "));
        let reserve = |id: &str| format!("FW.QUOTA grown:{{key}} RESERVE {id} {counts}");
        self.fill(&format!("{} TTL 60000", reserve("work{n}")), 1_000);
        put("FW.QUOTAS with 1000 leases of 64 quotas", self.alone(&format!("FW.QUOTAS {key}")));
        self.server.must("FW.CLOCK ADVANCE 60001");
        put("FW.QUOTAS over 1000 lapsed leases", self.alone(&format!("FW.QUOTAS {key}")));
        put("ADMIT over 1000 lapsed leases", self.alone(&format!("FW.ADMIT {key} COST 0")));
        let again = reserve("work").replace("{key}", "000000000000");
        put("RESERVE over 1000 lapsed leases", self.alone(&again));
        self.server.must("FLUSHALL");
    }

    fn hold_ten_thousand(&mut self) {
        self.fill("FW.ADMIT grown:{key} HOLD hold{n} 0.01 TTL 60000", 10_000);
    }
}

/// Compares with what was kept.
fn check(figures: &Figures) {
    let kept = figures.kept().expect("figures of this server were kept");
    let mut failed = false;
    for (name, row) in kept.rows.iter().filter(|(name, _)| name.ends_with("/ratio")) {
        // The script and INCR's like are the server's matter.
        if !name.starts_with("FW.") {
            continue;
        }
        let now = figures.rows.get(name).unwrap_or_else(|| panic!("{name} was not measured"));
        let is_dear = now.median > row.median * TOLERANCE;
        let verdict = if is_dear { "DEARER" } else { "ok" };
        println!("{name}: {} to INCR, kept {}: {verdict}", shown(now.median), shown(row.median));
        failed |= is_dear;
    }
    let (ours, theirs) = (figures.about("rustc"), kept.about("rustc"));
    if failed && ours == theirs {
        eprintln!("Something costs more than 4 % more. If it is worth it: {REPEAT} KEEP=yes");
        std::process::exit(1);
    }
    if ours != theirs {
        println!("WARNING: the kept figures are of {theirs}, this is {ours}: nothing is gated");
    }
}
