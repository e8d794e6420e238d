//! Real servers for tests: each with a port and a folder of its own, gone when dropped.
//!
//! The configuration is the checkout's redis.conf, so that file is tested too. `FW_REDIS_SERVER`
//! names another server program, `FW_MODULE` another shared object. Where servers are slow because
//! something watches them, `FW_PATIENCE` says how many seconds they have for what they are asked, and
//! they are asked to end, so that what watches them can tell what it saw.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use redis::{Connection, Value};

use super::answer::Answer;
use super::scenario::words;

/// Ports for servers, below those that the kernel gives to connections: none of these takes the port
/// of a server that is about to start again.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// How long a server may take to do what it was asked, if it is watched.
fn watched() -> Option<Duration> {
    let seconds = std::env::var("FW_PATIENCE").ok()?;
    Some(Duration::from_secs(seconds.parse().expect("FW_PATIENCE is a number of seconds")))
}

/// How long a server may take to do what it was asked: only one that hangs takes so long, however
/// busy the machine is.
fn patience() -> Duration {
    watched().unwrap_or(Duration::from_secs(180))
}

/// A running server.
pub struct Server {
    /// Where it listens, on the loopback interface.
    pub port: u16,
    /// Its folder.
    pub folder: PathBuf,
    child: Child,
    connection: Option<Connection>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if watched().is_some() {
            self.shut_down();
        }
        self.end();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Server {
    /// Starts a server on the test clock, with more lines of configuration.
    ///
    /// # Panics
    /// If it does not come up; the log says why.
    pub fn start(lines: &[&str]) -> Self {
        let all: Vec<&str> = ["fw.test-clock yes"].iter().chain(lines).copied().collect();
        Self::start_bare(&all)
    }

    /// Starts a server with the settings of redis.conf, but for these lines.
    ///
    /// # Panics
    /// If it does not come up.
    pub fn start_bare(lines: &[&str]) -> Self {
        // Another process may take the port between the look and the start.
        for _ in 0..3 {
            let mut server = Self::launch(lines);
            if server.is_up() {
                return server;
            }
            let log = server.log();
            assert!(log.contains("Address already in use"), "the server did not start:\n{log}");
        }
        panic!("no free port");
    }

    /// Starts a server that has not loaded the module.
    ///
    /// # Panics
    /// If it does not come up.
    pub fn start_without_module(lines: &[&str]) -> Self {
        let without = |line: &str| {
            let module = line.starts_with("loadmodule ") || line.starts_with("fw.");
            if module { None } else { Some(line.to_owned()) }
        };
        let mut server = Self::launch_with(&[], |folder, port| {
            let all = configuration(folder, port, lines);
            all.lines().filter_map(without).map(|line| line + "\n").collect()
        });
        assert!(server.is_up(), "the server did not start:\n{}", server.log());
        server
    }

    /// Starts a server that may or may not come up.
    pub fn launch(lines: &[&str]) -> Self {
        Self::launch_with(&[], |folder, port| configuration(folder, port, lines))
    }

    /// Starts a server inside another program, such as valgrind.
    ///
    /// # Panics
    /// If it does not come up.
    #[allow(dead_code, reason = "the benches start it under valgrind, the tests never")]
    pub fn start_under(under: &[&str], lines: &[&str]) -> Self {
        let mut server =
            Self::launch_with(under, |folder, port| configuration(folder, port, lines));
        assert!(server.is_up(), "the server did not start:\n{}", server.log());
        server
    }

    fn launch_with(under: &[&str], configuration: impl FnOnce(&Path, u16) -> String) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("fw-limits-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder for the server");
        let port = free_port();
        std::fs::write(folder.join("redis.conf"), configuration(&folder, port))
            .expect("a configuration for the server");
        Self { port, child: spawn(under, &folder), folder, connection: None }
    }

    /// Waits until the server answers; false if it ended instead.
    pub fn is_up(&mut self) -> bool {
        poll(|| match self.child.try_wait().expect("the server can be asked for") {
            Some(_) => Some(false),
            None => self.ping().then_some(true),
        })
    }

    fn ping(&mut self) -> bool {
        let Ok(mut connection) = self.client("").get_connection() else { return false };
        let ready = redis::cmd("PING").query::<String>(&mut connection).is_ok();
        self.connection = ready.then_some(connection);
        ready
    }

    fn client(&self, query: &str) -> redis::Client {
        let address = format!("redis://127.0.0.1:{}/{query}", self.port);
        redis::Client::open(address).expect("an address")
    }

    /// A connection of its own.
    pub fn connect(&self) -> Connection {
        self.connect_with("")
    }

    /// A connection with a query in its address, such as `?protocol=resp3`.
    pub fn connect_with(&self, query: &str) -> Connection {
        self.client(query).get_connection().expect("a connection")
    }

    /// Asks the server something, in words as scenarios have them.
    pub fn ask(&mut self, line: &str) -> Answer {
        self.run(&words(line))
    }

