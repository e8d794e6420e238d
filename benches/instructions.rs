//! Instructions, counted by callgrind in a real server: they hardly depend on what else the machine
//! does.
//!
//! The server runs under valgrind. Its counters are read (`vgdb dump`, which also sets them to zero)
//! before and after a number of calls, so nothing of the start is in them. What is counted is all
//! that the server does for a call: reading, parsing, the command, its effect, the reply. Of a
//! single call only what the server's function `call` takes is counted: the command, its effect and
//! its reply, but not what else the server does just then.
//!
//! `FW_BENCH_CHECK=yes` compares with what was kept, and fails if a command costs more than 4 %
//! more beside INCR, or a single call more than it may; under another rustc than the kept figures'
//! it only warns. `FW_BENCH_PART` names parts of the work: commands, growth, largest.

#![allow(clippy::expect_used, clippy::panic, dead_code, missing_docs)]

mod support;

use std::path::PathBuf;
use std::process::Command;

use support::figures::{Figures, release, shown};
use support::load::{Job, Keys, Load, Template};
use support::server::Server;
use support::{MANY, SETTINGS, process};

/// How much a command may come to cost beside INCR before the check fails.
const TOLERANCE: f64 = 1.04;
/// Instructions that a single call may take, whatever it has to do.
const LARGEST: f64 = 1_000_000.0;
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
    "FW.ADMIT full:{key} COST 600",
    "FW.ADMIT held:{key}",
    "FW.ADMIT charged:{key}",
    "FW.ADMIT lease:{key}",
];

fn main() {
    let part = std::env::var("FW_BENCH_PART").unwrap_or_default();
    let is_wanted = |name: &str| part.is_empty() || part.split(',').any(|part| part == name);
    let mut counter = Counter::start(&[]);
    let mut figures = Figures::new("instructions", &release(&mut counter.server), REPEAT);
    if is_wanted("commands") {
        counter.commands(&mut figures);
    }
    if is_wanted("growth") {
        counter.growth(&mut figures);
    }
    drop(counter);
    if is_wanted("largest") {
        Counter::start(&["--toggle-collect=call"]).largest(&mut figures);
        let largest = figures.rows.iter().filter(|(name, _)| name.starts_with("largest/"));
        let largest = largest.map(|(_, figure)| figure.median).fold(0.0, f64::max);
        figures.add("largest/of all", &[largest]);
    }
    figures.finish();
    if std::env::var("FW_BENCH_CHECK").is_ok_and(|check| check == "yes") {
        check(&figures);
    }
}

/// A command, the beginning of its reply, and its keys.
struct What<'a> {
    line: &'a str,
    reply: &'a str,
    keys: Keys<'a>,
}

fn on_one<'a>(line: &'a str, reply: &'a str) -> What<'a> {
    What { line, reply, keys: Keys::One }
}

/// Instructions: of the whole server, and of the module's own code. What the module has libc and the
/// allocator do is not its own here.
#[derive(Clone, Copy)]
struct Counted {
    all: f64,
    own: f64,
}

impl Counted {
    /// Reads what callgrind wrote: `ob=` says whose code is counted in the lines that follow, but the
    /// line after `calls=` is what a call took in all. A name stands where its number is first used,
    /// which may be in a call (`cob=`).
    #[allow(clippy::cast_precision_loss)]
    fn of(text: &str) -> Self {
        let (mut all, mut own) = (0_u64, 0_u64);
        let (mut module, mut is_own, mut is_called) = (None, false, false);
        for line in text.lines() {
            let called = line.strip_prefix("cob=");
            if let Some(object) = called.or(line.strip_prefix("ob=")) {
                let (number, name) = object.split_once(' ').unwrap_or((object, ""));
                if name.ends_with("libfw_limits.so") {
                    module = Some(number.to_owned());
                }
                if called.is_none() {
                    is_own = module.as_deref() == Some(number);
                }
            } else if line.starts_with("calls=") {
                is_called = true;
            } else if line
                .starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first))
            {
                let cost = line.split(' ').nth(1).and_then(|cost| cost.parse().ok()).unwrap_or(0);
                if !std::mem::take(&mut is_called) {
                    all += cost;
                    own += if is_own { cost } else { 0 };
                }
            }
        }
        Self { all: all as f64, own: own as f64 }
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
}

impl Counter {
    fn start(options: &[&str]) -> Self {
        let valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=counted"];
        let under: Vec<&str> = valgrind.iter().chain(options).copied().collect();
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
        Self { server, process, lua, reads: 0, next: KEYS }
    }

