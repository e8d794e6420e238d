//! The transcripts of README.md and of every page of docs/, run against a real server and compared to
//! the letter.
//!
//! Every line of a `console` block that begins with `$ ` runs in a shell, and what follows it must
//! be what it prints. Three words mean something else there than in a terminal:
//! - `redis-cli` talks to the test's server, and prints as it does in a terminal (`--no-raw`);
//! - the module's clock stands still, from one full hour at the start of each block to the next, so
//!   that every number is the same each time; each page begins without accounts, at the first hour;
//! - `sleep N` moves that clock by N seconds and takes no time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// 2026-01-01T00:00:00Z, at which the first block begins.
const START_MS: u64 = 1_767_225_600_000;
const HOUR_MS: u64 = 3_600_000;

#[test]
fn the_pages_show_what_happens() {
    let server = Server::start();
    let mut differences = Vec::new();
    for (page, least) in pages() {
        let text = std::fs::read_to_string(root().join(&page)).unwrap();
        let blocks = console_blocks(&text);
        let steps: usize = blocks.iter().map(Vec::len).sum();
        assert!(steps >= least, "only {steps} commands were found in {page}");
        differences.extend(server.differences(&page, &blocks));
    }
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

/// The pages, and how many commands there are at least in those that live by them.
fn pages() -> Vec<(String, usize)> {
    let mut docs: Vec<String> = std::fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| format!("docs/{}", entry.unwrap().file_name().to_str().unwrap()))
        .filter(|name| name.ends_with(".md"))
        .collect();
    docs.sort();
    docs.insert(0, "README.md".to_owned());
    let least = |page: &str| match page {
        "README.md" => 10,
        "docs/commands.md" | "docs/gateway.md" | "docs/migrating.md" => 4,
        _ => 0,
    };
    docs.into_iter().map(|page| (page.clone(), least(&page))).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_transcript_that_is_not_true_is_found() {
    let text = "```console\n$ redis-cli PING\nPONG\n$ redis-cli FW.ADMIT a\n1) OK\n```\n\
                ```console\n$ redis-cli ECHO a\n\"b\"\n```\n";
    let blocks = console_blocks(text);
    let differences = Server::start().differences("a page", &blocks);
    assert_eq!(differences.len(), 2, "{differences:?}");
    assert!(differences[0].contains("6) (integer) 0"), "{differences:?}");
}

/// A command of a transcript, and what it prints.
struct Step {
    line: usize,
    command: String,
    printed: String,
}

fn console_blocks(page: &str) -> Vec<Vec<Step>> {
    let mut blocks = Vec::new();
    let mut inside = false;
    for (line, text) in (1..).zip(page.lines()) {
        match (inside, text) {
            (false, "```console") => {
                inside = true;
                blocks.push(Vec::<Step>::new());
            }
            (true, "```") => inside = false,
            (true, _) => {
                let block = blocks.last_mut().unwrap();
                if let Some(command) = text.strip_prefix("$ ") {
                    let command = command.to_owned();
                    block.push(Step { line, command, printed: String::new() });
                } else {
                    let step = block.last_mut().expect("a block begins with a command");
                    step.printed.push_str(text);
                    step.printed.push('\n');
                }
            }
            (false, _) => {}
        }
    }
    blocks
}

/// A server with the module, in a directory of its own; both are gone when it is dropped.
struct Server {
    process: Child,
    port: u16,
    folder: PathBuf,
}

impl Server {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("fw-readme-{}-{port}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let conf = folder.join("redis.conf");
        std::fs::write(&conf, configuration(port, &folder)).unwrap();
        let program = std::env::var("FW_REDIS_SERVER").unwrap_or("redis-server".to_owned());
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let process = Command::new(&program)
            .arg(&conf)
            .stdout(log)
            .stdin(Stdio::null())
            .spawn()
            .unwrap_or_else(|why| panic!("{program} does not start: {why}"));
        let mut server = Self { process, port, folder };
        let patience = Instant::now() + Duration::from_secs(20);
        while !server.answers() {
            let gone = server.process.try_wait().unwrap().is_some();
            if gone || Instant::now() > patience {
                let log = std::fs::read_to_string(server.folder.join("log")).unwrap();
                panic!("the server does not answer:\n{log}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    fn answers(&self) -> bool {
        let mut reply = [0; 5];
        TcpStream::connect(("127.0.0.1", self.port))
            .and_then(|mut stream| {
                stream.write_all(b"PING\r\n")?;
                stream.read_exact(&mut reply)
            })
            .is_ok_and(|()| &reply == b"+PONG")
    }

    /// Runs a line in a shell and returns what it prints.
    fn run(&self, line: &str) -> String {
        let cli = format!("command redis-cli --no-raw -p {}", self.port);
        let script = format!(
            "redis-cli() {{ {cli} \"$@\"; }}\n\
             sleep() {{ {cli} FW.CLOCK ADVANCE $(($1 * 1000)) >/dev/null; }}\n{line}"
        );
        let output = Command::new("bash").args(["-c", &script]).output().unwrap();
        assert!(output.stderr.is_empty(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn differences(&self, page: &str, blocks: &[Vec<Step>]) -> Vec<String> {
        let mut differences = Vec::new();
        self.run("redis-cli FLUSHALL");
        for (hour, block) in (0..).zip(blocks) {
            self.run(&format!("redis-cli FW.CLOCK SET {}", START_MS + hour * HOUR_MS));
            for Step { line, command, printed } in block {
                let output = self.run(command);
                // An error of redis-cli ends with an empty line, which says nothing.
                if output.trim_end() != printed.trim_end() {
                    differences.push(format!(
                        "{page}:{line}: $ {command}\nprints\n{output}and not\n{printed}"
                    ));
                }
            }
        }
        differences
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The repository's redis.conf, with what belongs to this run in place of the machine's.
fn configuration(port: u16, folder: &Path) -> String {
    let beside = || std::env::current_exe().unwrap().parent().unwrap().join("../libfw_limits.so");
    let module = std::env::var_os("FW_MODULE").map_or_else(beside, PathBuf::from);
    let module = module.canonicalize().unwrap_or_else(|why| {
        panic!("{}: {why}; cargo build makes it", module.display());
    });
    let ours = ["loadmodule ", "dir ", "port ", "fw.test-clock "];
    let conf = std::fs::read_to_string(root().join("redis.conf")).unwrap();
    let kept = conf.lines().filter(|line| !ours.iter().any(|word| line.starts_with(word)));
    let kept: Vec<&str> = kept.collect();
    format!(
        "{}\nloadmodule \"{}\"\ndir \"{}\"\nport {port}\nfw.test-clock yes\n",
        kept.join("\n"),
        module.display(),
        folder.display()
    )
}
