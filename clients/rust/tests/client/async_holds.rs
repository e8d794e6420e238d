//! A held request under tokio, where drop cannot wait.

use fw_limits_client::{
    Ask, AsyncHold, AsyncLimits, Error, Money, Opened, Outcome, Terms, Verdict,
};
use redis::aio::MultiplexedConnection;
use tokio::sync::oneshot;

use crate::support::server::Server;
use crate::support::{KEY, PROTOCOLS, connected, is, money, started, state, until};

/// How long the server remembers a hold that lapsed.
const MEMORY: u64 = 600_000;

fn one() -> Terms {
    Terms::of(Money::from_dollars(1).unwrap())
}

type Shared = MultiplexedConnection;

async fn opened_async(limits: &AsyncLimits<Shared>, terms: Terms) -> AsyncHold<Shared> {
    match limits.hold(KEY, terms, &Ask::default()).await.unwrap() {
        Opened::Admitted(hold) => hold,
        Opened::Denied(admission) => panic!("{admission:?}"),
    }
}

#[tokio::test]
async fn async_spends_and_voids() {
    for query in PROTOCOLS {
        let mut server = started();
        let limits = connected(server.port, query).await;
        let mut hold = opened_async(&limits, one()).await;
        assert_eq!(hold.id().len(), 36);
        assert!(hold.partial(money("0.25"), 5).await.unwrap().is_some());
        assert!(hold.extend(1000).await.unwrap().is_some());
        hold.used(money("0.5"), 9);
        assert_eq!(hold.finish().await.unwrap().spent, money("0.5"));
        assert_eq!(hold.spend(money("0.5"), 9).await.unwrap().outcome, Outcome::Duplicate);
        let unknown = opened_async(&limits, one()).await.finish().await.unwrap_err();
        assert!(matches!(unknown, Error::CostUnknown(_)));
        opened_async(&limits, one()).await.spend(money("0.25"), None).await.unwrap();
        opened_async(&limits, one()).await.void().await.unwrap().unwrap();
        let sixty = Terms::of(Money::from_dollars(60).unwrap());
        let denied = limits.hold(KEY, sixty, &Ask::default()).await.unwrap();
        assert!(matches!(denied, Opened::Denied(denied) if denied.verdict == Verdict::TooLarge));
        is(state(&mut server), "0.75", "0", 0);
    }
}

#[tokio::test]
async fn async_what_was_settled_is_not_voided() {
    let mut server = started();
    let limits = connected(server.port, "").await;
    opened_async(&limits, one()).await.spend(money("0.5"), None).await.unwrap();
    opened_async(&limits, one()).await.void().await.unwrap();
    // A void that a drop had begun would be sent before this.
    tokio::task::yield_now().await;
    limits.get(KEY).await.unwrap();
    assert_eq!(server.info("fw", "fw_conflicts"), "0", "no void follows a spend");
    assert_eq!(server.info("fw", "fw_duplicates"), "0", "nor another void");
    is(state(&mut server), "0.5", "0", 0);
}

#[tokio::test]
async fn async_charges_a_hold_that_is_not_known() {
    let mut server = started();
    let limits = connected(server.port, "").await;
    let mut hold = opened_async(&limits, one().ttl_ms(1000)).await;
    hold.partial(money("0.25"), None).await.unwrap();
    server.must(&format!("FW.CLOCK ADVANCE {}", 1000 + MEMORY));
    assert!(hold.partial(money("0.5"), None).await.unwrap().is_none());
    assert!(hold.extend(1000).await.unwrap().is_none());
    assert!(hold.void().await.unwrap().is_none());
    hold.used(money("0.75"), None);
    assert_eq!(hold.finish().await.unwrap().spent, money("0.75"));
    is(state(&mut server), "0.75", "0", 0);
}

