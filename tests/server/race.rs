//! Many clients race for one account's money: the limit holds, to the cent.

use std::sync::Barrier;
use std::thread;

use redis::Connection;

use crate::support::answer::Answer;
use crate::support::scenario::{START, words};
use crate::support::server::{Server, run_on};

const CLIENTS: usize = 50;
const HOLDS_EACH: usize = 200;

fn server() -> Server {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    server.must(&format!("FW.CLOCK SET {START}"));
    server
}

fn ask(connection: &mut Connection, line: &str) -> String {
    run_on(connection, &words(line)).line()
}

fn figure(server: &mut Server, name: &str) -> String {
    server.must("FW.GET key").value(name).map(Answer::word).expect("a figure of FW.GET")
}

/// What each of the clients came to, all of them connected and started at the same moment.
fn at_once<T: Send>(
    server: &Server,
    clients: usize,
    client: impl Fn(&mut Connection, usize) -> T + Sync,
) -> Vec<T> {
    let connections: Vec<_> = (0..clients).map(|_| server.connect()).collect();
    let start = Barrier::new(clients);
    let (start, client) = (&start, &client);
    thread::scope(|scope| {
        let run = |(number, mut connection): (usize, Connection)| {
            scope.spawn(move || {
                start.wait();
                client(&mut connection, number)
            })
        };
        let running: Vec<_> = connections.into_iter().enumerate().map(run).collect();
        running.into_iter().map(|client| client.join().expect("a client ends")).collect()
    })
}

#[test]
fn of_ten_thousand_racing_holds_exactly_what_the_limit_pays_for_is_admitted() {
    let mut server = server();
    let admitted = at_once(&server, CLIENTS, |connection, client| {
        let mut admitted = Vec::new();
        for turn in 0..HOLDS_EACH {
            let id = format!("{client}-{turn}");
            let line = format!("FW.ADMIT key COST 0 HOLD {id} 0.01 TTL 86400000");
            match ask(connection, &line).as_str() {
                "OK requests 600 600 0 0" => admitted.push(id),
                other => assert_eq!(other, "IN_FLIGHT spend 600 600 0 1000"),
            }
        }
        admitted
    });
    assert_eq!(admitted.iter().map(Vec::len).sum::<usize>(), 5_000);
    for (name, value) in [("held", "50"), ("spent", "0"), ("remaining", "0")] {
        assert_eq!(figure(&mut server, name), value, "{name}");
    }
    at_once(&server, CLIENTS, |connection, client| {
        for id in &admitted[client] {
            let said = ask(connection, &format!("FW.SPEND key 0.01 HOLD {id}"));
            assert!(said.starts_with("OK "), "{said}");
        }
    });
    for (name, value) in [("spent", "50"), ("held", "0"), ("open_holds", "0"), ("owed", "50")] {
        assert_eq!(figure(&mut server, name), value, "{name}");
    }
    assert_eq!(figure(&mut server, "standing"), "spend_limit");
}

#[test]
fn clients_that_hold_and_spend_at_once_never_pass_the_limit() {
    let mut server = server();
    server.must("FW.LIMIT key spend VALUE 5");
    let spent = at_once(&server, 10, |connection, client| {
        let mut spends = 0;
        for turn in 0..100 {
            let id = format!("{client}-{turn}");
            let admitted = ask(connection, &format!("FW.ADMIT key COST 0 HOLD {id} 0.01"));
            if !admitted.starts_with("OK ") {
                continue;
            }
            let said = ask(connection, &format!("FW.SPEND key 0.01 HOLD {id}"));
            assert!(said.starts_with("OK "), "{said}");
            spends += 1;
        }
        spends
    });
    assert_eq!(spent.iter().sum::<usize>(), 500);
    assert_eq!(figure(&mut server, "spent"), "5");
    assert_eq!(figure(&mut server, "held"), "0");
}

#[test]
fn of_two_clients_that_race_for_one_hold_one_is_admitted_and_the_other_is_told_so() {
    let mut server = server();
    let rounds = 100;
    let together = Barrier::new(2);
    let mut said = at_once(&server, 2, |connection, _| {
        let mut said = Vec::new();
        for round in 0..rounds {
            together.wait();
            said.push(ask(connection, &format!("FW.ADMIT key COST 0 HOLD h{round} 0.01")));
        }
        said
    });
    let (second, first) = (said.pop().expect("one client"), said.pop().expect("the other"));
    for (one, other) in first.into_iter().zip(second) {
        let mut both = [one, other];
        both.sort();
        assert_eq!(both, ["DUPLICATE requests 600 600 0 0", "OK requests 600 600 0 0"]);
    }
    assert_eq!(figure(&mut server, "held"), "1");
    assert_eq!(figure(&mut server, "open_holds"), "100");
}
