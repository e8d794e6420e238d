//! A cluster of two primaries: accounts are found, sampled and heard wherever they are.

use std::time::{Duration, Instant};

use crate::program::{Running, at, run, url};
use crate::support::answer::Answer;
use crate::support::server::{Server, free_port};

/// Two primaries that know each other, with half of the slots each.
fn cluster() -> [Server; 2] {
    let mut nodes = [0, 1].map(|_| {
        let bus = format!("cluster-port {}", free_port());
        Server::start(&["appendonly no", "save \"\"", "cluster-enabled yes", &bus])
    });
    nodes[0].must("CLUSTER ADDSLOTSRANGE 0 8191");
    nodes[1].must("CLUSTER ADDSLOTSRANGE 8192 16383");
    nodes[1].must("CLUSTER SET-CONFIG-EPOCH 2");
    let answer = nodes[1].must("CONFIG GET cluster-port");
    let bus = answer.value("cluster-port").map(Answer::word).expect("a port");
    let port = nodes[1].port;
    nodes[0].must(&format!("CLUSTER MEET 127.0.0.1 {port} {bus}"));
    let began = Instant::now();
    let whole = |node: &mut Server| node.says("CLUSTER INFO").contains("cluster_state:ok");
    while !nodes.iter_mut().all(whole) {
        assert!(began.elapsed() < Duration::from_secs(60), "the cluster does not come together");
        std::thread::sleep(Duration::from_millis(20));
    }
    nodes
}

/// An account at each node.
fn accounts(node: &mut Server) -> [String; 2] {
    let mut slot = |name: &u32| {
        let slot = node.says(&format!("CLUSTER KEYSLOT acct:{name}"));
        slot.parse::<u32>().expect("a slot")
    };
    let near = (0..).find(|name| slot(name) < 8_192).expect("an account");
    let far = (0..).find(|name| slot(name) >= 8_192).expect("an account");
    [near, far].map(|name: u32| name.to_string())
}

#[test]
fn any_node_stands_for_the_cluster() {
    let mut nodes = cluster();
    for account in accounts(&mut nodes[0]) {
        for node in &nodes {
            let ran = run(node, &format!("topup {account} 5 --id t -o json"));
            assert_eq!((ran.code, &ran.json()["credits"]), (0, &"5".into()), "{ran:?}");
        }
    }
    let [first, second] = nodes.each_ref().map(|node| {
        let mut line = node.connect();
        redis::cmd("DBSIZE").query::<u64>(&mut line).unwrap()
    });
    assert_eq!((first, second), (1, 1), "the test wants an account at each node");
    let look = run(&nodes[0], "top --once -o json").json();
    assert_eq!((&look["keys"], &look["accounts"]), (&2.into(), &2.into()), "{look}");
}

#[test]
fn events_of_all_nodes_are_heard() {
    let mut nodes = cluster();
    let running = Running::start(at(&url(&nodes[1])).arg("watch"));
    for _ in &nodes {
        running.says("fwctl: watching ");
    }
    for account in accounts(&mut nodes[0]) {
        assert_eq!(run(&nodes[0], &format!("suspend {account} fraud")).code, 0);
        for event in ["created", "suspended"] {
            let line = running.line();
            let wanted = format!("{event:<9}  {account}  suspended: blocked");
            assert!(line.contains(&wanted), "{line}");
        }
    }
}
