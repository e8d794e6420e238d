//! HTTP for a few readers: GET alone, one request a connection, all of it bounded.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::failure::Failure;

/// Bytes of a request: a line and headers.
const LARGEST: usize = 16 * 1024;
/// Headers of a request.
const HEADERS: usize = 64;
/// Connections at a time; a further one is closed.
const CONNECTIONS: usize = 16;
/// How long a request may take to come, and its answer to go.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is asked for.
pub struct Request {
    /// The path, as it was written.
    pub path: String,
    /// What stands after `?`, as it was written.
    pub query: String,
    /// The header Host.
    pub host: String,
}

/// An answer.
pub struct Answer {
    /// 200 and so on.
    pub status: u16,
    /// Content-Type and what else the answer needs.
    pub headers: Vec<(&'static str, String)>,
    /// The content.
    pub body: String,
}

impl Answer {
    /// Plain text.
    pub fn text(status: u16, body: &str) -> Self {
        let kind = ("Content-Type", "text/plain; charset=utf-8".to_owned());
        Self { status, headers: vec![kind], body: body.to_owned() }
    }

    fn send(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        let mut head = format!(
            "HTTP/1.1 {} {}\r\nContent-Length: {}\r\nConnection: close\r\n",
            self.status,
            if self.status < 400 { "OK" } else { "Refused" },
            self.body.len()
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{head}\r\n{}", self.body).as_bytes())?;
        stream.flush()
    }
}

/// A place where requests come in.
pub struct Door {
    listener: TcpListener,
    place: SocketAddr,
}

impl Door {
    /// Listens.
    pub fn open(address: &str) -> Result<Self, Failure> {
        let failed = |why| Failure::Broken(format!("cannot listen on {address}: {why}"));
        let listener = TcpListener::bind(address).map_err(failed)?;
        let place = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, place })
    }

    /// Where it listens.
    pub fn place(&self) -> SocketAddr {
        self.place
    }

    /// Answers, until the program is ended.
    pub fn serve(&self, answer: impl Fn(&Request) -> Answer + Sync) {
        let (open, answer) = (AtomicUsize::new(0), &answer);
        let open = &open;
        std::thread::scope(|threads| {
            for stream in self.listener.incoming() {
                let Ok(stream) = stream else {
                    // Such as too many open files: it passes when some are closed.
                    std::thread::sleep(Duration::from_millis(50));
                    continue;
                };
                if open.load(Ordering::Relaxed) >= CONNECTIONS {
                    continue;
                }
                open.fetch_add(1, Ordering::Relaxed);
                threads.spawn(move || {
                    // Whoever asked and went away is no failure.
                    let _ = talk(stream, answer);
                    open.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
    }
}

fn talk(mut stream: TcpStream, answer: &impl Fn(&Request) -> Answer) -> std::io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let reply = match read(&mut stream)? {
        Ok(request) => answer(&request),
        Err(refusal) => refusal,
    };
    reply.send(&mut stream)?;
    stream.shutdown(std::net::Shutdown::Write)?;
    // What came too much is read, but not all of it: a connection closed over it would be reset, and
    // the answer lost.
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    let mut rest = [0; LARGEST];
    let _ = stream.read(&mut rest)?;
    Ok(())
}

/// Reads a request, or says why it is none.
fn read(stream: &mut TcpStream) -> std::io::Result<Result<Request, Answer>> {
    let until = Instant::now() + PATIENCE;
    let mut bytes = Vec::new();
    loop {
        let left = until.saturating_duration_since(Instant::now());
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        let mut some = [0; 2048];
        let count = stream.read(&mut some)?;
        bytes.extend_from_slice(some.get(..count).unwrap_or_default());
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        match parsed.parse(&bytes) {
            Ok(status) if status.is_complete() => return Ok(request(&parsed)),
            Ok(_) if bytes.len() > LARGEST => break,
            Ok(_) if count == 0 || left.is_zero() => {
                return Err(std::io::ErrorKind::TimedOut.into());
            }
            Ok(_) => {}
            Err(httparse::Error::TooManyHeaders) => break,
            Err(_) => return Ok(Err(Answer::text(400, "this is no HTTP\n"))),
        }
    }
    Ok(Err(Answer::text(431, "the request is too large\n")))
}

fn request(parsed: &httparse::Request) -> Result<Request, Answer> {
    if parsed.method != Some("GET") {
        return Err(Answer::text(405, "only GET is answered\n"));
    }
    let mut hosts = parsed.headers.iter().filter(|own| own.name.eq_ignore_ascii_case("host"));
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => String::from_utf8_lossy(host.value).into_owned(),
        _ => return Err(Answer::text(400, "there must be one header Host\n")),
    };
    let has_body = parsed.headers.iter().any(|own| {
        own.name.eq_ignore_ascii_case("transfer-encoding")
            || own.name.eq_ignore_ascii_case("content-length") && own.value != b"0"
    });
    if has_body {
        return Err(Answer::text(413, "a request has no body here\n"));
    }
    let target = parsed.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Ok(Request { path: path.to_owned(), query: query.to_owned(), host })
}
