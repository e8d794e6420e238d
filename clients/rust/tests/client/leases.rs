//! Leases, and the heartbeat that gives the order to stop.
//!
//! Heartbeats beat in real time, a few milliseconds apart; the server's clock stands still.

use std::time::Duration;

use fw_limits_client::{
    AsyncLease, AsyncLimits, Error, Lease, Leased, Limits, Quotas, Verdict, Why,
};
use redis::aio::ConnectionLike;

use crate::support::server::Server;
use crate::support::{KEY, PATIENCE, PROTOCOLS, address, connected, started, until};

const BEAT: Duration = Duration::from_millis(5);

fn gpus() -> Quotas {
    Quotas::of("h100", 8).ttl_ms(60_000).renewed_every(BEAT)
}

/// A lease that lapses by the clock of the test itself.
fn short() -> Quotas {
    Quotas::of("h100", 8).ttl_ms(1000).renewed_every(BEAT)
}

fn begun(server: &Server, query: &str, quotas: &Quotas) -> Lease {
    let limits = Limits::new(server.connect_with(query));
    match limits.lease(KEY, "train-1", quotas).unwrap() {
        Leased::Reserved(lease) => lease,
        Leased::Denied(denied) => panic!("{denied:?}"),
    }
}

async fn begun_async<C>(limits: &AsyncLimits<C>, quotas: &Quotas) -> AsyncLease
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    match limits.lease(KEY, "train-1", quotas).await.unwrap() {
        Leased::Reserved(lease) => lease,
        Leased::Denied(denied) => panic!("{denied:?}"),
    }
}

fn used(server: &mut Server) -> String {
    server.must(&format!("FW.QUOTAS {KEY} h100")).value("used").unwrap().word()
}

/// Waits until the heartbeat has beaten so often from now on, or has given the order to stop.
fn beats(server: &mut Server, count: u64, stopped: impl Fn() -> bool) {
    let mut calls = || {
        let stats = server.must("INFO commandstats").word();
        let found = stats.split("cmdstat_FW.QUOTA:calls=").nth(1);
        let count = found.and_then(|rest| rest.split(',').next()).unwrap_or("0").to_owned();
        count.parse::<u64>().unwrap()
    };
    let before = calls();
    until(|| calls() >= before + count || stopped(), "the heartbeat does not beat");
    assert!(!stopped(), "the order to stop was given");
}

#[test]
fn a_lease_is_held_until_it_is_released() {
    for query in PROTOCOLS {
        let mut server = started();
        let lease = begun(&server, query, &gpus());
        assert_eq!((lease.token(), used(&mut server).as_str()), (1, "8"));
        assert_eq!(lease.reservation().ttl_ms, Some(60_000));
        assert_eq!(lease.orders().stop(), None);
        assert!(lease.release().unwrap());
        assert_eq!(used(&mut server), "0");
    }
}

#[test]
fn a_lease_that_is_dropped_is_released() {
    let mut server = started();
    let lease = begun(&server, "", &gpus());
    let orders = lease.orders();
    drop(lease);
    until(|| used(&mut server) == "0", "it was not released");
    assert_eq!(orders.wait(PATIENCE), None, "the end is no order");
}

#[test]
fn a_denied_lease_is_a_value_and_releases_nothing() {
    let mut server = started();
    server.must(&format!("FW.QUOTA {KEY} RESERVE train-2 h100 8"));
    let denied = Limits::new(server.connect()).lease(KEY, "train-1", &gpus()).unwrap();
    let Leased::Denied(denied) = denied else { panic!("it is denied") };
    assert_eq!(denied.verdict, Verdict::QuotaExceeded);
    let nothing = Limits::new(server.connect()).lease(KEY, "train-1", &Quotas::of("h100", 0));
    assert!(matches!(nothing, Err(Error::Invalid(_))));
    assert_eq!(used(&mut server), "8");
}

#[test]
fn the_heartbeat_keeps_the_lease() {
    let mut server = started();
    let lease = begun(&server, "", &gpus());
    for _ in 0..3 {
        server.must("FW.CLOCK ADVANCE 59999");
        // One of two began after the clock moved.
        beats(&mut server, 2, || lease.orders().stop().is_some());
    }
    assert_eq!(used(&mut server), "8");
    assert!(lease.release().unwrap());
}