    /// Instructions since this was last asked.
    fn read(&mut self) -> Counted {
        let pid = format!("--pid={}", self.process);
        let output = Command::new("vgdb").args([&pid, "dump"]).output().expect("vgdb, of valgrind");
        assert!(output.status.success(), "vgdb: {}", String::from_utf8_lossy(&output.stderr));
        self.reads += 1;
        let file: PathBuf = self.server.folder.join(format!("counted.{}", self.reads));
        let text = std::fs::read_to_string(&file).expect("callgrind wrote what it counted");
        std::fs::remove_file(&file).expect("the file goes");
        Counted::of(&text)
    }

    /// Instructions of one call.
    fn one(&mut self, line: &str) -> f64 {
        self.read();
        self.server.must(line);
        self.read().all
    }

    fn drive(&mut self, what: What, calls: u64) {
        let What { line, reply, keys } = what;
        let template = Template::new(&line.replace("{sha}", &self.lua));
        let numbers = self.next..self.next + calls;
        let job = Job { template: &template, reply: reply.as_bytes(), keys };
        Load::new(self.server.port, &self.process, 50, 16).run(numbers, job);
    }

    /// Instructions of a call, on average.
    #[allow(clippy::cast_precision_loss)]
    fn each(&mut self, what: What, calls: u64) -> Counted {
        self.read();
        self.drive(what, calls);
        let Counted { all, own } = self.read();
        Counted { all: all / calls as f64, own: own / calls as f64 }
    }

    /// Does a command once for each of the next numbers, uncounted.
    fn fill(&mut self, line: &str, calls: u64) {
        self.drive(on_one(line, ""), calls);
        self.next += calls;
    }

    fn commands(&mut self, figures: &mut Figures) {
        self.server.must(&format!("FW.CLOCK SET {START}"));
        let keys = Keys::Random(KEYS);
        FILL.iter().for_each(|line| self.first(line));
        let mut incr = 0.0;
        for (name, line, reply) in COMMANDS {
            let each = self.each(What { line, reply, keys }, CALLS);
            if name == "INCR" {
                incr = each.all;
            }
            figures.add(&format!("{name}/instructions"), &[each.all]);
            figures.add(&format!("{name}/ratio"), &[each.all / incr]);
            if name.starts_with("FW.") {
                assert!(each.own > 0.0, "callgrind does not tell the module's code apart");
                figures.add(&format!("{name}/of these the module's own"), &[each.own]);
                let others = (each.all - each.own) / incr;
                figures.add(&format!("{name}/all others to INCR's"), &[others]);
            }
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
        self.server.must(&format!("CONFIG SET {MANY}"));
        let admit = "FW.ADMIT grown:{key}";
        self.server.must(&format!("FW.CLOCK SET {START}"));
        let mut put = |name: String, each: f64| figures.add(&format!("growth/{name}"), &[each]);
        let mut costs = Vec::new();
        for (holds, more) in [(0, 1), (100, 100), (10_000, 9_900)] {
            let line = if holds == 0 { admit } else { "FW.ADMIT grown:{key} HOLD hold{n} 0.01" };
            self.fill(line, more);
            costs.push(self.each(on_one(admit, "*6\r\n+OK"), 4_000).all);
            put(format!("ADMIT, {holds} open holds"), costs[costs.len() - 1]);
        }
        put("ADMIT, 10000 open holds to none".to_owned(), costs[2] / costs[0]);
        self.server.must("DEL grown:000000000000");
        self.fill(admit, 1);
        put("ADMIT, 0 spend ids".to_owned(), self.each(on_one(admit, "*6\r\n+OK"), 4_000).all);
        self.fill("FW.SPEND grown:{key} 0.000001 ID spend{n}", 100_000);
        put("ADMIT, 100000 spend ids".to_owned(), self.each(on_one(admit, "*6\r\n+OK"), 4_000).all);
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
            let each = self.each(on_one(scoped, "*6\r\n+OK"), 4_000).all;
            put(format!("ADMIT SCOPE, {scopes} scopes"), each);
        }
        self.server.must("FLUSHALL");
    }

    /// Remembers ids, and tells what the dearest call costs that makes room for more: the one that
    /// parts the index into 64 tables, and those that double one of them. With 57,400 ids a table
    /// has on average the 896 that it has room for, so every 75th call or so doubles one; the next
    /// time they double, all have room for more than an account remembers.
    fn remember(&mut self) -> f64 {
        let spend = "FW.SPEND grown:{key} 0.000001 ID spend{n}";
        let alone = |at| format!("FW.SPEND grown:000000000000 0.000001 ID alone{at}");
        self.fill(spend, 1_024);
        let parting = self.one(&alone(0));
        self.fill(spend, 57_150 - 1_025);
        let doubling = (1..=500).map(|at| {
            self.server.must(&alone(at));
            self.read().all
        });
        // The first reading is of what was filled.
        doubling.skip(1).fold(parting, f64::max)
    }

