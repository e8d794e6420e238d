//! Plays every scenario of tests/scenarios over a socket.

use crate::support::answer::Answer;
use crate::support::scenario::{START, Target, play_all};
use crate::support::server::{Listener, Server};

struct Socket {
    server: Server,
    defaults: Vec<(String, String)>,
    listener: Listener,
}

impl Socket {
    fn start() -> Self {
        let mut server = Server::start(&["appendonly no", "save \"\""]);
        let Answer::List(rows) = server.must("CONFIG GET fw.*") else { panic!("pairs") };
        let text = |answer: &Answer| match answer {
            Answer::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => panic!("{other:?}"),
        };
        let pairs = rows.chunks(2).map(|pair| (text(&pair[0]), text(&pair[1])));
        let defaults = pairs.filter(|(name, _)| name != "fw.test-clock").collect();
        let listener = server.listen();
        Self { server, defaults, listener }
    }
}

impl Target for Socket {
    fn reset(&mut self) {
        self.server.must("FLUSHALL");
        for (name, value) in self.defaults.clone() {
            self.set(&name, &value);
        }
        self.clock(START);
    }

    fn set(&mut self, name: &str, value: &str) {
        let words = ["CONFIG", "SET", name, value].map(|word| word.as_bytes().to_vec());
        assert_eq!(self.server.run(&words).line(), "OK", "{name} {value}");
    }

    fn clock(&mut self, ms: i64) {
        assert_eq!(self.server.ask(&format!("FW.CLOCK SET {ms}")), Answer::Int(ms));
    }

    fn run(&mut self, words: &[Vec<u8>]) -> Answer {
        self.server.run(words)
    }

    fn events(&mut self) -> Vec<String> {
        self.listener.heard(&mut self.server).into_iter().map(|(_, event)| event).collect()
    }

    fn image(&mut self, key: &[u8]) -> Vec<u8> {
        let digest = [b"DEBUG".to_vec(), b"DIGEST-VALUE".to_vec(), key.to_vec()];
        self.server.run(&digest).line().into_bytes()
    }
}

#[test]
fn every_scenario_goes_as_written_over_a_socket() {
    play_all(&mut Socket::start());
}
