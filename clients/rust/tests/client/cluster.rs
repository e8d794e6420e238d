//! The cluster clients of redis-rs, on a cluster of one node that has all slots.

use fw_limits_client::{Ask, AsyncLimits, Error, Leased, Limits, Money, Opened, Quotas, Terms};
use redis::cluster::ClusterClient;

use crate::support::money;
use crate::support::server::Server;

/// Accounts in different slots.
const KEYS: [&str; 3] = ["acct:1", "acct:2", "acct:3"];

fn cluster() -> (Server, ClusterClient) {
    let mut node = Server::start(&["cluster-enabled yes"]);
    node.must("CLUSTER ADDSLOTSRANGE 0 16383");
    crate::support::until(
        || node.must("CLUSTER INFO").word().contains("cluster_state:ok"),
        "the cluster did not form",
    );
    let client = ClusterClient::new(vec![format!("redis://127.0.0.1:{}", node.port)]).unwrap();
    (node, client)
}

fn one() -> Terms {
    Terms::of(Money::from_dollars(1).unwrap())
}

#[test]
fn a_cluster() {
    let (_node, client) = cluster();
    let mut limits = Limits::new(client.get_connection().unwrap());
    for key in KEYS {
        let Opened::Admitted(mut hold) = limits.hold(key, one(), &Ask::default()).unwrap() else {
            panic!("it is admitted")
        };
        hold.spend(money("0.5"), None).unwrap();
        drop(hold);
        assert_eq!(limits.get(key).unwrap().unwrap().spent, money("0.5"));
        assert!(matches!(limits.void(key, "never-seen"), Err(Error::NoHold(_))));
    }
    assert_eq!(limits.tiers().unwrap()[0].name, "tier-1");
    assert_eq!(limits.help("VOID").unwrap()[0], "FW.VOID key id");
    assert!(limits.help(None).unwrap().len() > 10);
    let Leased::Reserved(lease) = limits.lease(KEYS[0], "l", &Quotas::of("h100", 1)).unwrap()
    else {
        panic!("it is reserved")
    };
    assert!(lease.release().unwrap());
}

#[tokio::test]
async fn an_async_cluster() {
    let (_node, client) = cluster();
    let limits = AsyncLimits::new(client.get_async_connection().await.unwrap());
    for key in KEYS {
        let opened = limits.hold(key, one(), &Ask::default()).await.unwrap();
        let Opened::Admitted(mut hold) = opened else { panic!("it is admitted") };
        hold.spend(money("0.5"), None).await.unwrap();
        assert_eq!(limits.get(key).await.unwrap().unwrap().spent, money("0.5"));
        assert!(matches!(limits.void(key, "never-seen").await, Err(Error::NoHold(_))));
    }
    assert_eq!(limits.tiers().await.unwrap()[0].name, "tier-1");
    assert_eq!(limits.help("VOID").await.unwrap()[0], "FW.VOID key id");
    let leased = limits.lease(KEYS[0], "l", &Quotas::of("h100", 1)).await.unwrap();
    let Leased::Reserved(lease) = leased else { panic!("it is reserved") };
    assert!(lease.release().await.unwrap());
}
