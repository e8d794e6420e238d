//! Planned failovers to and fro, one soon after the other, under a long `cluster-node-timeout`.
//!
//! A replica of Redis that was elected less than twice the timeout ago counts the votes of that
//! election once more. It leads for some milliseconds, until the other nodes tell it that it was not
//! elected; then it takes everything from the primary, and what it was sent meanwhile is gone. With
//! `min-replicas-to-write 1` it takes nothing: no replica follows it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use redis::Connection;

use crate::answer::Answer;
use crate::cluster::{Cluster, PRIMARIES, Replicas, leads};
use crate::scenario::words;
use crate::support::server::run_on;
use crate::{Stop, form, version};

/// An account of the first primary: slot 5,061.
const KEY: &str = "bar";

/// A client that asks one node and no other, whatever that says of who leads.
#[derive(Default)]
struct Client {
    acknowledged: usize,
    /// Refused, since no replica followed.
    alone: usize,
}

impl Client {
    fn run(&mut self, mut connection: Connection, name: &str, stop: &AtomicBool) {
        for number in 1.. {
            if stop.load(Ordering::SeqCst) {
                return;
            }
            let charge = format!("FW.SPEND {KEY} 0.01 ID {name}-{number}");
            match run_on(&mut connection, &words(&charge)) {
                Answer::Error(error) => {
                    let code = error.split(' ').next().unwrap_or_default();
                    self.alone += usize::from(code == "NOREPLICAS");
                    let known = ["NOREPLICAS", "MOVED", "CLUSTERDOWN", "LOADING"];
                    assert!(known.contains(&code), "{charge}: {error}");
                }
                answer => {
                    assert!(answer.line().starts_with("OK "), "{charge}: {}", answer.line());
                    self.acknowledged += 1;
                }
            }
        }
    }
}

#[test]
fn failovers_to_and_fro_lose_nothing_where_a_primary_needs_its_replica() {
    let began = Instant::now();
    let mut cluster = Cluster::start_with(Replicas::Wait, 120_000);
    let pair = [0, PRIMARIES];
    let mut clients = pair.map(|_| Client::default());
    let (stop, mut taken_back) = (AtomicBool::new(false), 0);
    let rounds = form(3, 10);
    std::thread::scope(|scope| {
        let _stop = Stop(&stop);
        for (client, at) in clients.iter_mut().zip(pair) {
            let (connection, stop) = (cluster.nodes[at].connect(), &stop);
            scope.spawn(move || client.run(connection, &format!("n{at}"), stop));
        }
        for _ in 0..rounds {
            let leader = usize::from(leads(&mut cluster.nodes[pair[1]]));
            let (primary, replica) = (pair[leader], pair[1 - leader]);
            cluster.all_know(primary, replica);
            cluster.take_over(replica);
            taken_back += usize::from(leads(&mut cluster.nodes[primary]));
        }
    });
    let slot = cluster.nodes[0].says(&format!("CLUSTER KEYSLOT {KEY}"));
    let owner = cluster.owner(&slot);
    let view = cluster.nodes[owner].must(&format!("FW.GET {KEY}"));
    let spent = view.value("spent").map(Answer::word).expect("a figure");
    let acknowledged: usize = clients.iter().map(|client| client.acknowledged).sum();
    let sum = format!("{}.{:02}", acknowledged / 100, acknowledged % 100);
    assert_eq!(spent, sum.trim_end_matches('0').trim_end_matches('.'), "of {acknowledged} charges");
    println!(
        "cluster: old votes: {}: {rounds} failovers, {taken_back} of them taken back, \
         {acknowledged} charges acknowledged and all stored, {} refused for want of a replica, {} s",
        version(&mut cluster.nodes[0]),
        clients.iter().map(|client| client.alone).sum::<usize>(),
        began.elapsed().as_secs()
    );
}
