//! A client that sends any bytes, and takes only whole and well-formed replies.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::support::server::Server;

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// A connection.
pub struct Socket {
    stream: BufReader<TcpStream>,
    pings: u64,
}

/// A reply: the sign that it begins with, and its first line.
#[derive(Debug)]
pub struct Reply {
    pub sign: u8,
    pub line: Vec<u8>,
}

/// A command as it goes over the wire.
pub fn request(words: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n", word.len()).bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

impl Socket {
    pub fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.port)).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self { stream: BufReader::new(stream), pings: 0 }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).expect("it is sent");
    }

    /// What the server says to bytes after which nothing comes, until it hangs up.
    pub fn last_words(mut self, bytes: &[u8]) -> Vec<u8> {
        let mut said = Vec::new();
        // The server may hang up before it has read all.
        let _ = self.stream.get_mut().write_all(bytes);
        let _ = self.stream.get_mut().shutdown(Shutdown::Write);
        let _ = self.stream.read_to_end(&mut said);
        said
    }

    /// Holds if nothing stands between the last reply and what comes next.
    pub fn is_in_step(&mut self) -> bool {
        self.pings += 1;
        let token = format!("token-{}", self.pings);
        self.send(&request(&[b"PING".to_vec(), token.clone().into_bytes()]));
        self.reply().line == token.as_bytes()
    }

    /// One reply.
    ///
    /// # Panics
    /// If what comes is none.
    pub fn reply(&mut self) -> Reply {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).expect("a line");
        assert!(line.ends_with(b"\r\n") && line.len() > 2, "{}", line.escape_ascii());
        line.truncate(line.len() - 2);
        assert!(!line.contains(&b'\r'), "{}", line.escape_ascii());
        let sign = line.remove(0);
        let mut reply = Reply { sign, line };
        match sign {
            b'+' | b'-' => {}
            b':' => drop(reply.number()),
            b'_' => assert!(reply.line.is_empty()),
            b'$' => reply.line = self.bulk(reply.number()),
            b'*' => (0..reply.number()).for_each(|_| drop(self.reply())),
            b'%' => (0..reply.number() * 2).for_each(|_| drop(self.reply())),
            other => panic!("no reply begins with {other}"),
        }
        reply
    }

    fn bulk(&mut self, length: i64) -> Vec<u8> {
        let Ok(length) = usize::try_from(length) else { return Vec::new() };
        let mut bytes = vec![0; length + 2];
        self.stream.read_exact(&mut bytes).expect("as many bytes as were said");
        assert!(bytes.ends_with(b"\r\n"));
        bytes.truncate(length);
        bytes
    }
}

impl Reply {
    fn number(&self) -> i64 {
        std::str::from_utf8(&self.line).expect("digits").parse().expect("a number")
    }

    /// Holds if it is an error, which then is one of the module's or of the server's arity.
    pub fn is_error(&self) -> bool {
        if self.sign != b'-' {
            return false;
        }
        let clean = self.line.iter().all(|byte| *byte == b' ' || byte.is_ascii_graphic());
        assert!(clean && self.line.len() < 600, "{}", self.line.escape_ascii());
        true
    }
}
