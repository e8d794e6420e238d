//! A lease for as long as a job runs, and the heartbeat that tells the job when it must stop.
//!
//! The heartbeat renews the lease every third of its TTL. It gives the order to stop, once: when the
//! account is suspended, when the lease is gone or another's, or when no renewal succeeded for a
//! whole TTL, also if one hangs: by then the units may be somebody else's. A process that dies stops
//! renewing, and the lease lapses.

use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use bstr::BString;
use redis::ConnectionLike;

use crate::arguments::Quotas;
use crate::replies::{Reservation, Verdict};
use crate::{Error, Limits, Result};

/// How often a lease that never lapses asks whether it must stop.
const UNHURRIED: Duration = Duration::from_secs(60);

/// What became of a request for a lease.
#[derive(Debug)]
#[must_use = "a lease that is dropped is released"]
pub enum Leased<L> {
    /// The counts are held.
    Reserved(L),
    /// Nothing was reserved.
    Denied(Reservation),
}

/// Why a job must stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// The account is suspended.
    Suspended,
    /// The account is gone.
    UnknownAccount,
    /// The lease has lapsed or was released.
    NoLease,
    /// The lease is another's.
    Stale,
    /// Redis did not answer for a whole TTL.
    Away,
    /// A verdict of a newer module.
    Denied,
}

/// The order to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Why.
    pub why: Why,
    /// The reasons of the suspension, or the error, for people.
    pub detail: String,
}

impl Stop {
    pub(crate) fn away(unheard: &str) -> Self {
        let detail = if unheard.is_empty() { "no answer" } else { unheard };
        Self { why: Why::Away, detail: detail.to_owned() }
    }
}

/// What the answer to a heartbeat means.
pub(crate) enum Judged {
    /// The lease is held for another TTL.
    Renewed(Option<Duration>),
    /// The job must stop.
    Stop(Stop),
    /// The next heartbeat may succeed.
    Unheard(String),
}

pub(crate) fn judged(answer: Result<Reservation>) -> Judged {
    let stop = |why, detail: String| Judged::Stop(Stop { why, detail });
    match answer {
        Ok(answer) if answer.reserved() => Judged::Renewed(ttl(&answer)),
        Ok(answer) => {
            let why = match answer.verdict {
                Verdict::Suspended => Why::Suspended,
                Verdict::UnknownAccount => Why::UnknownAccount,
                _ => Why::Denied,
            };
            stop(why, answer.policy.to_string())
        }
        Err(error @ (Error::NoLease(_) | Error::NoAccount(_))) => {
            stop(Why::NoLease, error.to_string())
        }
        Err(error @ Error::Stale(_)) => stop(Why::Stale, error.to_string()),
        Err(error) => Judged::Unheard(error.to_string()),
    }
}

fn ttl(reservation: &Reservation) -> Option<Duration> {
    reservation.ttl_ms.map(Duration::from_millis)
}

/// What a heartbeat has to know.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) key: BString,
    pub(crate) id: BString,
    pub(crate) token: u64,
    pub(crate) ttl: Option<Duration>,
    pub(crate) every: Duration,
    /// A lease lapses at the earliest a TTL after its renewal was sent.
    pub(crate) sent: Instant,
}

impl Terms {
    /// Those of a lease that is about to be asked for; it holds something.
    pub(crate) fn of(key: &[u8], id: &[u8], quotas: &Quotas) -> Result<Self> {
        if quotas.counts.iter().all(|(_, count)| *count == 0) {
            let text = "a lease holds something: name a count above 0";
            return Err(Error::Invalid(text.to_owned()));
        }
        let every = quotas.every.unwrap_or(UNHURRIED);
        let (key, id) = (key.into(), id.into());
        Ok(Self { key, id, token: 0, ttl: None, every, sent: Instant::now() })
    }

    /// With what the answer says.
    pub(crate) fn granted(mut self, quotas: &Quotas, answer: &Reservation) -> Self {
        self.token = answer.token;
        self.ttl = ttl(answer);
        if let (None, Some(ttl)) = (quotas.every, self.ttl) {
            self.every = ttl / 3;
        }
        self
    }
}

/// Where the order to stop is heard; clones can go to other threads.
#[derive(Clone, Debug)]
pub struct Orders(Arc<Shared>);

impl Orders {
    /// The order, if it was given.
    pub fn stop(&self) -> Option<Stop> {
        self.0.lock().stop.clone()
    }

    /// Waits for the order; `None` if it does not come in time, or the lease is released first.
    pub fn wait(&self, at_most: Duration) -> Option<Stop> {
        let waiting = |beat: &mut Beat| beat.stop.is_none() && !beat.ended;
        let (beat, _) = self
            .0
            .changed
            .wait_timeout_while(self.0.lock(), at_most, waiting)
            .unwrap_or_else(PoisonError::into_inner);
        beat.stop.clone()
    }
}

#[derive(Debug)]
struct Shared {
    beat: Mutex<Beat>,
    changed: Condvar,
}

