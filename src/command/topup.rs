//! `FW.TOPUP key amount ID id [PROMO]`

use super::args::Args;
use super::error::Error;
use super::reply::{Reply, STATEMENT};
use super::{Access, Command, Doc, Tally};
use crate::engine::act::Act;
use crate::engine::decide::spend;
use crate::engine::policy::Policy;
use crate::engine::verdict::Statement;

/// Records credits bought or given.
pub struct TopUp;

impl Command for TopUp {
    const DOC: Doc = Doc {
        name: "FW.TOPUP",
        usage: &["key amount ID id [PROMO]"],
        summary: "Records credits bought (or given, with PROMO), exactly once.",
        complexity: "O(1)",
        since: "0.1.0",
        words: &[
            ("amount", "dollars with up to 9 decimals, above 0"),
            ("ID id", "makes it count once: the same id with the same amount is DUPLICATE"),
            (
                "PROMO",
                "given and not bought: pays nothing that is owed, earns no tier, is used up first",
            ),
        ],
        replies: STATEMENT,
        errors: &["WRONGTYPE", "CONFLICT", "OOM"],
    };
    const ACCESS: Access = Access::Write;
    type Request<'a> = spend::TopUp;

    fn parse<'a>(mut args: Args<'a>, _policy: &Policy) -> Result<spend::TopUp, Error> {
        let amount = args.money_above_zero()?;
        let (mut id, mut promo) = (None, None);
        while let Some(word) = args.next() {
            if Args::is(word, "ID") {
                args.option(&mut id, Args::id)?;
            } else if Args::is(word, "PROMO") {
                args.option(&mut promo, |_| Ok(()))?;
            } else {
                return Err(args.unknown());
            }
        }
        let Some(id) = id else { return Err(args.missing("ID")) };
        let act = if promo.is_some() { Act::Promo(amount) } else { Act::TopUp(amount) };
        Ok(spend::TopUp { act, id })
    }

    fn reply(answer: &Statement, out: &mut impl Reply) {
        out.statement(answer);
    }

    fn tally(answer: &Statement) -> Tally {
        Tally::of(answer.outcome)
    }
}
