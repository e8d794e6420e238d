//! A cluster of three primaries: accounts are found, sampled and heard wherever they are.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::program::{Running, at, run, url};
use crate::support::answer::Answer;
use crate::support::server::{Server, free_port};
use crate::{dashboard, metrics};

/// The first slot of each primary.
const FIRST: [u32; 3] = [0, 5_461, 10_923];

/// Primaries that know each other, with a third of the slots each. Where one is away, the others serve.
fn cluster() -> [Server; 3] {
    let mut nodes = [0, 1, 2].map(|_| {
        let bus = format!("cluster-port {}", free_port());
        let part = "cluster-require-full-coverage no";
        Server::start(&["appendonly no", "save \"\"", "cluster-enabled yes", part, &bus])
    });
    let [first, others @ ..] = &mut nodes;
    first.must("CLUSTER ADDSLOTSRANGE 0 5460");
    for (node, at) in others.iter_mut().zip(1..) {
        let last = FIRST.get(at + 1).unwrap_or(&16_384) - 1;
        node.must(&format!("CLUSTER ADDSLOTSRANGE {} {last}", FIRST[at]));
        node.must(&format!("CLUSTER SET-CONFIG-EPOCH {}", at + 1));
        let answer = node.must("CONFIG GET cluster-port");
        let bus = answer.value("cluster-port").map(Answer::word).expect("a port");
        first.must(&format!("CLUSTER MEET 127.0.0.1 {} {bus}", node.port));
    }
    let began = Instant::now();
    let whole = |node: &mut Server| {
        let info = node.says("CLUSTER INFO");
        info.contains("cluster_slots_assigned:16384") && info.contains("cluster_state:ok")
    };
    while !nodes.iter_mut().all(whole) {
        assert!(began.elapsed() < Duration::from_secs(60), "the cluster does not come together");
        std::thread::sleep(Duration::from_millis(20));
    }
    nodes
}

/// An account at each node.
fn accounts(node: &mut Server) -> [String; 3] {
    let mut home = |name: &u32| {
        let slot = node.says(&format!("CLUSTER KEYSLOT acct:{name}"));
        let slot: u32 = slot.parse().expect("a slot");
        FIRST.iter().rposition(|first| *first <= slot)
    };
    [0, 1, 2].map(|at| (0..).find(|name| home(name) == Some(at)).expect("an account").to_string())
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
    let found = nodes.each_ref().map(|node| {
        let mut line = node.connect();
        redis::cmd("DBSIZE").query::<u64>(&mut line).unwrap()
    });
    assert_eq!(found, [1, 1, 1], "the test wants an account at each node");
    let look = run(&nodes[0], "top --once -o json").json();
    assert_eq!((&look["keys"], &look["accounts"]), (&3.into(), &3.into()), "{look}");
}

#[test]
fn the_page_has_all_nodes_and_the_accounts_of_each() {
    let mut nodes = cluster();
    let accounts = accounts(&mut nodes[0]);
    let (_running, place) = dashboard::serving(&url(&nodes[0]));
    for (node, account) in nodes.iter_mut().zip(&accounts) {
        node.must(&format!("FW.SUSPEND acct:{account} fraud"));
        assert!(node.says(&format!("FW.ADMIT acct:{account}")).starts_with("SUSPENDED"));
        let (status, told) = dashboard::get(&place, &format!("/api/account?account={account}"));
        assert_eq!((status, &told["standing"]), (200, &"blocked".into()), "{told}");
        let (_, told) = dashboard::get(&place, &format!("/api/explain?account={account}"));
        assert_eq!(told["verdict"], "SUSPENDED", "{told}");
        assert_eq!(told, run(node, &format!("explain {account} -o json")).json());
    }
    let fleet = || {
        let (status, fleet) = dashboard::get(&place, "/api/fleet");
        assert_eq!(status, 200, "{fleet}");
        let nodes = fleet["nodes"].as_array().expect("nodes").clone();
        nodes
            .into_iter()
            .map(|node| (node["up"].clone(), node["counts"]["denied_suspended"].clone()))
    };
    let told: Vec<_> = fleet().collect();
    assert_eq!(told, vec![(true.into(), 1.into()); 3]);

    // The node that it was told of goes away: what the others have is still shown.
    nodes[0].kill();
    let ups: Vec<_> = fleet().map(|(up, _)| up).collect();
    assert_eq!(ups.iter().filter(|up| **up == true).count(), 2, "{ups:?}");
    assert_eq!(ups.len(), 3, "{ups:?}");
    for (account, wanted) in accounts.iter().zip([503, 200, 200]) {
        let (status, told) = dashboard::get(&place, &format!("/api/account?account={account}"));
        assert_eq!(status, wanted, "{told}");
    }
}

#[test]
fn metrics_have_a_label_for_each_node() {
    let mut nodes = cluster();
    let accounts = accounts(&mut nodes[0]);
    let (_running, place) = metrics::serving(&nodes[1]);
    let mut wanted = BTreeSet::new();
    for ((node, account), count) in nodes.iter_mut().zip(&accounts).zip(1..) {
        for _ in 0..count {
            node.must(&format!("FW.ADMIT acct:{account}"));
        }
        wanted.insert(format!("fw_admitted_total{{node=\"127.0.0.1:{}\"}} {count}", node.port));
    }
    let (_, body) = metrics::get(&place, "/metrics");
    let found = body.lines().filter(|line| line.starts_with("fw_admitted_total{"));
    assert_eq!(found.map(str::to_owned).collect::<BTreeSet<_>>(), wanted);
    assert_eq!(body.matches("# TYPE fw_admitted_total").count(), 1, "{body}");
    nodes[1].kill();
    let (_, body) = metrics::get(&place, "/metrics");
    let ups = body.lines().filter(|line| line.starts_with("fw_up{"));
    let down = format!("fw_up{{node=\"127.0.0.1:{}\"}} 0", nodes[1].port);
    let (down, up): (Vec<_>, Vec<_>) = ups.partition(|line| *line == down);
    assert_eq!((down.len(), up.len()), (1, 2), "{body}");
    assert!(up.iter().all(|line| line.ends_with(" 1")), "{body}");
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
