//! The clients that people use: each plays one script of commands against a real server.
//!
//! A client's folder has its program, which is also how to call the module with it; script.json has
//! the commands and the replies, README.md says how it is written. redis-rs runs with every
//! `cargo test`; the others need what `make test-clients` installs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[allow(dead_code)]
#[path = "../support/mod.rs"]
mod support;

#[path = "redis-rs/play.rs"]
mod redis_rs;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use support::proxy::Proxy;
use support::server::Server;

/// How many replies a client loses before one comes through.
const LOST: u32 = 2;

/// Where a client finds the server.
pub struct Ports {
    /// The server itself.
    pub server: u16,
    /// A proxy before it, that loses replies.
    pub lossy: u16,
}

/// Starts a server and a proxy for one client, and asks afterwards what was charged.
fn with_server(play: impl FnOnce(&Ports)) {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    let proxy = Proxy::start(server.port);
    proxy.lose(LOST);
    play(&Ports { server: server.port, lossy: proxy.port });
    let shown = server.says("FW.GET acct:lossy");
    assert!(shown.contains(" spent 1 "), "sent {} times, and charged: {shown}", LOST + 1);
}

#[test]
fn redis_rs_plays_the_script() {
    with_server(redis_rs::all);
}

#[test]
#[ignore = "needs redis-py: make test-clients"]
fn redis_py_plays_the_script() {
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", installed("redis-py"));
    with_server(|ports| plays(python, "redis-py/play.py", ports));
}

#[test]
#[ignore = "needs node-redis: make test-clients"]
fn node_redis_plays_the_script() {
    let mut node = Command::new("node");
    node.env("NODE_PATH", installed("node-redis").join("node_modules"));
    with_server(|ports| plays(node, "node-redis/play.js", ports));
}

#[test]
#[ignore = "needs ioredis: make test-clients"]
fn ioredis_plays_the_script() {
    let mut node = Command::new("node");
    node.env("NODE_PATH", installed("ioredis").join("node_modules"));
    with_server(|ports| plays(node, "ioredis/play.js", ports));
}

#[test]
fn the_script_has_every_command() {
    let script = std::fs::read_to_string(folder().join("script.json")).unwrap();
    let sent =
        |name: &str| [" ", "\""].iter().any(|end| script.contains(&format!("\"{name}{end}")));
    let names = Server::start(&[]).commands();
    assert!(names.iter().any(|name| name == "FW.ADMIT"), "{names:?}");
    let missing: Vec<&String> = names.iter().filter(|name| !sent(name)).collect();
    assert!(missing.is_empty(), "tests/clients/script.json has no step for {missing:?}");
}

#[test]
fn every_line_of_the_page_runs_in_its_clients_program() {
    let page = std::fs::read_to_string(folder().join("../../docs/clients.md")).unwrap();
    let mut lines = 0;
    for (fence, program) in [
        ("```python\n", "redis-py/play.py"),
        ("```js\n", "node-redis/play.js"),
        ("```js ioredis\n", "ioredis/play.js"),
        ("```rust\n", "redis-rs/play.rs"),
    ] {
        let program_text = std::fs::read_to_string(folder().join(program)).unwrap();
        let block = page.split_once(fence).unwrap_or_else(|| panic!("no block {fence}")).1;
        for line in block.split_once("```").expect("it ends").0.lines() {
            assert!(program_text.contains(line.trim()), "{program} does not run: {line}");
            lines += 1;
        }
    }
    assert!(lines >= 12, "only {lines} lines");
}

/// The steps of the script.
///
/// # Panics
/// If it is no JSON.
pub fn steps() -> Vec<Json> {
    let text = std::fs::read_to_string(folder().join("script.json")).expect("the script reads");
    let steps: Vec<Json> = serde_json::from_str(&text).expect("the script is JSON");
    steps.into_iter().filter(|step| step.get("section").is_none()).collect()
}

/// The integer that the script writes, if it is one.
pub fn integer(wanted: &Json) -> Option<i64> {
    let big = || wanted.get("integer")?.as_str()?.parse().ok();
    wanted.as_i64().or_else(big)
}

/// Holds if the script writes an error of this code.
pub fn is_error(wanted: &Json, code: &str) -> bool {
    wanted.get("error").and_then(Json::as_str) == Some(code)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// Where scripts/clients.sh puts a client's library.
fn installed(client: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let target = test.ancestors().nth(3).expect("it is in target/debug/deps");
    let library = target.join("clients").join(client);
    assert!(library.exists(), "{} is not there: make test-clients", library.display());
    library
}

fn plays(mut program: Command, file: &str, ports: &Ports) {
    program.arg(folder().join(file)).args([ports.server, ports.lossy].map(|port| port.to_string()));
    let output = program.output().unwrap_or_else(|error| panic!("{program:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    // What it played, also when the test passes.
    std::io::Write::write_all(&mut std::io::stderr(), &output.stdout).expect("stderr");
}
