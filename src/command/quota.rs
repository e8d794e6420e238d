//! `FW.QUOTA key RESERVE|RENEW|RELEASE|SYNC ...`

use super::args::Args;
use super::error::Error;
use super::reply::Reply;
use super::{Access, Command, Doc, Tally};
use crate::engine::bounds::{QUOTAS, YEAR_MS};
use crate::engine::decide::present::Present;
use crate::engine::decide::quota::{Release, Renew, Reserve, Sync};
use crate::engine::decide::{Decision, Missing, Request};
use crate::engine::id::Id;
use crate::engine::policy::Policy;
use crate::engine::verdict::{Refusal, Reservation, Verdict};

/// Holds GPUs and deployed models under leases.
pub struct Quota;

/// What FW.QUOTA asks for.
pub enum Ask<'a> {
    /// Counts for a lease.
    Reserve(Reserve),
    /// More time for a lease.
    Renew(Renew),
    /// The end of a lease.
    Release(Release),
    /// The end of all that does not run.
    Sync(Sync<Args<'a>>),
}

/// What FW.QUOTA answers.
pub enum Told {
    /// How a lease stands.
    Reservation(Reservation),
    /// How many leases were released.
    Released(usize),
}

impl Command for Quota {
    const DOC: Doc = Doc {
        name: "FW.QUOTA",
        usage: &[
            "key RESERVE id quota n [quota n ...] [TTL ms]",
            "key RENEW id token [TTL ms]",
            "key RELEASE id [token]",
            "key SYNC upto-token [id ...]",
        ],
        summary: "Holds units of quotas under a lease that lapses unless it is renewed.",
        complexity: "O(log N) with N the account's leases; SYNC: O(N)",
        since: "0.1.0",
        words: &[
            ("RESERVE", "holds exactly these counts for the lease id, or changes nothing"),
            (
                "RENEW",
                "the heartbeat: the lease's time begins anew, unless the account is suspended",
            ),
            ("RELEASE", "ends the lease; replies 1, or 0 if there was none"),
            ("SYNC", "releases every lease with a token up to upto-token whose id is not listed"),
            ("quota", "a name of fw.quotas"),
            ("n", "the count wanted, all in all; 0 drops the quota from the lease"),
            ("TTL ms", "how long the lease lasts without a renewal, 0 (for ever) to 31536000000"),
            ("token", "the lease's, as RESERVE replied; any other is the error STALE"),
            ("upto-token", "the largest token of FW.LEASES, so that later leases are safe"),
        ],
        replies: "RESERVE and RENEW: verdict, token, ttl_ms, policy, limit, used; RELEASE: 1 or 0; SYNC: how many leases it released",
        errors: &["WRONGTYPE", "NOACCOUNT", "NOLEASE", "STALE", "OOM"],
    };
    const ACCESS: Access = Access::Write;
    type Request<'a> = Ask<'a>;

    fn parse<'a>(mut args: Args<'a>, policy: &Policy) -> Result<Ask<'a>, Error> {
        let word = args.need("RESERVE, RENEW, RELEASE or SYNC")?;
        if Args::is(word, "RESERVE") {
            reserve(args, policy).map(Ask::Reserve)
        } else if Args::is(word, "RENEW") {
            renew(args).map(Ask::Renew)
        } else if Args::is(word, "RELEASE") {
            release(args).map(Ask::Release)
        } else if Args::is(word, "SYNC") {
            sync(args).map(Ask::Sync)
        } else {
            Err(args.unknown())
        }
    }

    fn tally(answer: &Told) -> Tally {
        match answer {
            Told::Reservation(Reservation { verdict: Verdict::Ok, .. }) | Told::Released(_) => {
                Tally::Nothing
            }
            Told::Reservation(denied) => Tally::Denied(denied.verdict),
        }
    }

    fn reply(answer: &Told, out: &mut impl Reply) {
        match answer {
            Told::Reservation(reservation) => reply(reservation, out),
            Told::Released(count) => out.length(*count),
        }
    }
}

fn reply(answer: &Reservation, out: &mut impl Reply) {
    out.array(6);
    out.word(answer.verdict.word());
    out.integer(answer.token);
    out.span(answer.ttl);
    out.bulk(&answer.policy.text());
    out.integer_limit(answer.limit);
    out.integer(answer.used.count());
}

fn reserve(mut args: Args<'_>, policy: &Policy) -> Result<Reserve, Error> {
    let id = args.id()?;
    let (mut wanted, mut ttl) = (Vec::new(), None);
    loop {
        let mut ahead = args;
        match ahead.next() {
            None if wanted.is_empty() => {
                return Err(args.missing("a quota"));
            }
            None => return Ok(Reserve { id, wanted, ttl }),
            Some(word) if Args::is(word, "TTL") => {
                args = ahead;
                args.option(&mut ttl, lease_ttl)?;
            }
            Some(_) => {
                let quota = args.quota(policy)?;
                // The platform has at most so many, and each is named once: the list is bounded.
                if wanted.len() >= QUOTAS || wanted.iter().any(|(named, _)| *named == quota) {
                    return Err(args.wrong("is given twice"));
                }
                wanted.push((quota, args.units("a count")?));
            }
        }
    }
}

fn renew(mut args: Args<'_>) -> Result<Renew, Error> {
    let id = args.id()?;
    let token = args.number("a token", i64::MAX)?;
    let mut ttl = None;
    while let Some(word) = args.next() {
        if Args::is(word, "TTL") {
            args.option(&mut ttl, lease_ttl)?;
        } else {
            return Err(args.unknown());
        }
    }
    Ok(Renew { id, token, ttl })
}

fn release(mut args: Args<'_>) -> Result<Release, Error> {
    let id = args.id()?;
    let mut token = None;
    let mut ahead = args;
    if ahead.next().is_some() {
        token = Some(args.number("a token", i64::MAX)?);
    }
    args.end()?;
    Ok(Release { id, token })
}

fn sync(mut args: Args<'_>) -> Result<Sync<Args<'_>>, Error> {
    let upto = args.number("a token", i64::MAX)?;
    let running = args;
    let mut ids = args;
    let mut left = args;
    while left.next().is_some() {
        let _: Id = ids.id()?;
    }
    Ok(Sync { upto, running })
}

fn lease_ttl(args: &mut Args<'_>) -> Result<crate::engine::time::Millis, Error> {
    args.millis("a time to live in ms", YEAR_MS)
}

impl Request for Ask<'_> {
    type Answer = Told;

    fn missing(&self, policy: &Policy) -> Missing<Told> {
        match self {
            Self::Reserve(request) => request.missing(policy).map(Told::Reservation),
            Self::Renew(request) => request.missing(policy).map(Told::Reservation),
            Self::Release(request) => request.missing(policy).map(Told::Released),
            Self::Sync(request) => request.missing(policy).map(Told::Released),
        }
    }

    fn decide(&self, present: &Present<'_>) -> Result<Decision<Told>, Refusal> {
        match self {
            Self::Reserve(request) => Ok(request.decide(present)?.map(Told::Reservation)),
            Self::Renew(request) => Ok(request.decide(present)?.map(Told::Reservation)),
            Self::Release(request) => Ok(request.decide(present)?.map(Told::Released)),
            Self::Sync(request) => Ok(request.decide(present)?.map(Told::Released)),
        }
    }
}
