//! `FW.VOID key id`

use super::args::Args;
use super::error::Error;
use super::reply::{Reply, STATEMENT};
use super::{Access, Command, Doc, Tally};
use crate::engine::decide::hold;
use crate::engine::policy::Policy;
use crate::engine::verdict::Statement;

/// The held request did not happen.
pub struct Void;

impl Command for Void {
    const DOC: Doc = Doc {
        name: "FW.VOID",
        usage: &["key id"],
        summary: "Closes a hold without charging more; what was charged so far stays.",
        complexity: "O(log N) with N the holds that the account has open or remembers",
        since: "0.1.0",
        words: &[("id", "the hold's, as in FW.ADMIT")],
        replies: STATEMENT,
        errors: &["WRONGTYPE", "NOACCOUNT", "NOHOLD", "CONFLICT"],
    };
    const ACCESS: Access = Access::Write;
    type Request<'a> = hold::Void;

    fn parse<'a>(mut args: Args<'a>, _policy: &Policy) -> Result<hold::Void, Error> {
        let id = args.id()?;
        args.end()?;
        Ok(hold::Void { id })
    }

    fn reply(answer: &Statement, out: &mut impl Reply) {
        out.statement(answer);
    }

    fn tally(answer: &Statement) -> Tally {
        Tally::of(answer.outcome)
    }
}
