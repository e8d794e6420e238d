//! The load: one thread, some connections, a depth of pipelining.
//!
//! It takes the connections in turn: it reads all replies of one, and sends its next commands. So
//! all the others have work waiting at the server, and all commands are driven alike. Every number
//! is used once in a run, so ids are unique, and the key follows from the number, so a hold can be
//! spent where it was taken.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::time::Instant;

/// Digits of a key's or an id's number.
const DIGITS: usize = 12;

/// Which key belongs to a number.
#[derive(Clone, Copy)]
pub enum Keys<'a> {
    /// Always the same one.
    One,
    /// Any of so many, at random.
    Random(u64),
    /// Each in turn.
    Each,
    /// The first so many, round and round.
    Round(u64),
    /// Any of these, at random.
    Among(&'a [u64]),
}

impl Keys<'_> {
    fn of(self, number: u64) -> u64 {
        match self {
            Self::One => 0,
            Self::Random(count) => mixed(number) % count,
            Self::Each => number,
            Self::Round(count) => number % count,
            Self::Among(keys) => {
                keys[usize::try_from(mixed(number)).expect("64 bits") % keys.len()]
            }
        }
    }
}

/// A number that looks random (splitmix64).
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A command with `{key}` and `{n}` in it, as it is sent.
pub struct Template {
    bytes: Vec<u8>,
    keys: Vec<usize>,
    numbers: Vec<usize>,
}

impl Template {
    /// Reads a command; both marks become twelve digits.
    pub fn new(line: &str) -> Self {
        let mut template = Self { bytes: Vec::new(), keys: Vec::new(), numbers: Vec::new() };
        let words: Vec<&str> = line.split(' ').collect();
        template.bytes.extend(format!("*{}\r\n", words.len()).bytes());
        for word in words {
            let (mark, list) = match word.contains("{key}") {
                true => ("{key}", &mut template.keys),
                false => ("{n}", &mut template.numbers),
            };
            let filled = word.replace(mark, &"0".repeat(DIGITS));
            template.bytes.extend(format!("${}\r\n", filled.len()).bytes());
            list.extend(word.find(mark).map(|at| template.bytes.len() + at));
            template.bytes.extend(format!("{filled}\r\n").bytes());
        }
        template
    }

    fn write(&self, number: u64, keys: Keys, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        for at in &self.keys {
            put(keys.of(number), &mut out[start + at..start + at + DIGITS]);
        }
        for at in &self.numbers {
            put(number, &mut out[start + at..start + at + DIGITS]);
        }
    }
}

fn put(mut number: u64, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).expect("a digit");
        number /= 10;
    }
}

/// One connection: what was sent, and how much of the replies is to come.
struct Line {
    stream: TcpStream,
    got: Vec<u8>,
    /// Where the next line of the reply begins.
    at: usize,
    /// Elements that are still to come.
    elements: u64,
    sent: Instant,
}

/// Connections to a server.
pub struct Load {
    lines: Vec<Line>,
    depth: u64,
    process: String,
    out: Vec<u8>,
}

/// What a run took.
#[derive(Clone, Default)]
pub struct Run {
    /// Calls.
    pub calls: u64,
    /// Seconds of the clock.
    pub seconds: f64,
    /// Seconds of the server's main thread.
    pub cpu: f64,
    /// For each batch, microseconds from its sending until its replies were read.
    pub waits: Vec<f64>,
}

impl Run {
    /// Adds another part of the same run.
    pub fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.seconds += other.seconds;
        self.cpu += other.cpu;
        self.waits.extend(other.waits);
    }

    /// Calls a second.
    #[allow(clippy::cast_precision_loss)]
    pub fn rps(&self) -> f64 {
        self.calls as f64 / self.seconds
    }

    /// Microseconds of the server's main thread for each call.
    #[allow(clippy::cast_precision_loss)]
    pub fn cpu_us(&self) -> f64 {
        self.cpu * 1e6 / self.calls as f64
    }
}

