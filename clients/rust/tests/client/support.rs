//! Servers, and clients of both kinds in both protocols.

#[path = "../../../../tests/support/answer.rs"]
#[allow(dead_code, reason = "the module's own tests use more of it")]
pub mod answer;
#[path = "../../../../tests/support/proxy.rs"]
pub mod proxy;
#[path = "../../../../tests/support/scenario.rs"]
#[allow(dead_code, reason = "the module's own tests use more of it")]
pub mod scenario;
#[path = "../../../../tests/support/server.rs"]
#[allow(dead_code, reason = "the module's own tests use more of it")]
pub mod server;

use std::time::{Duration, Instant};

use fw_limits_client::{AsyncLimits, Command, Limits, Money, Result};
use redis::aio::MultiplexedConnection;
use server::Server;
use tokio::runtime::Runtime;

/// Where the clock stands: 2026-01-01T00:00:00Z.
pub const NOON: u64 = 1_767_225_600_000;
/// How long something may take that another thread does: only what hangs takes so long.
pub const PATIENCE: Duration = Duration::from_secs(60);
pub const KEY: &str = "acct:1";
pub const PROTOCOLS: [&str; 2] = ["?protocol=resp2", "?protocol=resp3"];

pub fn money(text: &str) -> Money {
    text.parse().unwrap()
}

pub fn started() -> Server {
    let mut server = Server::start(&[]);
    server.must(&format!("FW.CLOCK SET {NOON}"));
    server
}

pub fn address(port: u16, query: &str) -> redis::Client {
    redis::Client::open(format!("redis://127.0.0.1:{port}/{query}")).unwrap()
}

pub async fn connected(port: u16, query: &str) -> AsyncLimits<MultiplexedConnection> {
    let connection = address(port, query).get_multiplexed_async_connection().await;
    AsyncLimits::new(connection.unwrap())
}

/// What was spent, what is held, and how many holds are open.
pub fn state(server: &mut Server) -> (String, String, i64) {
    let found = server.must(&format!("FW.GET {KEY}"));
    let word = |name: &str| found.value(name).unwrap().word();
    (word("spent"), word("held"), word("open_holds").parse().unwrap())
}

pub fn is(state: (String, String, i64), spent: &str, held: &str, open: i64) {
    assert_eq!(state, (spent.to_owned(), held.to_owned(), open));
}

/// Polls until something that goes on elsewhere has happened.
pub fn until(mut ready: impl FnMut() -> bool, what: &str) {
    let give_up = Instant::now() + PATIENCE;
    while !ready() {
        assert!(Instant::now() < give_up, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Either kind of client, so that one test plays both.
pub trait Client {
    fn run<T>(&mut self, command: Command<T>) -> Result<T>;
}

impl Client for Limits<redis::Connection> {
    fn run<T>(&mut self, command: Command<T>) -> Result<T> {
        Limits::run(self, &command)
    }
}

/// An asynchronous client, with the runtime that it needs.
pub struct Blocking(Runtime, AsyncLimits<MultiplexedConnection>);

impl Client for Blocking {
    fn run<T>(&mut self, command: Command<T>) -> Result<T> {
        self.0.block_on(self.1.run(&command))
    }
}

/// Plays a test with both kinds of clients in both protocols, each on an empty server.
pub fn everywhere<P: Play>(play: &P) {
    let mut server = started();
    for query in PROTOCOLS {
        play.play(&mut Limits::new(server.connect_with(query)), &mut server);
        cleared(&mut server);
        let runtime = Runtime::new().unwrap();
        let limits = runtime.block_on(connected(server.port, query));
        play.play(&mut Blocking(runtime, limits), &mut server);
        cleared(&mut server);
    }
}

/// A test of clients of any kind.
pub trait Play {
    fn play<C: Client>(&self, limits: &mut C, server: &mut Server);
}

fn cleared(server: &mut Server) {
    server.must("FLUSHALL");
    server.must(&format!("FW.CLOCK SET {NOON}"));
    server.must("CONFIG SET fw.new-accounts open maxmemory 0");
}

/// A test as a function of any client and its server.
macro_rules! plays {
    ($(#[$note:meta])* fn $name:ident($limits:ident, $server:ident) $body:block) => {
        $(#[$note])*
        #[test]
        fn $name() {
            struct Played;
            impl crate::support::Play for Played {
                fn play<C: crate::support::Client>(
                    &self,
                    $limits: &mut C,
                    $server: &mut crate::support::server::Server,
                ) $body
            }
            crate::support::everywhere(&Played);
        }
    };
}
pub(crate) use plays;