#[derive(Debug)]
struct Beat {
    deadline: Option<Instant>,
    unheard: String,
    stop: Option<Stop>,
    ended: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Beat> {
        // Each change is one assignment, so a panic elsewhere leaves nothing half done.
        self.beat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Beat)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn order(&self, stop: Stop) {
        self.change(|beat| {
            beat.stop.get_or_insert(stop);
        });
    }

    fn wait_until_ended(&self) {
        let waiting = |beat: &mut Beat| !beat.ended;
        drop(self.changed.wait_while(self.lock(), waiting));
    }
}

/// A lease; made by [`Limits::lease`]. A thread renews it.
///
/// Dropped, it is released in the background; [`Lease::release`] waits for that.
#[derive(Debug)]
pub struct Lease {
    orders: Orders,
    reservation: Reservation,
    released: mpsc::Receiver<Result<bool>>,
}

impl Lease {
    pub(crate) fn begin<C: ConnectionLike + Send + 'static>(
        limits: Limits<C>,
        terms: Terms,
        reservation: Reservation,
    ) -> Result<Self> {
        let deadline = terms.ttl.map(|ttl| terms.sent + ttl);
        let beat = Beat { deadline, unheard: String::new(), stop: None, ended: false };
        let shared = Arc::new(Shared { beat: Mutex::new(beat), changed: Condvar::new() });
        let (tell, released) = mpsc::channel();
        let (watched, beating) = (Arc::clone(&shared), Arc::clone(&shared));
        let failed = |error: std::io::Error| Error::Unavailable(error.into());
        let name = format!("lease {}", terms.id);
        Builder::new().name(name.clone()).spawn(move || watch(&watched)).map_err(failed)?;
        Builder::new()
            .name(name)
            .spawn(move || beat_on(limits, &terms, &beating, &tell))
            .inspect_err(|_| shared.change(|beat| beat.ended = true))
            .map_err(failed)?;
        Ok(Self { orders: Orders(shared), reservation, released })
    }

    /// The answer of RESERVE.
    pub fn reservation(&self) -> &Reservation {
        &self.reservation
    }

    /// The lease's token.
    pub fn token(&self) -> u64 {
        self.reservation.token
    }

    /// Where the order to stop is heard.
    pub fn orders(&self) -> Orders {
        self.orders.clone()
    }

    /// Ends the heartbeat and gives the lease back; false if it was gone.
    ///
    /// # Errors
    /// There is no answer, and the lease lapses; or it is another's, `Stale`.
    pub fn release(self) -> Result<bool> {
        self.end();
        let lost = |_| Error::Unavailable(std::io::Error::other("the heartbeat has died").into());
        self.released.recv().map_err(lost)?
    }

    fn end(&self) {
        self.orders.0.change(|beat| beat.ended = true);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.end();
    }
}

/// The heartbeat: its thread owns the connection.
fn beat_on<C: ConnectionLike>(
    mut limits: Limits<C>,
    terms: &Terms,
    shared: &Shared,
    tell: &mpsc::Sender<Result<bool>>,
) {
    let Terms { key, id, token, every, .. } = terms;
    while pause(shared, *every) {
        let sent = Instant::now();
        match judged(limits.renew(key, id, *token)) {
            Judged::Renewed(ttl) => shared.change(|beat| beat.deadline = ttl.map(|ttl| sent + ttl)),
            Judged::Stop(stop) => shared.order(stop),
            Judged::Unheard(error) => shared.change(|beat| beat.unheard = error),
        }
    }
    shared.wait_until_ended();
    if let Err(mpsc::SendError(answer)) = tell.send(limits.release(key, id, *token)) {
        tell_unreleased(id, answer);
    }
}

pub(crate) fn tell_unreleased(id: &BString, answer: Result<bool>) {
    match answer {
        // Gone or another's: there is nothing to release.
        Ok(_) | Err(Error::Stale(_)) => {}
        Err(error) => log::warn!("lease {id} was not released and will lapse: {error}"),
    }
}

/// Waits for the next heartbeat; false if there is to be none.
fn pause(shared: &Shared, every: Duration) -> bool {
    let waiting = |beat: &mut Beat| beat.stop.is_none() && !beat.ended;
    let (mut beat, _) = shared
        .changed
        .wait_timeout_while(shared.lock(), every, waiting)
        .unwrap_or_else(PoisonError::into_inner);
    waiting(&mut beat)
}

/// Gives the order when the lease may have lapsed, also while a renewal hangs.
fn watch(shared: &Shared) {
    let mut beat = shared.lock();
    while beat.stop.is_none() && !beat.ended {
        let left = beat.deadline.map(|at| at.saturating_duration_since(Instant::now()));
        beat = match left {
            Some(Duration::ZERO) => {
                let stop = Stop::away(&beat.unheard);
                beat.stop = Some(stop);
                shared.changed.notify_all();
                return;
            }
            Some(left) => {
                shared.changed.wait_timeout(beat, left).unwrap_or_else(PoisonError::into_inner).0
            }
            None => shared.changed.wait(beat).unwrap_or_else(PoisonError::into_inner),
        };
    }
}
