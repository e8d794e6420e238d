//! `FW.REFUND key amount ID id`

use super::args::Args;
use super::error::Error;
use super::reply::{Reply, STATEMENT};
use super::{Access, Command, Doc, Tally};
use crate::engine::decide::spend;
use crate::engine::policy::Policy;
use crate::engine::verdict::Statement;

/// Records a credit note.
pub struct Refund;

impl Command for Refund {
    const DOC: Doc = Doc {
        name: "FW.REFUND",
        usage: &["key amount ID id"],
        summary: "Records a credit note, exactly once: it pays what is owed first, the rest becomes credits.",
        complexity: "O(1)",
        since: "0.1.0",
        words: &[
            ("amount", "dollars with up to 9 decimals, above 0"),
            ("ID id", "makes it count once: the same id with the same amount is DUPLICATE"),
        ],
        replies: STATEMENT,
        errors: &["WRONGTYPE", "NOACCOUNT", "CONFLICT"],
    };
    const ACCESS: Access = Access::Write;
    type Request<'a> = spend::Refund;

    fn parse<'a>(mut args: Args<'a>, _policy: &Policy) -> Result<spend::Refund, Error> {
        let amount = args.money_above_zero()?;
        let word = args.need("ID")?;
        if !Args::is(word, "ID") {
            return Err(args.unknown());
        }
        let id = args.id()?;
        args.end()?;
        Ok(spend::Refund { amount, id })
    }

    fn reply(answer: &Statement, out: &mut impl Reply) {
        out.statement(answer);
    }

    fn tally(answer: &Statement) -> Tally {
        Tally::of(answer.outcome)
    }
}