    /// Asks the server something, and prints the answer as scenarios do.
    pub fn says(&mut self, line: &str) -> String {
        self.ask(line).line()
    }

    /// Asks the server something that must not be an error.
    pub fn must(&mut self, line: &str) -> Answer {
        let answer = self.ask(line);
        assert!(!matches!(answer, Answer::Error(_)), "{line}: {answer:?}");
        answer
    }

    /// Runs a command.
    ///
    /// # Panics
    /// If the server has ended; its log says why.
    pub fn run(&mut self, words: &[Vec<u8>]) -> Answer {
        let connection = self.connection.as_mut().expect("the server is up");
        match ask_on(connection, words) {
            Ok(answer) => answer,
            Err(error) => panic!("the connection failed: {error}\n{}", self.log()),
        }
    }

    /// The whole of a view of an account, and the bytes it is stored in.
    pub fn picture(&mut self, key: &str) -> Vec<String> {
        let views = [
            "FW.GET",
            "FW.QUOTAS",
            "FW.HOLDS",
            "FW.LEASES",
            "FW.LOG",
            "DEBUG DIGEST-VALUE",
            "PTTL",
        ];
        views.iter().map(|view| self.says(&format!("{view} {key}"))).collect()
    }

    /// The digest of everything that is stored.
    pub fn digest(&mut self) -> String {
        self.says("DEBUG DIGEST")
    }

    /// Hears the events of its accounts from now on.
    pub fn listen(&self) -> Listener {
        let mut listener = Listener(self.connect(), 0);
        let mut subscribe = redis::cmd("PSUBSCRIBE");
        subscribe.arg("__keyspace@0__:*").arg(format!("{END}*"));
        listener.0.send_packed_command(&subscribe.get_packed_command()).expect("it is sent");
        for _ in 0..2 {
            listener.next();
        }
        listener
    }

    /// A field of INFO.
    pub fn info(&mut self, section: &str, field: &str) -> String {
        let Answer::Text(text) = self.must(&format!("INFO {section}")) else {
            panic!("INFO is text")
        };
        let text = String::from_utf8_lossy(&text).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{field}:")));
        line.map(str::to_owned).unwrap_or_else(|| panic!("{field} is not in {text}"))
    }

    /// Polls until a field of INFO has a value.
    pub fn wait_for(&mut self, section: &str, field: &str, value: &str) {
        poll(|| (self.info(section, field) == value).then_some(()));
    }

    /// The module's commands in capitals, but for the one with which tests of a debug build make it
    /// panic.
    pub fn commands(&mut self) -> Vec<String> {
        let Answer::List(names) = self.must("COMMAND LIST FILTERBY MODULE fw") else {
            panic!("names are a list")
        };
        let names = names.iter().map(|name| name.word().to_uppercase());
        names.filter(|name| name != "FW.PANIC").collect()
    }

    /// How many bytes have gone to replicas.
    pub fn offset(&mut self) -> String {
        self.info("replication", "master_repl_offset")
    }