/// A third of the TTL is the beat where nobody says another: five beats outlast the TTL.
#[test]
fn a_lease_outlives_its_ttl() {
    let mut server = started();
    let lease = begun(&server, "", &Quotas::of("h100", 8).ttl_ms(900));
    beats(&mut server, 5, || lease.orders().stop().is_some());
    assert!(lease.release().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_async_lease_outlives_its_ttl() {
    let mut server = started();
    let limits = connected(server.port, "").await;
    let lease = begun_async(&limits, &Quotas::of("h100", 8).ttl_ms(900)).await;
    beats(&mut server, 5, || lease.orders().borrow().is_some());
    assert!(lease.release().await.unwrap());
}

#[test]
fn a_suspension_is_an_order_to_stop() {
    for query in PROTOCOLS {
        let mut server = started();
        let lease = begun(&server, query, &gpus());
        server.must(&format!("FW.SUSPEND {KEY} fraud"));
        let stop = lease.orders().wait(PATIENCE).unwrap();
        assert_eq!((stop.why, stop.detail.as_str()), (Why::Suspended, "blocked"));
        assert_eq!(lease.orders().stop(), Some(stop));
        assert_eq!(used(&mut server), "8", "the job has time to end");
        assert!(lease.release().unwrap());
        assert_eq!(used(&mut server), "0");
    }
}

#[test]
fn a_lease_that_lapsed_is_an_order_to_stop() {
    let mut server = started();
    let lease = begun(&server, "", &gpus());
    server.must("FW.CLOCK ADVANCE 3600000");
    // A beat may have come before the clock moved, and none can after.
    let stop = lease.orders().wait(PATIENCE).unwrap();
    assert_eq!(stop.why, Why::NoLease);
    assert!(!lease.release().unwrap(), "it was gone");
}

#[test]
fn an_account_that_is_gone_is_an_order_to_stop() {
    let mut server = started();
    let lease = begun(&server, "", &gpus());
    server.must("CONFIG SET fw.new-accounts reject");
    server.must(&format!("DEL {KEY}"));
    assert_eq!(lease.orders().wait(PATIENCE).unwrap().why, Why::UnknownAccount);
    assert!(matches!(lease.release(), Err(Error::NoAccount(_))));
}

#[test]
fn a_lease_that_is_anothers_is_not_released() {
    let mut server = started();
    let lease = begun(&server, "", &gpus());
    let mut connection = server.connect();
    let mut transfer = redis::pipe();
    transfer.atomic().cmd("FW.QUOTA").arg(&[KEY, "RELEASE", "train-1"]);
    transfer.cmd("FW.QUOTA").arg(&[KEY, "RESERVE", "train-1", "h100", "8"]);
    transfer.exec(&mut connection).unwrap();
    assert_eq!(lease.orders().wait(PATIENCE).unwrap().why, Why::Stale);
    assert!(matches!(lease.release(), Err(Error::Stale(_))));
    assert_eq!(used(&mut server), "8");
}

#[test]
fn redis_away_for_a_ttl_is_an_order_to_stop() {
    let mut server = started();
    let lease = begun(&server, "", &short());
    server.kill();
    let stop = lease.orders().wait(PATIENCE).unwrap();
    assert_eq!(stop.why, Why::Away);
    assert!(stop.detail.starts_with("Redis is away: "), "{}", stop.detail);
    assert!(lease.release().unwrap_err().is_unavailable());
}

#[test]
fn a_renewal_that_hangs_does_not_put_off_the_order() {
    let mut server = started();
    let lease = begun(&server, "", &short());
    server.must("CLIENT PAUSE 60000 WRITE");
    let stop = lease.orders().wait(PATIENCE).unwrap();
    assert_eq!((stop.why, stop.detail.as_str()), (Why::Away, "no answer"));
    server.must("CLIENT UNPAUSE");
    assert!(lease.release().unwrap());
}

#[test]
fn a_client_that_connects_anew_keeps_its_lease_over_a_restart() {
    let mut server = Server::start_bare(&[]);
    let limits = Limits::new(address(server.port, ""));
    let Leased::Reserved(lease) = limits.lease(KEY, "train-1", &gpus()).unwrap() else {
        panic!("it is reserved")
    };
    server.kill();
    server.restart();
    beats(&mut server, 2, || lease.orders().stop().is_some());
    assert!(lease.release().unwrap());
}

#[test]
fn a_lease_that_never_lapses_hears_the_order_too() {
    let mut server = started();
    let lease = begun(&server, "", &gpus().ttl_ms(0));
    assert_eq!(lease.reservation().ttl_ms, None);
    server.must(&format!("FW.SUSPEND {KEY} fraud"));
    assert_eq!(lease.orders().wait(PATIENCE).unwrap().why, Why::Suspended);
}

#[tokio::test(flavor = "multi_thread")]
async fn async_lease() {
    for query in PROTOCOLS {
        let mut server = started();
        let limits = connected(server.port, query).await;
        let lease = begun_async(&limits, &gpus()).await;
        assert_eq!((lease.token(), used(&mut server).as_str()), (1, "8"));
        for _ in 0..3 {
            server.must("FW.CLOCK ADVANCE 59999");
            beats(&mut server, 2, || lease.orders().borrow().is_some());
        }
        server.must(&format!("FW.SUSPEND {KEY} fraud"));
        let stop = lease.stopped().await;
        assert_eq!((stop.why, stop.detail.as_str()), (Why::Suspended, "blocked"));
        assert_eq!(*lease.orders().borrow(), Some(stop));
        assert!(lease.release().await.unwrap());
        server.must(&format!("FW.RESUME {KEY}"));
        let lease = begun_async(&limits, &gpus()).await;
        server.must(&format!("FW.QUOTA {KEY} RELEASE train-1"));
        assert_eq!(lease.stopped().await.why, Why::NoLease);
        assert!(!lease.release().await.unwrap());
        drop(begun_async(&limits, &gpus()).await);
        until(|| used(&mut server) == "0", "a lease that is dropped is released");
        let nine = limits.lease(KEY, "train-1", &Quotas::of("h100", 9)).await.unwrap();
        assert!(matches!(nine, Leased::Denied(_)));
    }
}

#[tokio::test]
async fn async_redis_away_for_a_ttl() {
    let mut server = started();
    let limits = connected(server.port, "").await;
    let lease = begun_async(&limits, &short()).await;
    server.kill();
    let stop = lease.stopped().await;
    assert_eq!(stop.why, Why::Away);
    assert!(stop.detail.starts_with("Redis is away: "), "{}", stop.detail);
    assert!(lease.release().await.unwrap_err().is_unavailable());
}

#[tokio::test]
async fn async_renewal_that_hangs() {
    let mut server = started();
    let limits = connected(server.port, "").await;
    let lease = begun_async(&limits, &short()).await;
    server.must("CLIENT PAUSE 60000 WRITE");
    assert_eq!(lease.stopped().await.why, Why::Away);
    server.must("CLIENT UNPAUSE");
    assert!(lease.release().await.unwrap());
}
