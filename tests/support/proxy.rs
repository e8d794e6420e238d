//! A proxy that stands between a client and the server, and loses replies.
//!
//! It hands every request on and waits for the reply, so the server has done its work, and then
//! hangs up instead of handing the reply back.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

/// Hands requests on, and loses replies.
pub struct Proxy {
    /// Where it listens, on the loopback interface.
    pub port: u16,
    to_lose: Arc<AtomicU32>,
}

impl Proxy {
    /// Its threads end with the test program: one that only accepts cannot be told to end.
    ///
    /// # Panics
    /// If there is no port for it.
    pub fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port for the proxy");
        let port = listener.local_addr().expect("an address").port();
        let to_lose = Arc::new(AtomicU32::new(0));
        let shared = Arc::clone(&to_lose);
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.expect("a client of the proxy");
                let server = TcpStream::connect(("127.0.0.1", server)).expect("the server");
                relay(&client, &server, &shared);
            }
        });
        Self { port, to_lose }
    }

    /// Loses the next replies to commands of the module.
    pub fn lose(&self, replies: u32) {
        self.to_lose.store(replies, Ordering::SeqCst);
    }
}

/// Both ways between a client and the server, each in a thread, until one of them hangs up.
fn relay(client: &TcpStream, server: &TcpStream, to_lose: &Arc<AtomicU32>) {
    let asked = Arc::new(AtomicBool::new(false));
    let copy = |stream: &TcpStream| stream.try_clone().expect("a socket");
    let (mut from_client, mut to_server) = (copy(client), copy(server));
    let (mut from_server, mut to_client) = (copy(server), copy(client));
    let (asking, to_lose) = (Arc::clone(&asked), Arc::clone(to_lose));
    thread::spawn(move || {
        pump(&mut from_client, &mut to_server, |request| {
            // What a library says when it connects is none of ours.
            asking.store(request.windows(3).any(|word| word == b"FW."), Ordering::SeqCst);
            true
        });
    });
    thread::spawn(move || {
        pump(&mut from_server, &mut to_client, |_| {
            let less = |left: u32| left.checked_sub(1);
            let lost = asked.load(Ordering::SeqCst)
                && to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok();
            !lost
        });
    });
}

/// Copies what comes for as long as `passes` says so, then hangs up on both.
fn pump(from: &mut TcpStream, to: &mut TcpStream, passes: impl Fn(&[u8]) -> bool) {
    let mut buffer = [0; 16_384];
    while let Ok(length) = from.read(&mut buffer) {
        if length == 0 || !passes(&buffer[..length]) || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    // The other thread may have hung up before.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