    /// What the server logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
    }

    /// Kills the server, with no chance to save anything.
    pub fn kill(&mut self) {
        self.end();
    }

    /// Waits until the server has ended by itself.
    pub fn ended(&mut self) -> ExitStatus {
        poll(|| self.child.try_wait().expect("the server can be asked for"))
    }

    /// Starts the server again on what it left.
    ///
    /// # Panics
    /// If it does not come up.
    pub fn restart(&mut self) {
        self.end();
        self.child = spawn(&[], &self.folder);
        assert!(self.is_up(), "the server did not start again:\n{}", self.log());
    }

    /// A replica of this server, that has all it has.
    pub fn replica(&mut self, lines: &[&str]) -> Self {
        let mut replica = Self::start(lines);
        replica.must(&format!("REPLICAOF 127.0.0.1 {}", self.port));
        replica.wait_for("replication", "master_link_status", "up");
        replica
    }

    /// Waits until a replica has all that this server has sent.
    pub fn wait_for_replica(&mut self, replica: &mut Self) {
        let sent = self.offset();
        let behind = |has: &str| has.parse::<u64>().ok() < sent.parse::<u64>().ok();
        poll(|| (!behind(&replica.info("replication", "slave_repl_offset"))).then_some(()));
    }

    /// Asks the server to end, and waits until it has, but not for ever.
    fn shut_down(&mut self) {
        let Ok(mut connection) = self.client("").get_connection() else { return };
        let mut shutdown = redis::cmd("SHUTDOWN");
        let _ = shutdown.arg("NOSAVE").arg("NOW").arg("FORCE").query::<()>(&mut connection);
        let until = Instant::now() + patience();
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn end(&mut self) {
        self.connection = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Hears the events of a server's accounts.
pub struct Listener(Connection, u64);

/// What ends each look at what was heard: a channel, and the look's number.
const END: &str = "end-of-look-";

impl Listener {
    /// What was sent since the last look: keys and events, in their order.
    pub fn heard(&mut self, server: &mut Server) -> Vec<(String, String)> {
        // A replica's listener hears of its primary's looks too.
        self.1 += 1;
        let end = format!("{END}{}-{}", server.port, self.1);
        server.must(&format!("PUBLISH {end} x"));
        let mut heard = Vec::new();
        loop {
            let Answer::List(words) = self.next() else { panic!("a message is a list") };
            let text = |at: usize| match words.get(at) {
                Some(Answer::Text(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
                other => panic!("no message: {other:?}"),
            };
            let channel = text(2);
            if channel == end {
                return heard;
            }
            if channel.starts_with(END) {
                continue;
            }
            let (_, key) = channel.split_once(':').expect("a key's channel");
            heard.push((key.to_owned(), text(3)));
        }
    }

    fn next(&mut self) -> Answer {
        answered(self.0.recv_response().expect("a message"))
    }
}

/// Runs a command on a connection.
///
/// # Panics
/// If the connection fails.
pub fn run_on(connection: &mut Connection, words: &[Vec<u8>]) -> Answer {
    ask_on(connection, words).unwrap_or_else(|error| panic!("the connection failed: {error}"))
}

/// What a server answers, an error too, or how the connection failed.
fn ask_on(connection: &mut Connection, words: &[Vec<u8>]) -> Result<Answer, redis::RedisError> {
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(word.as_slice());
    }
    match command.query::<Value>(connection) {
        Ok(value) => Ok(answered(value)),
        Err(error) => match error.code() {
            Some(code) => {
                Ok(Answer::Error(format!("{code} {}", error.detail().unwrap_or_default())))
            }
            None => Err(error),
        },
    }
}

/// What a reply is, as an answer.
pub fn answered(value: Value) -> Answer {
    match value {
        Value::Nil => Answer::Nil,
        Value::Int(number) => Answer::Int(number),
        Value::BulkString(bytes) => Answer::Text(bytes),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => {
            Answer::Text(text.into_bytes())
        }
        Value::Okay => Answer::Text(b"OK".to_vec()),
        Value::Array(rows) | Value::Set(rows) => {
            Answer::List(rows.into_iter().map(answered).collect())
        }
        Value::Map(pairs) => {
            let words = pairs.into_iter().flat_map(|(key, value)| [key, value]);
            Answer::List(words.map(answered).collect())
        }
        Value::ServerError(error) => Answer::Error(format!("{} ", error.code())),
        other => panic!("no reply that the module gives: {other:?}"),
    }
}

fn poll<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let (patience, began) = (patience(), Instant::now());
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(began.elapsed() < patience, "it did not happen within {patience:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A port that this process gives to nobody else.
///
/// # Panics
/// If none is free.
pub fn free_port() -> u16 {
    static NEXT: OnceLock<AtomicU32> = OnceLock::new();
    let count = u32::from(PORTS.end - PORTS.start);
    // Processes that test at the same time begin far apart.
    let begin = || AtomicU32::new(std::process::id().wrapping_mul(2_654_435_761) % count);
    let next = NEXT.get_or_init(begin);
    let mut ports = (0..count).map(|_| {
        let offset = next.fetch_add(1, Ordering::Relaxed) % count;
        PORTS.start + u16::try_from(offset).expect("it is in the range")
    });
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.find(is_free).expect("a free port")
}

fn spawn(under: &[&str], folder: &Path) -> Child {
    let server = std::env::var("FW_REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
    let words: Vec<&str> = under.iter().copied().chain([server.as_str()]).collect();
    let program = words[0];
    Command::new(program)
        .args(&words[1..])
        .arg(folder.join("redis.conf"))
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} does not start: {error}; try `make deps`"))
}

/// The shared object: built beside the tests.
pub fn module() -> PathBuf {
    if let Ok(path) = std::env::var("FW_MODULE") {
        return std::path::absolute(path).expect("an absolute path");
    }
    let test = std::env::current_exe().expect("a test knows where it is");
    let profile = test.parent().and_then(Path::parent).expect("it is in deps/");
    let module = profile.join("libfw_limits.so");
    assert!(module.exists(), "{} is not there: cargo build makes it", module.display());
    module
}

/// redis.conf with this server's places, and these lines in place of those of the same name.
fn configuration(folder: &Path, port: u16, lines: &[&str]) -> String {
    let place = |path: PathBuf| path.display().to_string();
    let own = [
        "bind 127.0.0.1".to_owned(),
        format!("port {port}"),
        format!("dir {}", place(folder.to_owned())),
        format!("logfile {}", place(folder.join("server.log"))),
        format!("loadmodule {}", place(module())),
        "enable-debug-command yes".to_owned(),
        "repl-diskless-sync-delay 0".to_owned(),
    ];
    let given = own.iter().map(String::as_str).chain(lines.iter().copied());
    let given: Vec<&str> = given.filter(|line| !line.is_empty()).collect();
    let name = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let shipped = include_str!("../../redis.conf");
    let kept = shipped.lines().filter(|line| given.iter().all(|own| name(own) != name(line)));
    kept.chain(given.iter().copied()).map(|line| format!("{line}\n")).collect()
}
