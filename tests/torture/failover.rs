//! A primary that is killed under load, and a replica in its place.
//!
//! What WAIT confirmed is there. Clients then send again, with the same ids, all of which they do
//! not know whether it was done; nothing is done twice, nothing is left out: the accounts are, to
//! the byte, as if every command had been sent once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use redis::Connection;

use crate::answer::Answer;
use crate::client::stored;
use crate::memory::Memory;
use crate::scenario::{START, Target, words};
use crate::support::history::Random;
use crate::support::server::{Server, answered};
use crate::{Doomed, form, until, version};

const CLIENTS: usize = 6;
const REPLICAS: usize = 2;

/// A client of one account.
struct Client {
    key: String,
    number: u64,
    /// Everything that it ever sent, once.
    sent: Vec<String>,
    /// How many of these are in every replica.
    confirmed: usize,
}

impl Client {
    /// Sends events and waits for the replicas, until the connection breaks.
    fn run(&mut self, connection: &mut Connection, count: &AtomicUsize) {
        loop {
            for _ in 0..3 {
                let event = self.event();
                self.sent.push(event.clone());
                let Some(answer) = ask(connection, &event) else { return };
                assert!(answer.starts_with("OK "), "{event}: {answer}");
                count.fetch_add(1, Ordering::SeqCst);
            }
            let Some(replicas) = ask(connection, "WAIT 2 10000") else { return };
            if replicas == REPLICAS.to_string() {
                self.confirmed = self.sent.len();
            }
        }
    }

    fn event(&mut self) -> String {
        self.number += 1;
        let (key, new, last) = (&self.key, self.number, self.number - 1);
        match new % 8 {
            0 => format!("FW.SPEND {key} 0.01 ID s{new}"),
            1 => format!("FW.TOPUP {key} 0.02 ID t{new}"),
            2 => format!("FW.ADMIT {key} COST 0 TOKENS 3 HOLD h{new} 0.05 TTL 86400000"),
            3 => format!("FW.SPEND {key} 0.03 HOLD h{last} TOKENS 1"),
            4 => format!("FW.REFUND {key} 0.01 ID r{new}"),
            5 => format!("FW.QUOTA {key} RESERVE q{} deployed-models 1 TTL 0", new % 48),
            6 => format!("FW.ADMIT {key} COST 0 HOLD h{new} 0.07 TTL 86400000"),
            _ => format!("FW.VOID {key} h{last}"),
        }
    }

    /// Sends again what was not confirmed, and before it some of what was.
    fn insist(&self, server: &mut Server) -> (usize, usize) {
        let (mut again, mut known) = (0, 0);
        for (at, event) in self.sent.iter().enumerate().skip(self.confirmed.saturating_sub(40)) {
            // An id that was closed since is no longer a hold to ask for.
            let closed = event.contains("ADMIT") && at + 1 < self.sent.len();
            let answer = server.says(event);
            let repeats = event.contains("RESERVE") || event.contains("FW.SET");
            let renews = repeats && answer.starts_with("OK ");
            let done = answer.starts_with("DUPLICATE ") || renews;
            let done = done || closed && answer == "(error) CONFLICT";
            if at < self.confirmed {
                assert!(done, "WAIT confirmed {event}, and now {answer}");
            } else if done {
                known += 1;
            } else {
                assert!(answer.starts_with("OK "), "{event}: {answer}");
                again += 1;
            }
        }
        (again, known)
    }
}

/// One question; none if the connection broke.
fn ask(connection: &mut Connection, line: &str) -> Option<String> {
    let mut command = redis::Cmd::new();
    for word in words(line) {
        command.arg(word);
    }
    connection.send_packed_command(&command.get_packed_command()).ok()?;
    connection.recv_response().ok().map(|value| answered(value).line())
}

/// One server that leads and those that follow.
struct Group {
    primary: Server,
    replicas: Vec<Server>,
}

impl Group {
    fn start() -> Self {
        let lines = ["appendonly no", "save \"\"", "propagation-error-behavior panic"];
        let mut primary = Server::start(&lines);
        let replicas = (0..REPLICAS).map(|_| primary.replica(&lines)).collect();
        let mut group = Self { primary, replicas };
        group.set_clocks();
        group
    }

