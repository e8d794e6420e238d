//! A lease whose heartbeat is a task; see [`crate::Lease`].

use std::future::Future;

use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

use super::{AsyncLimits, Connection, lost};
use crate::Result;
use crate::lease::{Judged, Stop, Terms, judged, tell_unreleased};
use crate::replies::Reservation;

/// A lease; made by [`AsyncLimits::lease`]. A task renews it.
///
/// Dropped, it is released in the background; [`AsyncLease::release`] waits for that.
#[derive(Debug)]
pub struct AsyncLease {
    reservation: Reservation,
    orders: watch::Receiver<Option<Stop>>,
    end: oneshot::Sender<End>,
    task: JoinHandle<()>,
}

/// Who waits for the release.
pub(super) type End = oneshot::Sender<Result<bool>>;

impl AsyncLease {
    pub(super) fn begin<F: Future<Output = ()> + Send + 'static>(
        beat: impl FnOnce(watch::Sender<Option<Stop>>, oneshot::Receiver<End>) -> F,
        reservation: Reservation,
        runtime: &Handle,
    ) -> Self {
        let (order, orders) = watch::channel(None);
        let (end, ended) = oneshot::channel();
        Self { reservation, orders, end, task: runtime.spawn(beat(order, ended)) }
    }

    /// The answer of RESERVE.
    pub fn reservation(&self) -> &Reservation {
        &self.reservation
    }

    /// The lease's token.
    pub fn token(&self) -> u64 {
        self.reservation.token
    }

    /// Where the order to stop is seen: `None` until it is given. Clones can go to other tasks.
    pub fn orders(&self) -> watch::Receiver<Option<Stop>> {
        self.orders.clone()
    }

    /// Waits for the order to stop.
    pub async fn stopped(&self) -> Stop {
        let mut orders = self.orders.clone();
        match orders.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(stop)) => stop.clone(),
            // Without a heartbeat the lease lapses.
            _ => Stop::away("the heartbeat has ended"),
        }
    }

    /// Ends the heartbeat and gives the lease back; false if it was gone.
    ///
    /// # Errors
    /// There is no answer, and the lease lapses; or it is another's, `Stale`.
    pub async fn release(self) -> Result<bool> {
        let (tell, told) = oneshot::channel();
        if self.end.send(tell).is_err() {
            self.task.await.map_err(lost)?;
        }
        told.await.map_err(lost)?
    }
}

pub(super) async fn beat_on<C: Connection>(
    limits: AsyncLimits<C>,
    terms: Terms,
    order: watch::Sender<Option<Stop>>,
    mut ended: oneshot::Receiver<End>,
) {
    let waits = tokio::select! {
        end = &mut ended => end,
        stop = until_stopped(&limits, &terms) => {
            order.send_replace(Some(stop));
            ended.await
        }
    };
    let answer = limits.release(&terms.key, &terms.id, terms.token).await;
    let unheard = match waits {
        Ok(tell) => tell.send(answer).err(),
        Err(_) => Some(answer),
    };
    if let Some(answer) = unheard {
        tell_unreleased(&terms.id, answer);
    }
}

async fn until_stopped<C: Connection>(limits: &AsyncLimits<C>, terms: &Terms) -> Stop {
    let (mut ttl, mut sent) = (terms.ttl, Instant::from_std(terms.sent));
    let mut unheard = String::new();
    loop {
        let beat = async {
            sleep(terms.every).await;
            let at = Instant::now();
            (at, limits.renew(&terms.key, &terms.id, terms.token).await)
        };
        let answer = match ttl {
            Some(ttl) => timeout_at(sent + ttl, beat).await.ok(),
            None => Some(beat.await),
        };
        let Some((at, answer)) = answer else { return Stop::away(&unheard) };
        match judged(answer) {
            Judged::Renewed(anew) => (ttl, sent) = (anew, at),
            Judged::Stop(stop) => return stop,
            Judged::Unheard(error) => unheard = error,
        }
    }
}
