//! `FW.EXTEND key id ttl_ms`

use super::args::Args;
use super::error::Error;
use super::reply::{Reply, STATEMENT};
use super::{Access, Command, Doc, Tally};
use crate::engine::decide::hold;
use crate::engine::policy::Policy;
use crate::engine::verdict::Statement;

/// A long request keeps its hold.
pub struct Extend;

impl Command for Extend {
    const DOC: Doc = Doc {
        name: "FW.EXTEND",
        usage: &["key id ttl_ms"],
        summary: "Lets an open hold lapse ttl_ms from now.",
        complexity: "O(log N) with N the holds that the account has open or remembers",
        since: "0.1.0",
        words: &[
            ("id", "the hold's, as in FW.ADMIT"),
            ("ttl_ms", "milliseconds from now, 1 to 86400000"),
        ],
        replies: STATEMENT,
        errors: &["WRONGTYPE", "NOACCOUNT", "NOHOLD"],
    };
    const ACCESS: Access = Access::Write;
    type Request<'a> = hold::Extend;

    fn parse<'a>(mut args: Args<'a>, _policy: &Policy) -> Result<hold::Extend, Error> {
        let (id, ttl) = (args.id()?, args.hold_ttl()?);
        args.end()?;
        Ok(hold::Extend { id, ttl })
    }

    fn reply(answer: &Statement, out: &mut impl Reply) {
        out.statement(answer);
    }

    fn tally(answer: &Statement) -> Tally {
        Tally::of(answer.outcome)
    }
}
