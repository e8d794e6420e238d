//! What the benches share: servers (those of the tests), a load generator, and figures that are
//! kept.

#[path = "../../tests/support/answer.rs"]
pub mod answer;
pub mod figures;
pub mod load;
#[path = "../../tests/support/scenario.rs"]
pub mod scenario;
#[path = "../../tests/support/server.rs"]
pub mod server;

use server::Server;

/// Settings of every bench: nothing is saved unless a bench asks for it, and money and quotas never
/// run out. Requests are limited as they are by default, 600 a minute, unless [`MANY`] is set.
pub const SETTINGS: [&str; 6] = [
    "appendonly no",
    "save \"\"",
    "auto-aof-rewrite-percentage 0",
    "fw.tiers \"all unlimited 0\"",
    "fw.quotas \"gpus 9000000000000\"",
    "fw.new-accounts open",
];

/// A limit of requests for benches that ask much of few accounts.
pub const MANY: &str = "fw.requests-per-minute 100000000";

/// Starts a server with [`SETTINGS`] and these lines, on core 0 where there is another one for the
/// load.
pub fn start(lines: &[&str]) -> Server {
    let lines: Vec<&str> = SETTINGS.iter().chain(lines).copied().collect();
    let mut server = Server::start_bare(&lines);
    pin(&process(&mut server), "0");
    pin(&std::process::id().to_string(), "1");
    server
}

/// The number of the server's process.
pub fn process(server: &mut Server) -> String {
    server.info("server", "process_id")
}

/// Keeps a process and its threads on one core; where there is one core only, it stays where it is.
fn pin(process: &str, core: &str) {
    if cores() < 2 {
        return;
    }
    let output =
        std::process::Command::new("taskset").args(["-a", "-c", "-p", core, process]).output();
    let output = output.expect("taskset, of util-linux");
    assert!(output.status.success(), "taskset: {}", String::from_utf8_lossy(&output.stderr));
}

/// How many cores the machine has, wherever this process may run.
pub fn cores() -> usize {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    text.lines().filter(|line| line.starts_with("processor")).count()
}

/// A figure from the environment.
pub fn setting(name: &str, default: u64) -> u64 {
    let Ok(text) = std::env::var(name) else { return default };
    text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}"))
}
