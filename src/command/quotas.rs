//! `FW.QUOTAS key [name]`

use super::args::Args;
use super::error::Error;
use super::reply::Reply;
use super::{Access, Command, Doc};
use crate::engine::policy::Policy;
use crate::engine::view::{Limits, ViewLimits};

/// Shows the limits of an account, and what is used of them.
pub struct Quotas;

impl Command for Quotas {
    const DOC: Doc = Doc {
        name: "FW.QUOTAS",
        usage: &["key [name]"],
        summary: "Shows every limit of an account, or one, with what is used and who set it.",
        complexity: "O(N) with N the limits shown",
        since: "0.1.0",
        words: &[("name", "shows this limit alone, as FW.LIMIT names it")],
        replies: "rows of name, limit, max, used, remaining, source, or the one row named; Null if there is no account",
        errors: &["WRONGTYPE"],
    };
    const ACCESS: Access = Access::Read;
    type Request<'a> = ViewLimits;

    fn parse<'a>(mut args: Args<'a>, _policy: &Policy) -> Result<ViewLimits, Error> {
        let mut ahead = args;
        let name = if ahead.next().is_some() { Some(args.limit_name()?) } else { None };
        args.end()?;
        Ok(ViewLimits { name })
    }

    fn reply(answer: &Option<Limits>, out: &mut impl Reply) {
        match answer {
            None => out.null(),
            Some(Limits::One(row)) => out.limit_row(row),
            Some(Limits::All(rows)) => {
                out.array(rows.len());
                for row in rows {
                    out.limit_row(row);
                }
            }
        }
    }
}
