//! The commands beside INCR on a real server, in one run: only their ratios mean anything.
//!
//! The contenders take turns, many short ones, and INCR runs before each of them; what a contender did is
//! compared with that INCR, so that a noisy moment hits both. Medians and spread are told.
//! The server has core 0 for itself, the load core 1. Beside calls a second stands what the server's
//! main thread ran for each call: where the load is what is slow, that still tells.
//!
//! `FW_REDIS_SERVER` names another server, `FW_MODULE` another module; `FW_BENCH_CALLS`,
//! `FW_BENCH_TURNS` and `FW_BENCH_ACCOUNTS` say how much is run, `FW_BENCH_PART` which part alone
//! (`off/random/P16`, say, or `accounts`), `FW_BENCH_KEEP=yes` keeps it.

#![allow(clippy::expect_used, clippy::panic, dead_code, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use support::figures::{Figures, release};
use support::load::{Job, Keys, Load, Run, Template};
use support::server::Server;
use support::{MANY, process, setting, start};

const KEYS: u64 = 100_000;
const CONNECTIONS: usize = 50;

/// Commands that are measured, each by itself: its name, how it is written, how its reply begins.
type Contender = (&'static str, &'static str, &'static str);

const INCR: &str = "INCR counter:{key}";
/// How far beyond those of the contender the numbers of the INCR before it are.
const INCR_AT: u64 = 100_000_000;
const ADMIT: &str = "FW.ADMIT acct:{key}";

/// Those that stand together need each other: all holds of a turn are taken, then all are spent.
const GROUPS: [&[Contender]; 10] = [
    &[("INCR", INCR, ":")],
    &[("GET", "GET counter:{key}", "$")],
    &[("HINCRBY", "HINCRBY hash:{key} field 1", ":")],
    &[
        ("stub of FW.ADMIT", "STUB.ADMIT stub:{key}", "*6\r\n+OK\r\n"),
        ("stub of FW.ADMIT HOLD", "STUB.HOLD stub:{key} HOLD hold{n} 0.01", "*6\r\n+OK\r\n"),
        ("stub of FW.SPEND HOLD", "STUB.SPEND stub:{key} 0.005 HOLD hold{n}", "*7\r\n+OK\r\n"),
    ],
    &[("FW.ADMIT", ADMIT, "*6\r\n+OK\r\n")],
    &[("FW.ADMIT, denied", "FW.ADMIT full:{key}", "*6\r\n+RATE_LIMITED\r\n")],
    &[("FW.PEEK", "FW.PEEK acct:{key}", "*6\r\n+OK\r\n")],
    &[
        ("FW.ADMIT HOLD", "FW.ADMIT held:{key} HOLD hold{n} 0.01", "*6\r\n+OK\r\n"),
        ("FW.SPEND HOLD", "FW.SPEND held:{key} 0.005 HOLD hold{n}", "*7\r\n+OK\r\n"),
    ],
    &[
        ("FW.QUOTA RESERVE", "FW.QUOTA lease:{key} RESERVE work{n} gpus 1", "*6\r\n+OK\r\n"),
        ("FW.QUOTA RELEASE", "FW.QUOTA lease:{key} RELEASE work{n}", ":1\r\n"),
    ],
    &[("Lua", "EVALSHA {sha} 1 lua:{key} 1", "*6\r\n+OK\r\n")],
];

/// What fills the keys before anything is measured.
const FILL: [&str; 7] = [
    INCR,
    "HINCRBY hash:{key} field 1",
    "STUB.ADMIT stub:{key}",
    ADMIT,
    "FW.ADMIT held:{key}",
    "FW.ADMIT lease:{key}",
    "EVALSHA {sha} 1 lua:{key} 1",
];

/// What fills the windows of those who are denied, of new accounts each time. A window is empty after a
/// minute, and a turn takes some seconds.
const FULL: &str = "FW.ADMIT full:{key} COST {limit}";
const FULL_FOR: Duration = Duration::from_secs(30);

/// Which keys, and how many commands before a connection waits. The hot key comes last: afterwards
/// its window is full by the default limit.
const DRIVEN: [(&str, u64); 6] =
    [("random", 16), ("random", 1), ("random", 64), ("hot", 16), ("hot", 1), ("hot", 64)];

/// How the contenders are driven.
#[derive(Clone, Copy)]
struct Mode {
    aof: &'static str,
    keys: &'static str,
    depth: u64,
}

impl Mode {
    fn place(self) -> String {
        format!("{}/{}/P{}", self.aof, self.keys, self.depth)
    }

    fn keys(self) -> Keys<'static> {
        if self.keys == "hot" { Keys::One } else { Keys::Random(KEYS) }
    }

    /// On how many servers, one after the other, the turns are run. By where its memory comes to lie one
    /// differs from the next by some per cent, which is not to decide the targets' figures.
    fn processes(self) -> usize {
        if self.aof == "off" && self.depth == 16 { 3 } else { 1 }
    }

    /// The limit of requests a minute: the default, unless one account gets all that is sent.
    fn limit(self) -> &'static str {
        if self.keys == "hot" { MANY } else { "fw.requests-per-minute 600" }
    }

    /// How many of a group are called before the next one: one account has 1,000 leases and 10,000
    /// holds at most.
    fn chunk(self, calls: u64, group: &[Contender]) -> u64 {
        match (self.keys, group[0].0) {
            ("hot", "FW.QUOTA RESERVE") => 1_000,
            ("hot", "FW.ADMIT HOLD") => 10_000,
            _ => calls,
        }
    }
}

