//! Runs the program, and reads what it says while it runs.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value as Json;

use crate::support::server::Server;

/// How long a line may take: only a program that hangs takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Variables that would change what the program does.
const OWN: [&str; 7] = [
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "FW_KEY_PREFIX",
    "FW_URL",
    "NO_COLOR",
    "REDISCLI_AUTH",
    "SSL_CERT_FILE",
];

/// How the program ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Its output as JSON.
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.out).unwrap_or_else(|why| panic!("{why}: {self:?}"))
    }
}

/// The program without arguments, at an address.
pub fn at(url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fwctl"));
    for name in OWN {
        command.env_remove(name);
    }
    command.env("FW_URL", url).stdin(Stdio::null());
    command
}

/// The address of a server.
pub fn url(server: &Server) -> String {
    format!("redis://127.0.0.1:{}", server.port)
}

/// Runs a program to its end.
pub fn ended(command: &mut Command) -> Ran {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.unwrap_or_else(|why| panic!("{command:?}: {why}"));
    let pid = child.id().to_string();
    let (sender, receiver) = channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = receiver.recv_timeout(PATIENCE) else {
        let _ = Command::new("kill").arg(pid).status();
        panic!("it does not end: {command:?}");
    };
    let Output { status, stdout, stderr } = output.expect("it can be waited for");
    let text = |bytes| String::from_utf8(bytes).expect("it prints UTF-8");
    let code = status.code().expect("it ends by itself");
    Ran { code, out: text(stdout), err: text(stderr) }
}

/// Runs the program with words parted by spaces.
pub fn run(server: &Server, line: &str) -> Ran {
    ended(at(&url(server)).args(line.split(' ')))
}

/// A program that runs until it is dropped.
pub struct Running {
    child: Child,
    /// Lines of stdout.
    out: Receiver<String>,
    /// Lines of stderr.
    err: Receiver<String>,
}

impl Running {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("fwctl starts");
        let out = lines(child.stdout.take().expect("a pipe"));
        let err = lines(child.stderr.take().expect("a pipe"));
        Self { child, out, err }
    }

    /// The next line of its output.
    pub fn line(&self) -> String {
        self.out.recv_timeout(PATIENCE).expect("a line comes")
    }

    /// Waits for a line of stderr with these words.
    pub fn says(&self, words: &str) -> String {
        loop {
            let line = self.err.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|why| panic!("no line with {words}: {why}"));
            if line.contains(words) {
                return line;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
