//! `FW.RESUME key`

use super::args::Args;
use super::error::Error;
use super::reply::{Reply, STATEMENT};
use super::{Access, Command, Doc, Tally};
use crate::engine::decide::suspend;
use crate::engine::policy::Policy;
use crate::engine::verdict::Statement;

/// Unblocks an account.
pub struct Resume;

impl Command for Resume {
    const DOC: Doc = Doc {
        name: "FW.RESUME",
        usage: &["key"],
        summary: "Ends what FW.SUSPEND began; other reasons to be suspended stay.",
        complexity: "O(1)",
        since: "0.1.0",
        words: &[],
        replies: STATEMENT,
        errors: &["WRONGTYPE", "NOACCOUNT"],
    };
    const ACCESS: Access = Access::Write;
    type Request<'a> = suspend::Resume;

    fn parse<'a>(mut args: Args<'a>, _policy: &Policy) -> Result<suspend::Resume, Error> {
        args.end()?;
        Ok(suspend::Resume)
    }

    fn reply(answer: &Statement, out: &mut impl Reply) {
        out.statement(answer);
    }

    fn tally(answer: &Statement) -> Tally {
        Tally::of(answer.outcome)
    }
}