/// What a contender did in its turn, and INCR right before it.
struct Turn {
    name: &'static str,
    run: Run,
    incr: Run,
}

impl Turn {
    fn of(name: &'static str) -> Self {
        Self { name, run: Run::default(), incr: Run::default() }
    }

    /// Calls a second beside INCR's.
    fn ratio(&self) -> f64 {
        self.run.rps() / self.incr.rps()
    }
}

/// The turns of each contender.
type Runs = BTreeMap<&'static str, Vec<Turn>>;

struct Bench {
    server: Server,
    process: String,
    lua: String,
    figures: Figures,
    /// The next number that was not used.
    next: u64,
}

fn main() {
    let calls = setting("FW_BENCH_CALLS", 40_000);
    let turns = setting("FW_BENCH_TURNS", 25);
    let most = setting("FW_BENCH_ACCOUNTS", 2_000_000);
    let part = std::env::var("FW_BENCH_PART").unwrap_or_default();
    let is_wanted = |name: &str| name.contains(&part);
    let mut figures = None;
    for aof in ["off", "everysec"] {
        let modes: Vec<Mode> = DRIVEN
            .iter()
            .map(|&(keys, depth)| Mode { aof, keys, depth })
            .filter(|mode| is_wanted(&mode.place()))
            .collect();
        let grows = aof == "off" && is_wanted("accounts");
        if modes.is_empty() && !grows {
            continue;
        }
        let mut bench = Bench::start(aof, figures.take());
        let load = (calls, turns);
        for mode in modes {
            let mut runs = bench.compare(mode, load);
            for _ in 1..mode.processes() {
                for (name, turns) in Bench::start(aof, None).compare(mode, load) {
                    runs.entry(name).or_default().extend(turns);
                }
            }
            bench.tell(mode, &runs);
        }
        if grows {
            bench.grow(most, load);
        }
        figures = Some(bench.figures);
    }
    if let Some(figures) = figures {
        figures.finish();
    }
}

impl Bench {
    fn start(aof: &str, figures: Option<Figures>) -> Self {
        let appendonly = if aof == "off" { "appendonly no" } else { "appendonly yes" };
        let load = "enable-module-command local";
        let mut server = start(&[appendonly, "appendfsync everysec", load]);
        server.must(&format!("MODULE LOAD {}", stub().display()));
        let process = process(&mut server);
        let script = redis::cmd("SCRIPT").arg("LOAD").arg(include_str!("admit.lua")).to_owned();
        let lua = script.query(&mut server.connect()).expect("the script loads");
        let figures =
            figures.unwrap_or_else(|| Figures::new("server", &release(&mut server), "make bench"));
        let mut bench = Self { server, process, lua, figures, next: KEYS };
        for line in FILL {
            bench.fill(line, KEYS);
        }
        bench
    }

    fn load(&self, depth: u64) -> Load {
        Load::new(self.server.port, &self.process, CONNECTIONS, depth)
    }

    fn template(&self, line: &str) -> Template {
        Template::new(&line.replace("{sha}", &self.lua))
    }

    /// Calls a command once for each key.
    fn fill(&mut self, line: &str, keys: u64) {
        let template = self.template(line);
        let job = Job { template: &template, reply: b"", keys: Keys::Each };
        self.load(64).run(0..keys, job);
    }

    /// All contenders in turn.
    fn compare(&mut self, mode: Mode, (calls, turns): (u64, u64)) -> Runs {
        self.server.must(&format!("CONFIG SET {}", mode.limit()));
        // A call that is not pipelined takes several times as long; the targets are those of P=16.
        let calls = if mode.depth == 1 { calls / 8 } else { calls };
        let turns = if mode.depth == 16 { turns } else { turns.div_ceil(2) };
        // A file is synced once a second, and each is to have its part of it.
        let (calls, turns) =
            if mode.aof == "off" { (calls, turns) } else { (5 * calls, turns.div_ceil(5)) };
        let mut runs = Runs::new();
        // Its connections stay: to open them takes the server as long as thousands of calls.
        let mut load = self.load(mode.depth);
        let mut filled: Option<Instant> = None;
        for _ in 0..turns {
            for group in GROUPS {
                let is_full = filled.is_some_and(|at| at.elapsed() < FULL_FOR);
                if group[0].0 == "FW.ADMIT, denied" && !is_full {
                    filled = Some(Instant::now());
                    let keys = if mode.keys == "hot" { 1 } else { KEYS };
                    self.fill("DEL full:{key}", keys);
                    let limit = mode.limit().split(' ').next_back().unwrap_or_default();
                    self.fill(&FULL.replace("{limit}", limit), keys);
                }
                for turn in self.turn(mode, group, (calls, &mut load)) {
                    runs.entry(turn.name).or_default().push(turn);
                }
            }
        }
        runs
    }