/// A command, what its reply must begin with, and whose keys it is about.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The command.
    pub template: &'a Template,
    /// The beginning of its reply.
    pub reply: &'a [u8],
    /// Its keys.
    pub keys: Keys<'a>,
}

impl Load {
    /// Connects; the process is the server's.
    pub fn new(port: u16, process: &str, connections: usize, depth: u64) -> Self {
        let connect = |_| {
            let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
            stream.set_nodelay(true).expect("a socket without delay");
            Line { stream, got: Vec::new(), at: 0, elements: 0, sent: Instant::now() }
        };
        let lines = (0..connections).map(connect).collect();
        Self { lines, depth, process: process.to_owned(), out: Vec::new() }
    }

    /// Calls a command once for each number.
    ///
    /// # Panics
    /// If a reply is an error, or the first of a batch does not begin as it must.
    pub fn run(&mut self, numbers: Range<u64>, job: Job) -> Run {
        let mut run = Run { calls: numbers.end - numbers.start, ..Run::default() };
        let mut next = numbers.start;
        let (cpu, began) = (cpu(&self.process), Instant::now());
        for line in &mut self.lines {
            next = line.send(next..numbers.end.min(next + self.depth), job, &mut self.out);
        }
        while self.lines.iter().any(|line| line.elements > 0) {
            for line in self.lines.iter_mut().filter(|line| line.elements > 0) {
                line.receive(job.reply);
                run.waits.push(line.sent.elapsed().as_secs_f64() * 1e6);
                next = line.send(next..numbers.end.min(next + self.depth), job, &mut self.out);
            }
        }
        run.seconds = began.elapsed().as_secs_f64();
        run.cpu = self::cpu(&self.process) - cpu;
        run
    }
}

impl Line {
    fn send(&mut self, numbers: Range<u64>, job: Job, out: &mut Vec<u8>) -> u64 {
        let end = numbers.end;
        self.elements = end - numbers.start;
        if self.elements == 0 {
            return end;
        }
        out.clear();
        numbers.for_each(|number| job.template.write(number, job.keys, out));
        self.sent = Instant::now();
        self.stream.write_all(out).expect("the server takes it");
        end
    }

    /// Reads until every reply is there.
    fn receive(&mut self, reply: &[u8]) {
        self.got.clear();
        self.at = 0;
        while self.elements > 0 {
            let length = self.got.len();
            self.got.resize(length + 16_384, 0);
            let count = self.stream.read(&mut self.got[length..]).expect("a reply");
            assert!(count > 0, "the server went away");
            self.got.truncate(length + count);
            while self.elements > 0 && self.element() {}
        }
        let shown = || String::from_utf8_lossy(&self.got[..self.got.len().min(100)]).into_owned();
        assert!(self.got.starts_with(reply), "another reply was meant: {}", shown());
    }

    /// Passes over one element, if all of it is there.
    fn element(&mut self) -> bool {
        let rest = &self.got[self.at..];
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { return false };
        let figure = || std::str::from_utf8(&rest[1..end - 1]).ok()?.parse::<i64>().ok();
        let mut length = end + 1;
        let mut more = 0;
        match rest[0] {
            b'+' | b':' => {}
            b'$' => {
                if let Ok(bytes) = usize::try_from(figure().expect("a length")) {
                    length += bytes + 2;
                }
            }
            b'*' => more = figure().expect("a count").try_into().unwrap_or(0),
            _ => panic!("an error: {}", String::from_utf8_lossy(&rest[..end])),
        }
        if rest.len() < length {
            return false;
        }
        self.at += length;
        self.elements = self.elements - 1 + more;
        true
    }
}

/// Seconds that the main thread of a process has run.
#[allow(clippy::cast_precision_loss)]
fn cpu(process: &str) -> f64 {
    let path = format!("/proc/{process}/schedstat");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("no {path}"));
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse::<u64>().ok());
    nanos.expect("nanoseconds") as f64 / 1e9
}