/// Waits in a runtime that goes on meanwhile until nothing is held.
async fn settled(mut server: Server) -> (String, String, i64) {
    let wait = move || {
        until(|| state(&mut server).2 == 0, "the hold was not settled");
        state(&mut server)
    };
    tokio::task::spawn_blocking(wait).await.unwrap()
}

#[tokio::test]
async fn a_task_that_is_cancelled_voids() {
    let server = started();
    let limits = connected(server.port, "").await;
    let (tell, served) = oneshot::channel();
    let task = tokio::spawn(async move {
        let mut hold = opened_async(&limits, one()).await;
        hold.partial(money("0.25"), None).await.unwrap();
        tell.send(()).unwrap();
        std::future::pending::<()>().await;
        hold.finish().await.unwrap();
    });
    served.await.unwrap();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    is(settled(server).await, "0.25", "0", 0);
}

#[tokio::test]
async fn a_task_that_panics_voids() {
    let server = started();
    let limits = connected(server.port, "").await;
    let task = tokio::spawn(async move {
        let mut hold = opened_async(&limits, one()).await;
        hold.used(money("0.5"), None);
        panic!("the model broke")
    });
    assert!(task.await.unwrap_err().is_panic());
    is(settled(server).await, "0", "0", 0);
}

/// The task is cancelled at its first await after `spend` was called.
#[tokio::test]
async fn a_task_that_is_cancelled_while_it_spends_spends() {
    let server = started();
    let limits = connected(server.port, "").await;
    let mut hold = opened_async(&limits, one()).await;
    let spend = hold.spend(money("0.25"), None);
    let once = std::future::poll_fn(|_| std::task::Poll::Ready(()));
    tokio::select! {
        biased;
        spent = spend => panic!("it was not cancelled: {spent:?}"),
        () = once => {}
    }
    drop(hold);
    is(settled(server).await, "0.25", "0", 0);
}

#[tokio::test]
async fn an_admission_that_is_cancelled_holds_nothing() {
    let mut server = started();
    let limits = connected(server.port, "").await;
    // The answer waits until the server goes on.
    server.must("CLIENT PAUSE 60000 WRITE");
    let asked = tokio::spawn({
        let limits = limits.clone();
        async move { limits.hold(KEY, one(), &Ask::default()).await.map(drop) }
    });
    let mut watch = server.connect();
    let blocked = move || {
        let mut info = || redis::cmd("INFO").arg("clients").query::<String>(&mut watch).unwrap();
        until(|| info().contains("blocked_clients:1"), "the admission did not arrive");
    };
    tokio::task::spawn_blocking(blocked).await.unwrap();
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    server.must("CLIENT UNPAUSE");
    is(settled(server).await, "0", "0", 0);
}

#[test]
fn a_hold_dropped_outside_of_tokio_lapses() {
    let mut server = started();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let hold = runtime.block_on(async {
        let limits = connected(server.port, "").await;
        opened_async(&limits, one().ttl_ms(1000)).await
    });
    drop(hold);
    is(state(&mut server), "0", "1", 1);
    server.must("FW.CLOCK ADVANCE 1000");
    is(state(&mut server), "0", "0", 0);
}

#[tokio::test]
async fn async_redis_away_at_the_settlement() {
    let mut server = started();
    let limits = connected(server.port, "").await;
    let mut hold = opened_async(&limits, one()).await;
    server.kill();
    hold.used(money("0.5"), 10);
    assert!(hold.finish().await.unwrap_err().is_unavailable());
    let refused = limits.hold(KEY, one(), &Ask::default()).await.unwrap_err();
    assert!(refused.is_unavailable());
    server.restart();
    let again = connected(server.port, "").await;
    let settlement = hold.settlement().unwrap();
    assert_eq!(again.settle(&settlement).await.unwrap().spent, money("0.5"));
    drop(hold);
    assert_eq!(again.settle(&settlement).await.unwrap().outcome, Outcome::Duplicate);
    is(state(&mut server), "0.5", "0", 0);
}
