//! `FW.LOG key [COUNT n]`

use super::args::Args;
use super::error::Error;
use super::reply::Reply;
use super::{Access, Command, Doc};
use crate::engine::log::Row;
use crate::engine::policy::Policy;
use crate::engine::view::ViewLog;

/// Shows what changed of an account.
pub struct Log;

impl Command for Log {
    const DOC: Doc = Doc {
        name: "FW.LOG",
        usage: &["key [COUNT n]"],
        summary: "Shows the latest changes of an account's standing, tier and limits, newest first.",
        complexity: "O(N) with N the rows shown, at most 64",
        since: "0.1.0",
        words: &[("COUNT n", "at most so many, 100 if not given")],
        replies: "rows of time_ms, event, cause; Null if there is no account",
        errors: &["WRONGTYPE"],
    };
    const ACCESS: Access = Access::ReadRows;
    type Request<'a> = ViewLog;

    fn parse<'a>(mut args: Args<'a>, _policy: &Policy) -> Result<ViewLog, Error> {
        Ok(ViewLog { count: args.rows()? })
    }

    fn reply(answer: &Option<Vec<Row>>, out: &mut impl Reply) {
        let Some(rows) = answer else { return out.null() };
        out.array(rows.len());
        for row in rows {
            out.map(3);
            out.bulk(b"time_ms");
            out.integer(row.time.0);
            out.bulk(b"event");
            out.bulk(row.event.word().as_bytes());
            out.bulk(b"cause");
            out.bulk(row.cause.as_bytes());
        }
    }
}