    /// Who decides is at the time that the rules are told; who follows is an hour ahead.
    fn set_clocks(&mut self) {
        self.primary.must(&format!("FW.CLOCK SET {START}"));
        for replica in &mut self.replicas {
            replica.must(&format!("FW.CLOCK SET {}", START + 3_600_000));
        }
    }

    /// A replica takes the primary's place, and the others follow it.
    fn promote(&mut self, at: usize) {
        let former = std::mem::replace(&mut self.primary, self.replicas.remove(at));
        self.primary.must("REPLICAOF NO ONE");
        let mut former = former;
        former.restart();
        self.replicas.push(former);
        let to = format!("REPLICAOF 127.0.0.1 {}", self.primary.port);
        for replica in &mut self.replicas {
            replica.must(&to);
        }
        self.set_clocks();
    }

    fn wait(&mut self) {
        let port = self.primary.port.to_string();
        for replica in &mut self.replicas {
            replica.wait_for("replication", "master_port", &port);
            replica.wait_for("replication", "master_link_status", "up");
            self.primary.wait_for_replica(replica);
        }
    }
}

#[test]
fn after_a_failover_what_wait_confirmed_is_there_and_a_retry_counts_once() {
    let began = Instant::now();
    let mut group = Group::start();
    let mut random = Random::new();
    let mut figures = [0; 4];
    let kills = form(3, 60);
    for round in 0..kills {
        let mut clients: Vec<Client> = (0..CLIENTS)
            .map(|at| Client {
                key: format!("f{round}-{at}"),
                number: 0,
                sent: Vec::new(),
                confirmed: 0,
            })
            .collect();
        for client in &mut clients {
            let line = format!("FW.SET {} tier unlimited", client.key);
            group.primary.must(&line);
            client.sent.push(line);
        }
        group.wait();
        let connections: Vec<_> = clients.iter().map(|_| group.primary.connect()).collect();
        let count = AtomicUsize::new(0);
        let enough = usize::try_from(300 + random.below(1_500)).expect("a count");
        std::thread::scope(|scope| {
            let _doomed = Doomed(&mut group.primary);
            for (client, mut connection) in clients.iter_mut().zip(connections) {
                let count = &count;
                scope.spawn(move || client.run(&mut connection, count));
            }
            until("events", || (count.load(Ordering::SeqCst) >= enough).then_some(()));
        });
        let at = usize::try_from(random.below(REPLICAS as u64)).expect("a place");
        group.promote(at);
        for client in &clients {
            let (again, known) = client.insist(&mut group.primary);
            figures[0] += client.sent.len();
            figures[1] += client.confirmed;
            figures[2] += again;
            figures[3] += known;
        }
        group.wait();
        compare(&mut group, &clients);
    }
    println!(
        "failover: {}: {kills} primaries killed and replaced, {} events, {} confirmed by WAIT \
         and 0 of them lost, {} unconfirmed ones lost and sent again, {} kept and not doubled, {} s",
        version(&mut group.primary),
        figures[0],
        figures[1],
        figures[2],
        figures[3],
        began.elapsed().as_secs()
    );
    assert!(figures[1] > 0, "WAIT confirms something");
}

/// Every account is as if each event had come once, on every server.
fn compare(group: &mut Group, clients: &[Client]) {
    let mut memory = Memory::default();
    memory.clock(START);
    for client in clients {
        for event in &client.sent {
            let answer = memory.run(&words(event));
            assert!(!matches!(answer, Answer::Error(_)), "{event}: {answer:?}");
        }
        let key = std::slice::from_ref(&client.key);
        let image = memory.image(client.key.as_bytes());
        for server in std::iter::once(&mut group.primary).chain(&mut group.replicas) {
            server.must("CONFIG SET rdbcompression no");
            assert!(stored(server, key)[&client.key] == image, "{} differs", client.key);
            assert_eq!(server.info("fw", "fw_divergences"), "0");
        }
    }
}
