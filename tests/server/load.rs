//! Many clients at once: what a race must not break, and what a crash must not lose.

use std::collections::BTreeMap;
use std::sync::Mutex;

use redis::Value;

use crate::support::server::Server;

const CLIENTS: usize = 8;
/// Turns after which a client gives up: the server should have been killed long before.
const MOST: u32 = 20_000;

#[test]
fn however_many_clients_race_exactly_the_limit_is_admitted() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    server.must("FW.CLOCK SET 1773144000000");
    let admitted = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut connection = server.connect();
                for _ in 0..200 {
                    let answer = redis::cmd("FW.ADMIT").arg("a").query(&mut connection);
                    let Ok(Value::Array(slots)) = answer else { panic!("{answer:?}") };
                    if slots[0] == Value::Okay {
                        *admitted.lock().expect("a count") += 1;
                    }
                }
            });
        }
    });
    assert_eq!(*admitted.lock().expect("a count"), 600);
}

#[test]
fn a_server_killed_under_load_loses_no_acknowledged_change() {
    let mut server = Server::start(&["appendfsync always"]);
    for round in 0..3 {
        let acknowledged = Mutex::new(BTreeMap::new());
        let pid = server.info("server", "process_id");
        std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                let (server, acknowledged, pid) = (&server, &acknowledged, &pid);
                scope.spawn(move || {
                    let mut connection = server.connect();
                    for turn in 0..MOST {
                        // One of the clients pulls the plug in the middle of it all.
                        if client == 0 && turn == 100 {
                            let kill = format!("kill -9 {pid}");
                            let killed =
                                std::process::Command::new("sh").args(["-c", &kill]).status();
                            assert!(killed.expect("sh runs").success());
                        }
                        let key = format!("k{round}-{client}");
                        let id = format!("{turn}");
                        let mut command = redis::cmd("FW.SPEND");
                        command.arg(&key).arg("0.01").arg("ID").arg(id);
                        if command.query::<Value>(&mut connection).is_err() {
                            return;
                        }
                        acknowledged.lock().expect("counts").insert(key, turn + 1);
                    }
                });
            }
        });
        server.restart();
        for (key, spends) in acknowledged.into_inner().expect("counts") {
            let shown = server.must(&format!("FW.GET {key}"));
            let spent = shown.value("spent").map(|spent| spent.word()).expect("spent");
            let cents = (spent.parse::<f64>().expect("an amount") * 100.0).round();
            // One more may have been written whose reply was lost.
            assert!(cents == f64::from(spends) || cents == f64::from(spends + 1), "{key}: {spent}");
            assert!(spends > 0);
        }
    }
}