    fn tell(&mut self, mode: Mode, runs: &Runs) {
        let place = mode.place();
        let mut add = |name: &str, of_turns: Vec<f64>| self.figures.add(name, &of_turns);
        let ratios = |name: &str| runs[name].iter().map(Turn::ratio).collect::<Vec<f64>>();
        for (name, turns) in runs {
            let place = format!("{place}/{name}");
            add(&format!("{place}/rps"), turns.iter().map(|turn| turn.run.rps()).collect());
            add(&format!("{place}/cpu_us"), turns.iter().map(|turn| turn.run.cpu_us()).collect());
            add(&format!("{place}/ratio"), ratios(name));
            if mode.depth == 1 {
                for (part, at) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
                    let waits = turns.iter().map(|turn| quantile(&turn.run, at));
                    add(&format!("{place}/{part}"), waits.collect());
                }
            }
        }
        let beside = |name: &str, other: &str| {
            let (ratios, others) = (ratios(name), ratios(other));
            ratios.iter().zip(&others).map(|(ratio, other)| ratio / other).collect()
        };
        add(&format!("{place}/FW.ADMIT/to Lua"), beside("FW.ADMIT", "Lua"));
        let denied = beside("FW.ADMIT, denied", "FW.ADMIT");
        add(&format!("{place}/FW.ADMIT, denied/to FW.ADMIT"), denied);
    }

    /// One turn of a group.
    fn turn(
        &mut self,
        mode: Mode,
        group: &[Contender],
        (calls, load): (u64, &mut Load),
    ) -> Vec<Turn> {
        let incr = self.template(INCR);
        let templates: Vec<Template> = group.iter().map(|row| self.template(row.1)).collect();
        let mut turns: Vec<Turn> = group.iter().map(|row| Turn::of(row.0)).collect();
        let end = self.next + calls;
        while self.next < end {
            let numbers = self.next..end.min(self.next + mode.chunk(calls, group));
            let mut shift = 0;
            for ((turn, template), row) in turns.iter_mut().zip(&templates).zip(group) {
                shift += INCR_AT;
                let keys = mode.keys();
                let job = Job { template: &incr, reply: b":", keys };
                // Other numbers, so other keys: none is in the caches because it was just there.
                let others = numbers.start + shift..numbers.end + shift;
                turn.incr.add(load.run(others, job));
                let job = Job { template, reply: row.2.as_bytes(), keys };
                turn.run.add(load.run(numbers.clone(), job));
            }
            self.next = numbers.end;
        }
        turns
    }

    /// FW.ADMIT beside INCR with more and more accounts.
    fn grow(&mut self, most: u64, (calls, turns): (u64, u64)) {
        self.server.must(&format!("CONFIG SET {MANY}"));
        for accounts in [1_000, 10_000, 100_000, 1_000_000, 2_000_000] {
            if accounts > most {
                break;
            }
            self.server.must("FLUSHALL");
            self.fill(INCR, accounts);
            self.fill(ADMIT, accounts);
            let mut load = self.load(16);
            let runs: Vec<Turn> = (0..turns)
                .map(|_| {
                    let mut turn = Turn::of("FW.ADMIT");
                    for (line, run) in [(INCR, &mut turn.incr), (ADMIT, &mut turn.run)] {
                        let template = self.template(line);
                        let keys = Keys::Random(accounts);
                        let job = Job { template: &template, reply: b"", keys };
                        *run = load.run(self.next..self.next + calls, job);
                        self.next += calls;
                    }
                    turn
                })
                .collect();
            let place = format!("accounts/{accounts}/FW.ADMIT");
            let ratios: Vec<f64> = runs.iter().map(Turn::ratio).collect();
            self.figures.add(&format!("{place}/ratio"), &ratios);
            let cpu: Vec<f64> = runs.iter().map(|turn| turn.run.cpu_us()).collect();
            self.figures.add(&format!("{place}/cpu_us"), &cpu);
        }
    }
}

/// The module that does the least.
fn stub() -> PathBuf {
    let bench = std::env::current_exe().expect("a bench knows where it is");
    let profile = bench.parent().and_then(Path::parent).expect("it is in deps/");
    let stub = profile.join("examples/libstub.so");
    assert!(stub.exists(), "{} is not there: make bench builds it", stub.display());
    stub
}

/// The time within which so great a part of the calls was answered.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
fn quantile(run: &Run, part: f64) -> f64 {
    let mut waits = run.waits.clone();
    waits.sort_by(f64::total_cmp);
    waits[((waits.len() - 1) as f64 * part) as usize]
}
