//! `FW.SUSPEND key reason-text`

use super::args::Args;
use super::error::Error;
use super::reply::{Reply, STATEMENT};
use super::{Access, Command, Doc, Tally};
use crate::engine::decide::suspend;
use crate::engine::policy::Policy;
use crate::engine::standing::Reason;
use crate::engine::verdict::Statement;

/// Blocks an account.
pub struct Suspend;

impl Command for Suspend {
    const DOC: Doc = Doc {
        name: "FW.SUSPEND",
        usage: &["key reason-text"],
        summary: "Blocks an account until FW.RESUME, for a reason of 1 to 256 bytes.",
        complexity: "O(1)",
        since: "0.1.0",
        words: &[("reason-text", "1 to 256 bytes, shown as blocked_reason by FW.GET")],
        replies: STATEMENT,
        errors: &["WRONGTYPE", "NOACCOUNT", "OOM"],
    };
    const ACCESS: Access = Access::Write;
    type Request<'a> = suspend::Suspend;

    fn parse<'a>(mut args: Args<'a>, _policy: &Policy) -> Result<suspend::Suspend, Error> {
        let text = args.need("a reason")?;
        let reason = Reason::new(text);
        let reason = reason.ok_or_else(|| args.wrong("is not a reason of 1 to 256 bytes"))?;
        args.end()?;
        Ok(suspend::Suspend { reason })
    }

    fn reply(answer: &Statement, out: &mut impl Reply) {
        out.statement(answer);
    }

    fn tally(answer: &Statement) -> Tally {
        Tally::of(answer.outcome)
    }
}