    /// Single calls that have much to do.
    fn largest(&mut self, figures: &mut Figures) {
        self.server.must(&format!("CONFIG SET {MANY}"));
        let mut put = |name: &str, cost: f64| figures.add(&format!("largest/{name}"), &[cost]);
        let key = "grown:000000000000";
        self.server.must(&format!("FW.CLOCK SET {START}"));
        put("PING", self.one("PING"));
        put("FW.SPEND ID, the dearest up to 100000 ids", self.remember());
        self.server.must(&format!("DEL {key}"));

        self.hold_ten_thousand();
        self.server.must("FW.CLOCK ADVANCE 60001");
        put("ADMIT after 10000 lapses", self.one(&format!("FW.ADMIT {key}")));
        put("the next ADMIT", self.one(&format!("FW.ADMIT {key}")));
        self.server.must(&format!("DEL {key}"));

        self.hold_ten_thousand();
        self.server.must(&format!("FW.LIMIT {key} requests MAX 1"));
        self.server.must("FW.CLOCK ADVANCE 60001");
        let denied: Vec<f64> =
            (0..10).map(|_| self.one(&format!("FW.ADMIT {key} COST 2"))).collect();
        put("a denial over 10000 lapses, ten times", denied.iter().copied().fold(0.0, f64::max));
        put("FW.GET over 10000 lapses", self.one(&format!("FW.GET {key}")));
        put("FW.HOLDS over 10000 lapses", self.one(&format!("FW.HOLDS {key}")));
        self.server.must(&format!("FW.LIMIT {key} requests MAX DEFAULT"));
        self.server.must("FW.CLOCK ADVANCE 700000");
        put("ADMIT with 10000 holds to forget", self.one(&format!("FW.ADMIT {key}")));
        self.server.must(&format!("DEL {key}"));

        self.hold_ten_thousand();
        self.fill("FW.SPEND grown:{key} 0.000001 ID spend{n}", 20_000);
        self.server.must(&format!("FW.CLOCK ADVANCE {MONTH_MS}"));
        put("ADMIT after a month's end", self.one(&format!("FW.ADMIT {key}")));
        self.server.must(&format!("DEL {key}"));

        let counts: Vec<String> = (0..63).map(|at| format!("quota-{at} 1")).collect();
        let counts = format!("gpus 1 {}", counts.join(" "));
        let reserve = |id: &str| format!("FW.QUOTA grown:{{key}} RESERVE {id} {counts}");
        self.fill(&format!("{} TTL 60000", reserve("work{n}")), 1_000);
        put("FW.QUOTAS with 1000 leases of 64 quotas", self.one(&format!("FW.QUOTAS {key}")));
        self.server.must("FW.CLOCK ADVANCE 60001");
        put("FW.QUOTAS over 1000 lapsed leases", self.one(&format!("FW.QUOTAS {key}")));
        put("ADMIT over 1000 lapsed leases", self.one(&format!("FW.ADMIT {key} COST 0")));
        let again = reserve("work").replace("{key}", "000000000000");
        put("RESERVE over 1000 lapsed leases", self.one(&again));
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
    for (name, now) in &figures.rows {
        // What the server and the script cost is not ours.
        let allowed = match kept.rows.get(name).map(|kept| kept.median) {
            Some(kept) if name.starts_with("FW.") && name.ends_with("/ratio") => kept * TOLERANCE,
            Some(kept) if name.starts_with("largest/") => LARGEST.max(kept * TOLERANCE),
            None if name.starts_with("largest/") => LARGEST,
            _ => continue,
        };
        let is_dear = now.median > allowed;
        let verdict = if is_dear { "DEARER" } else { "ok" };
        println!("{name}: {}, allowed {}: {verdict}", shown(now.median), shown(allowed));
        failed |= is_dear;
    }
    let (ours, theirs) = (figures.about("rustc"), kept.about("rustc"));
    if ours != theirs {
        println!("WARNING: the kept figures are of {theirs}, this is {ours}: nothing is gated");
    } else if failed {
        eprintln!("Something costs more than it may. If it is worth it: {REPEAT} KEEP=yes");
        std::process::exit(1);
    }
}
