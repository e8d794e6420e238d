//! `FW.LEASES key [COUNT n]`

use super::args::Args;
use super::error::Error;
use super::reply::Reply;
use super::{Access, Command, Doc};
use crate::engine::policy::Policy;
use crate::engine::time::Millis;
use crate::engine::verdict::LeaseRow;
use crate::engine::view::ViewLeases;

/// Shows the leases of an account.
pub struct Leases;

impl Command for Leases {
    const DOC: Doc = Doc {
        name: "FW.LEASES",
        usage: &["key [COUNT n]"],
        summary: "Shows the leases of an account, by id.",
        complexity: "O(N) with N the account's leases",
        since: "0.1.0",
        words: &[("COUNT n", "at most so many, 100 if not given")],
        replies: "rows of id, token, quotas, ttl_ms, lapses_ms; Null if there is no account",
        errors: &["WRONGTYPE"],
    };
    const ACCESS: Access = Access::ReadRows;
    type Request<'a> = ViewLeases;

    fn parse<'a>(mut args: Args<'a>, _policy: &Policy) -> Result<ViewLeases, Error> {
        Ok(ViewLeases { count: args.rows()? })
    }

    fn reply(answer: &Option<Vec<LeaseRow>>, out: &mut impl Reply) {
        let Some(rows) = answer else { return out.null() };
        out.array(rows.len());
        for row in rows {
            reply_row(row, out);
        }
    }
}

fn reply_row(row: &LeaseRow, out: &mut impl Reply) {
    let lease = &row.lease;
    out.map(5);
    out.bulk(b"id");
    out.bulk(row.id.as_bytes());
    out.bulk(b"token");
    out.integer(lease.token);
    out.bulk(b"quotas");
    out.map(lease.counts.len());
    for (quota, count) in &lease.counts {
        out.bulk(quota.as_bytes());
        out.integer(count.count());
    }
    out.bulk(b"ttl_ms");
    out.integer(if lease.ttl == Millis::ZERO { -1 } else { lease.ttl.0 });
    out.bulk(b"lapses_ms");
    out.span(lease.lapses);
}
