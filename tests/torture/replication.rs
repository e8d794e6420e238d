//! Replicas that stall, lose their link, load without a disk, follow another replica, and have
//! other settings and another clock: once they have all that was sent, they have the same bytes.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use redis::Connection;

use crate::answer::Answer;
use crate::scenario::{START, words};
use crate::support::history::Random;
use crate::support::server::{Server, run_on};
use crate::{Stop, form, until, version};

const CLIENTS: usize = 4;
/// Enough for a short stall, too little for a long one: both ways of catching up are taken.
const BACKLOG: &str = "repl-backlog-size 64kb";

/// Settings under which the replica's own judgement would always be another.
const OTHERS: [&str; 10] = [
    "fw.new-accounts reject",
    "fw.requests-per-minute 1",
    "fw.tokens-per-minute 1",
    "fw.concurrency 0",
    "fw.hold-ttl-ms 1",
    "fw.hold-memory-ms 0",
    "fw.tiers \"x 1 0\"",
    "fw.quotas \"\"",
    "fw.spend-memory-ms 0",
    "fw.anchor-day 15",
];

fn lines<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let own = [
        "appendonly no",
        "save \"\"",
        "propagation-error-behavior panic",
        "repl-diskless-sync yes",
        BACKLOG,
    ];
    own.iter().chain(more).copied().collect()
}

/// Sends random commands, moves of the clock among them, until it is told to stop.
fn load(mut connection: Connection, stop: &AtomicBool, sent: &AtomicUsize) {
    let mut random = Random::new();
    let mut number = random.below(1 << 30);
    while !stop.load(Ordering::SeqCst) {
        number += 1;
        let key = random.below(40);
        let line = match random.below(3) {
            0 => random.command(),
            1 => format!("FW.SPEND k{key} 0.01 ID {number}"),
            _ => format!("FW.ADMIT k{key} COST 0 HOLD {number} 0.01 TTL {}", 1 + number % 5_000),
        };
        run_on(&mut connection, &words(&line));
        sent.fetch_add(1, Ordering::SeqCst);
    }
}

/// What is done to a replica while its primary is under load.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// Its process stands still.
    Stopped,
    /// Its server sleeps.
    Asleep,
    /// Its link is cut from the primary's side.
    CutOff,
    /// It is killed and starts with nothing.
    Killed,
}

const TROUBLES: [Trouble; 4] =
    [Trouble::Stopped, Trouble::Asleep, Trouble::CutOff, Trouble::Killed];

fn signal(server: &mut Server, name: &str) {
    let pid = server.info("server", "process_id");
    let told = Command::new("kill").args([name, &pid]).status();
    assert!(told.expect("kill runs").success());
}

struct Chain {
    primary: Server,
    replica: Server,
    /// A replica of the replica.
    last: Server,
}

impl Chain {
    fn start() -> Self {
        let mut primary = Server::start(&lines(&[]));
        primary.must(&format!("FW.CLOCK SET {START}"));
        let others = lines(&OTHERS);
        let others: Vec<&str> =
            ["repl-diskless-load swapdb"].iter().chain(&others).copied().collect();
        let mut replica = primary.replica(&others);
        replica.must(&format!("FW.CLOCK SET {}", START + 3_600_000));
        let last = replica.replica(&lines(&[]));
        Self { primary, replica, last }
    }

    fn make(&mut self, trouble: Trouble, sent: &AtomicUsize, commands: usize) {
        let wait = || {
            let enough = sent.load(Ordering::SeqCst) + commands;
            until("commands", || (sent.load(Ordering::SeqCst) >= enough).then_some(()));
        };
        match trouble {
            Trouble::Stopped => {
                let pid = self.replica.info("server", "process_id");
                signal(&mut self.replica, "-STOP");
                wait();
                let told = Command::new("kill").args(["-CONT", &pid]).status();
                assert!(told.expect("kill runs").success());
            }
            Trouble::Asleep => {
                self.replica.must("DEBUG SLEEP 0.2");
            }
            Trouble::CutOff => {
                self.primary.must("CLIENT KILL TYPE replica");
                wait();
                self.replica.must("CLIENT KILL TYPE replica");
            }
            Trouble::Killed => {
                self.replica.kill();
                wait();
                self.replica.restart();
                let to = format!("REPLICAOF 127.0.0.1 {}", self.primary.port);
                self.replica.must(&to);
            }
        }
        wait();
    }

    /// Waits until both replicas have all that was sent, and compares everything.
    fn compare(&mut self, what: &str) -> usize {
        for server in [&mut self.replica, &mut self.last] {
            server.wait_for("replication", "master_link_status", "up");
        }
        self.primary.wait_for_replica(&mut self.replica);
        self.primary.wait_for_replica(&mut self.last);
        let Answer::List(keys) = self.primary.must("KEYS *") else { panic!("keys") };
        for key in keys.iter().map(Answer::word) {
            let line = format!("DEBUG DIGEST-VALUE \"{}\"", key.trim_matches('"'));
            let digest = self.primary.says(&line);
            assert_eq!(self.replica.says(&line), digest, "{key} after {what}");
            assert_eq!(self.last.says(&line), digest, "{key} after {what}, down the chain");
        }
        let digest = self.primary.digest();
        for server in [&mut self.primary, &mut self.replica, &mut self.last] {
            assert_eq!(server.digest(), digest, "after {what}");
            assert_eq!(server.info("fw", "fw_divergences"), "0", "after {what}");
        }
        keys.len()
    }
}

#[test]
fn replicas_in_trouble_come_to_have_the_same_bytes() {
    let began = Instant::now();
    let mut chain = Chain::start();
    let rounds = form(4, 80);
    let sent = AtomicUsize::new(0);
    let mut compared = 0;
    for round in 0..rounds {
        let trouble = TROUBLES[round % TROUBLES.len()];
        let stop = AtomicBool::new(false);
        let clients: Vec<_> = (0..CLIENTS).map(|_| chain.primary.connect()).collect();
        std::thread::scope(|scope| {
            let _stop = Stop(&stop);
            for connection in clients {
                scope.spawn(|| load(connection, &stop, &sent));
            }
            // A long stall outgrows the backlog, a short one does not.
            chain.make(trouble, &sent, if round % 8 < 4 { 100 } else { 3_000 });
        });
        compared += chain.compare(&format!("{trouble:?}, round {round}"));
    }
    let full = chain.primary.info("stats", "sync_full");
    let partial = chain.primary.info("stats", "sync_partial_ok");
    println!(
        "replication: {}: {rounds} troubles, {} commands, {full} full and {partial} partial \
         syncs, {compared} accounts compared at both replicas, 0 differ, {} s",
        version(&mut chain.primary),
        sent.load(Ordering::SeqCst),
        began.elapsed().as_secs()
    );
}
