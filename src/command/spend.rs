//! `FW.SPEND key amount [ID id | HOLD id [TOKENS n] [PARTIAL]]`

use super::args::Args;
use super::error::Error;
use super::reply::{Reply, STATEMENT};
use super::{Access, Command, Doc, Tally};
use crate::engine::decide::hold::{Part, Settle};
use crate::engine::decide::spend::{self, Charge};
use crate::engine::id::IdBytes;
use crate::engine::policy::Policy;
use crate::engine::verdict::{Outcome, Statement};

/// Records a charge, of a held request or of anything else.
pub struct Spend;

impl Command for Spend {
    const DOC: Doc = Doc {
        name: "FW.SPEND",
        usage: &["key amount [ID id | HOLD id [TOKENS n] [PARTIAL]]"],
        summary: "Records a charge, exactly once with an ID or a HOLD, and replies how the account stands.",
        complexity: "O(log N) with N the holds that the account has open or remembers",
        since: "0.1.0",
        words: &[
            ("amount", "dollars with up to 9 decimals; may be 0"),
            ("ID id", "makes a charge count once: the same id with the same amount is DUPLICATE"),
            ("HOLD id", "closes this hold of FW.ADMIT, and charges what the request really cost"),
            ("TOKENS n", "the tokens that the request really took, all in all"),
            (
                "PARTIAL",
                "keeps the hold open: amount and TOKENS are the totals so far, and its time begins anew",
            ),
        ],
        replies: STATEMENT,
        errors: &["WRONGTYPE", "NOACCOUNT", "NOHOLD", "CONFLICT"],
    };
    const ACCESS: Access = Access::Write;
    type Request<'a> = Charge;

    fn parse<'a>(mut args: Args<'a>, _policy: &Policy) -> Result<Charge, Error> {
        let amount = args.money()?;
        let (mut id, mut hold, mut tokens, mut partial) = (None, None, None, None);
        while let Some(word) = args.next() {
            // What is asked for most comes first.
            if Args::is(word, "HOLD") {
                args.option(&mut hold, Args::id_bytes)?;
            } else if Args::is(word, "ID") {
                args.option(&mut id, Args::id_bytes)?;
            } else if Args::is(word, "TOKENS") {
                args.option(&mut tokens, |args| args.units("a count of tokens"))?;
            } else if Args::is(word, "PARTIAL") {
                args.option(&mut partial, |_| Ok(()))?;
            } else {
                return Err(args.unknown());
            }
        }
        let Some(hold) = hold else {
            if tokens.is_some() || partial.is_some() {
                return Err(args.missing("HOLD, with which alone TOKENS and PARTIAL go,"));
            }
            return Ok(Charge::Plain(spend::Spend { amount, id: id.map(IdBytes::id) }));
        };
        if id.is_some() {
            return Err(args.against("ID and HOLD do not go together"));
        }
        let part = if partial.is_some() { Part::SoFar } else { Part::All };
        Ok(Charge::Held(Settle { id: hold.id(), amount, tokens, part }))
    }

    fn reply(answer: &Statement, out: &mut impl Reply) {
        out.statement(answer);
    }

    fn tally(answer: &Statement) -> Tally {
        match answer.outcome {
            Outcome::Ok => Tally::Spend,
            other => Tally::of(other),
        }
    }
}
