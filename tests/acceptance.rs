//! The module on a real server: acceptance, restarts, and what a hostile client sends.
//!
//! Each test starts a server of its own from the repository's redis.conf, on a free port, with the
//! test clock, and stops it by its pid. `FW_REDIS_SERVER` names another server than redis-server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::{Connection, RedisResult, Value};

struct Server {
    child: Child,
    port: u16,
    dir: PathBuf,
}

impl Server {
    /// Starts a server with these settings beside those of redis.conf.
    fn start(settings: &[&str]) -> Self {
        let port = free_port();
        let dir = std::env::temp_dir().join(format!("fw-limits-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a folder");
        let module = std::env::var_os("FW_MODULE").map_or_else(beside_the_test, PathBuf::from);
        let conf = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/redis.conf"));
        let load = |line: &str| {
            let is_load = line.starts_with("loadmodule ");
            if is_load { format!("loadmodule {}", module.display()) } else { line.to_owned() }
        };
        let conf: Vec<String> = conf.expect("redis.conf").lines().map(load).collect();
        let fixed = [
            format!("port {port}"),
            format!("dir {}", dir.display()),
            "fw.test-clock yes".to_owned(),
            "enable-debug-command yes".to_owned(),
        ];
        let own = settings.iter().map(|line| (*line).to_owned());
        let lines: Vec<String> = conf.into_iter().chain(fixed).chain(own).collect();
        std::fs::write(dir.join("redis.conf"), lines.join("\n") + "\n").expect("a file");
        Self { child: spawn(&dir), port, dir }
    }

    /// Ends the process at once, as a crash does, and starts it again on the same files.
    fn kill_and_restart(&mut self) {
        self.child.kill().expect("a process");
        self.child.wait().expect("a process");
        self.child = spawn(&self.dir);
    }

    fn connect(&self) -> Connection {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}/", self.port));
        let client = client.expect("an address");
        let begun = Instant::now();
        loop {
            let connected = client.get_connection();
            let ready = connected.and_then(|mut c| redis::cmd("PING").exec(&mut c).map(|()| c));
            match ready {
                Ok(connection) => return connection,
                Err(error) => {
                    assert!(begun.elapsed() < Duration::from_secs(20), "{error}");
                    std::thread::yield_now();
                }
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn spawn(dir: &Path) -> Child {
    let server = std::env::var_os("FW_REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
    let log = std::fs::File::options().append(true).create(true).open(dir.join("log"));
    let mut command = Command::new(server);
    command.arg(dir.join("redis.conf")).current_dir(dir).stdin(Stdio::null());
    command.stdout(log.expect("a log")).spawn().expect("a server")
}

fn beside_the_test() -> PathBuf {
    let test = std::env::current_exe().expect("a test");
    test.parent().and_then(Path::parent).expect("a folder").join("libfw_limits.so")
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("a port").port()
}

fn send(connection: &mut Connection, line: &str) -> RedisResult<Value> {
    let mut words = line.split(' ');
    let mut command = redis::cmd(words.next().expect("a command"));
    for word in words {
        command.arg(word);
    }
    command.query(connection)
}

/// A reply on one line; an error by its first word.
fn ask(connection: &mut Connection, line: &str) -> String {
    match send(connection, line) {
        Ok(value) => shown(&value),
        Err(error) => error.code().unwrap_or("?").to_owned(),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Nil => "(nil)".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Okay => "OK".to_owned(),
        Value::SimpleString(text) => text.clone(),
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Array(rows) => rows.iter().map(shown).collect::<Vec<_>>().join(" "),
        other => format!("{other:?}"),
    }
}

const COMMANDS: [&str; 10] = [
    "FW.ADMIT",
    "FW.PEEK",
    "FW.SPEND",
    "FW.TOPUP",
    "FW.SET",
    "FW.LIMIT",
    "FW.QUOTA",
    "FW.QUOTAS",
    "FW.GET",
    "FW.LEASES",
];

#[test]
fn a_minute_holds_as_many_requests_as_the_limit_and_the_hint_works_to_the_millisecond() {
    let server = Server::start(&[]);
    let mut c = server.connect();
    ask(&mut c, "FW.CLOCK SET 1000000");
    assert_eq!(ask(&mut c, "FW.ADMIT acct:42"), "OK requests 600 599 60000 0");
    ask(&mut c, "FW.CLOCK ADVANCE 1500");
    for left in (0..599).rev() {
        assert_eq!(ask(&mut c, "FW.ADMIT acct:42"), format!("OK requests 600 {left} 60000 0"));
    }
    let denied = "RATE_LIMITED requests 600 0 60000 58500";
    assert_eq!(ask(&mut c, "FW.ADMIT acct:42"), denied);
    ask(&mut c, "FW.CLOCK ADVANCE 58499");
    assert_eq!(ask(&mut c, "FW.ADMIT acct:42"), "RATE_LIMITED requests 600 0 1501 1");
    ask(&mut c, "FW.CLOCK ADVANCE 1");
    assert_eq!(ask(&mut c, "FW.ADMIT acct:42"), "OK requests 600 0 60000 0");
}

#[test]
fn a_spend_suspends_and_a_top_up_resumes_in_its_own_reply() {
    let server = Server::start(&[]);
    let mut c = server.connect();
    assert_eq!(ask(&mut c, "FW.SPEND a 50 ID e1"), "OK 50 50 0 0 tier-1 spend_limit");
    assert_eq!(ask(&mut c, "FW.SPEND a 50 ID e1"), "DUPLICATE 50 50 0 0 tier-1 spend_limit");
    assert_eq!(ask(&mut c, "FW.SPEND a 51 ID e1"), "CONFLICT");
    assert_eq!(ask(&mut c, "FW.ADMIT a"), "SUSPENDED spend_limit 600 600 0 -1");
    assert_eq!(ask(&mut c, "FW.TOPUP a 100 ID t1"), "OK 50 500 0 50 tier-2 active");
    assert_eq!(ask(&mut c, "FW.ADMIT a"), "OK requests 600 599 60000 0");
}

#[test]
fn a_quota_is_held_until_it_is_released() {
    let server = Server::start(&[]);
    let mut c = server.connect();
    assert_eq!(ask(&mut c, "FW.QUOTA a RESERVE train-1 h100 8"), "OK 1 600000  8 8");
    assert_eq!(ask(&mut c, "FW.QUOTA a RESERVE train-2 h100 1"), "QUOTA_EXCEEDED 0 0 h100 8 8");
    assert_eq!(ask(&mut c, "FW.QUOTA a RELEASE train-1 7"), "STALE");
    assert_eq!(ask(&mut c, "FW.QUOTA a RELEASE train-1"), "1");
    assert_eq!(ask(&mut c, "FW.QUOTA a RESERVE train-2 h100 1"), "OK 2 600000  8 1");
}

#[test]
fn a_server_that_was_killed_says_the_same_as_before() {
    let mut server = Server::start(&["appendfsync always"]);
    let mut c = server.connect();
    for line in ["FW.ADMIT a COST 7", "FW.SPEND a 1.5 ID s", "FW.LIMIT a requests VALUE 100"] {
        ask(&mut c, line);
    }
    ask(&mut c, "FW.QUOTA a RESERVE l a100 2");
    let before = ["DEBUG DIGEST-VALUE a", "FW.GET a", "FW.LEASES a"].map(|line| ask(&mut c, line));
    server.kill_and_restart();
    let mut c = server.connect();
    let after = ["DEBUG DIGEST-VALUE a", "FW.GET a", "FW.LEASES a"].map(|line| ask(&mut c, line));
    assert_eq!(before, after);
    ask(&mut c, "DEBUG RELOAD");
    assert_eq!(ask(&mut c, "DEBUG DIGEST-VALUE a"), before[0]);
    assert!(ask(&mut c, "INFO fw").contains("fw_divergences:0"));
}

#[test]
fn a_replica_with_another_clock_and_other_settings_has_the_same_bytes() {
    let primary = Server::start(&[]);
    let replica = Server::start(&["fw.requests-per-minute 3", "fw.anchor-day 9"]);
    let (mut p, mut r) = (primary.connect(), replica.connect());
    ask(&mut p, "FW.CLOCK SET 1700000000000");
    ask(&mut r, "FW.CLOCK SET 1700003600000");
    ask(&mut r, &format!("REPLICAOF 127.0.0.1 {}", primary.port));
    let mut seed = 7_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for turn in 0..10_000 {
        let (key, n) = (random(20), random(9));
        let line = match random(8) {
            0 => format!("FW.SPEND k{key} 0.{n} ID {turn}"),
            1 => format!("FW.TOPUP k{key} {} ID {}", n + 1, random(50)),
            2 => format!("FW.QUOTA k{key} RESERVE l{n} h100 {}", random(9)),
            3 => format!("FW.QUOTA k{key} RELEASE l{n}"),
            4 => format!("FW.LIMIT k{key} requests@m{n} MAX {n}"),
            5 => format!("FW.CLOCK ADVANCE {}", random(40_000)),
            6 => format!("FW.SET k{key} anchor-day {}", n + 1),
            _ => format!("FW.ADMIT k{key} COST {n}"),
        };
        ask(&mut p, &line);
    }
    assert_eq!(ask(&mut p, "WAIT 1 20000"), "1");
    for key in 0..20 {
        let line = format!("DEBUG DIGEST-VALUE k{key}");
        assert_eq!(ask(&mut p, &line), ask(&mut r, &line), "k{key}");
    }
    assert!(ask(&mut r, "INFO fw").contains("fw_divergences:0"));
}

#[test]
fn a_denial_and_a_view_send_nothing_on() {
    let server = Server::start(&[]);
    let mut c = server.connect();
    ask(&mut c, "FW.ADMIT a COST 600");
    let before = ask(&mut c, "DEBUG DIGEST-VALUE a");
    let size = |c: &mut Connection| {
        let info = ask(c, "INFO persistence");
        info.lines().find(|line| line.starts_with("aof_current_size")).map(str::to_owned)
    };
    let written = size(&mut c);
    for line in ["FW.ADMIT a", "FW.ADMIT a COST 601", "FW.PEEK a", "FW.GET a", "FW.ADMIT a COST 0"]
    {
        ask(&mut c, line);
    }
    assert_eq!((ask(&mut c, "DEBUG DIGEST-VALUE a"), size(&mut c)), (before, written));
}

#[test]
fn no_argument_harms_the_server() {
    let server = Server::start(&[]);
    let mut c = server.connect();
    ask(&mut c, "SET s x");
    let hostile: [&[u8]; 9] = [
        b"",
        b"\xff\xfe",
        b"a\0b",
        b"%n%s",
        b"a\r\n+OK",
        b"18446744073709551616",
        b"-1",
        b"s",
        b"RESERVE",
    ];
    for name in COMMANDS {
        for a in hostile {
            for count in 0..5 {
                let mut command = redis::cmd(name);
                for at in 0..count {
                    command.arg(if at == 0 { a } else { hostile[(at + a.len()) % hostile.len()] });
                }
                // An error or an answer: what must not happen is a lost connection.
                if let Err(error) = command.query::<Value>(&mut c) {
                    assert!(!error.is_io_error(), "{name} {a:?} {count}: {error}");
                }
            }
        }
    }
    assert_eq!((ask(&mut c, "PING"), ask(&mut c, "GET s")), ("PONG".into(), "x".into()));
}

#[test]
fn a_key_of_another_type_is_refused_by_every_command() {
    let server = Server::start(&[]);
    let mut c = server.connect();
    ask(&mut c, "SET s x");
    for line in [
        "FW.ADMIT s",
        "FW.PEEK s",
        "FW.SPEND s 1",
        "FW.TOPUP s 1 ID a",
        "FW.SET s tier auto",
        "FW.LIMIT s requests MAX 1",
        "FW.QUOTA s RELEASE a",
        "FW.QUOTAS s",
        "FW.GET s",
        "FW.LEASES s",
    ] {
        assert_eq!(ask(&mut c, line), "WRONGTYPE", "{line}");
    }
    for line in ["FW.APPLY a b", "FW.LOAD a b"] {
        assert_eq!(ask(&mut c, line), "NOTALLOWED", "{line}");
    }
}

#[test]
fn a_bad_setting_is_refused_and_the_old_one_stays() {
    let server = Server::start(&[]);
    let mut c = server.connect();
    assert_eq!(ask(&mut c, "CONFIG SET fw.requests-per-minute 5"), "OK");
    assert_eq!(ask(&mut c, "CONFIG SET fw.requests-per-minute -5"), "ERR");
    let setting = ask(&mut c, "CONFIG GET fw.requests-per-minute");
    assert_eq!(setting, "fw.requests-per-minute 5");
    assert_eq!(ask(&mut c, "FW.ADMIT a COST 6"), "TOO_LARGE requests 5 5 0 -1");
    ask(&mut c, "CONFIG SET fw.new-accounts reject");
    assert_eq!(ask(&mut c, "FW.ADMIT b"), "UNKNOWN_ACCOUNT  -1 -1 0 -1");
    assert_eq!(ask(&mut c, "FW.SPEND b 1"), "NOACCOUNT");
    assert_eq!(ask(&mut c, "FW.GET b"), "(nil)");
}
