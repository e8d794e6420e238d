//! `FW.SPEND key amount [ID id]`

use super::args::Args;
use super::error::Error;
use super::reply::Reply;
use super::{Access, Command, Doc, Tally};
use crate::engine::decide::spend;
use crate::engine::policy::Policy;
use crate::engine::verdict::{Outcome, Statement};

/// Records a charge.
pub struct Spend;

impl Command for Spend {
    const DOC: Doc = Doc {
        name: "FW.SPEND",
        usage: &["key amount [ID id]"],
        summary: "Records a charge, exactly once with an ID, and replies how the account stands.",
    };
    const ACCESS: Access = Access::Write;
    type Request<'a> = spend::Spend;

    fn parse<'a>(mut args: Args<'a>, _policy: &Policy) -> Result<spend::Spend, Error> {
        let amount = args.money()?;
        let mut id = None;
        while let Some(word) = args.next() {
            if Args::is(word, "ID") {
                args.option(&mut id, Args::id)?;
            } else {
                return Err(args.unknown());
            }
        }
        Ok(spend::Spend { amount, id })
    }

    fn reply(answer: &Statement, out: &mut impl Reply) {
        out.statement(answer);
    }

    fn tally(answer: &Statement) -> Tally {
        match answer.outcome {
            Outcome::Ok => Tally::Spend,
            Outcome::Duplicate => Tally::Duplicate,
        }
    }
}
