//! FW.ADMIT beside INCR on a real server, in one run: only their ratio means anything.
//!
//! The contenders take turns, so that a noisy moment hits all of them; the table shows medians and
//! spread. `FW_REDIS_SERVER` names another server, `FW_MODULE` another module, `FW_BENCH_CALLS` and
//! `FW_BENCH_TURNS` how much is run.

#![allow(clippy::expect_used, clippy::panic, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const CONTENDERS: [(&str, &str, &str); 4] = [
    ("INCR, random keys", "100000", "INCR counter:__rand_int__"),
    ("FW.ADMIT, random keys", "100000", "FW.ADMIT acct:__rand_int__"),
    ("INCR, one key", "1", "INCR counter"),
    ("FW.ADMIT, one key", "1", "FW.ADMIT acct"),
];

struct Server {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Server {
    fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("a port").port();
        drop(listener);
        let folder = std::env::temp_dir().join(format!("fw-limits-bench-{port}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        let module = std::env::var_os("FW_MODULE").map_or_else(built, PathBuf::from);
        let server = std::env::var_os("FW_REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
        let mut command = Command::new(server);
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.arg("--dir").arg(&folder).arg("--loadmodule").arg(module);
        // One key must be admitted as often as it is asked for.
        command.args(["--fw.new-accounts", "open", "--fw.requests-per-minute", "9000000000000"]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("a server");
        let server = Self { child, port, folder };
        let begun = Instant::now();
        while !server.ask("PING").starts_with("PONG") {
            assert!(begun.elapsed() < Duration::from_secs(20), "the server does not answer");
        }
        server
    }

    fn ask(&self, line: &str) -> String {
        let mut command = Command::new("redis-cli");
        command.args(["-p", &self.port.to_string()]).args(line.split(' ')).stderr(Stdio::null());
        let output = command.output().expect("redis-cli");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Calls a second, over one run of redis-benchmark.
    fn calls_a_second(&self, keys: &str, calls: &str, line: &str) -> f64 {
        let mut command = Command::new("redis-benchmark");
        command.args(["-p", &self.port.to_string(), "-P", "16", "--csv"]);
        command.args(["-r", keys, "-n", calls]).args(line.split(' '));
        let output = command.output().expect("redis-benchmark");
        let csv = String::from_utf8_lossy(&output.stdout).into_owned();
        let row = csv.lines().last().unwrap_or_default();
        let figure = row.split("\",\"").nth(1).map(|figure| figure.trim_matches('"'));
        figure.and_then(|figure| figure.parse().ok()).unwrap_or_else(|| panic!("no figure: {csv}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn built() -> PathBuf {
    let bench = std::env::current_exe().expect("a bench");
    let folder = bench.parent().and_then(Path::parent).expect("a folder");
    folder.join("libfw_limits.so")
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn main() {
    let calls = setting("FW_BENCH_CALLS", "300000");
    let turns: usize = setting("FW_BENCH_TURNS", "5").parse().expect("a number of turns");
    let server = Server::start();
    let version = server.ask("INFO server");
    let version = version.lines().find(|line| line.starts_with("redis_version"));
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    println!("{} on {cores} cores; {calls} calls, P=16, {turns} turns", version.unwrap_or("?"));
    let mut figures = vec![Vec::new(); CONTENDERS.len()];
    for _ in 0..turns {
        for ((_, keys, line), figures) in CONTENDERS.iter().zip(&mut figures) {
            figures.push(server.calls_a_second(keys, &calls, line));
        }
    }
    for (name, admits, incrs) in [("random keys", 1, 0), ("one key", 3, 2)] {
        let pairs = figures[admits].iter().zip(&figures[incrs]);
        let ratios: Vec<f64> = pairs.map(|(admit, incr)| admit / incr).collect();
        let low = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let high = ratios.iter().copied().fold(0.0, f64::max);
        let ratio = median(ratios);
        println!("FW.ADMIT / INCR, {name}: {ratio:.2} (from {low:.2} to {high:.2})");
    }
    let stats = server.ask("INFO commandstats");
    for line in stats.lines().filter(|line| line.contains("FW.ADMIT") || line.contains("_incr:")) {
        println!("{line}");
    }
    let failed = |line: &&str| line.contains("FW.ADMIT") && !line.contains("failed_calls=0");
    assert!(!stats.lines().any(|line| failed(&line)), "calls failed");
}
