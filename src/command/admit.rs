//! `FW.ADMIT key [COST n]`

use super::args::Args;
use super::error::Error;
use super::reply::Reply;
use super::{Access, Command, Doc, Tally};
use crate::engine::decide::admit;
use crate::engine::limit::Units;
use crate::engine::policy::Policy;
use crate::engine::verdict::{Admission, Verdict};

/// May this request be served? All of it is taken, or nothing.
pub struct Admit;

/// The arguments of FW.ADMIT and of FW.PEEK.
pub const USAGE: &[&str] = &["key [COST n]"];

impl Command for Admit {
    const DOC: Doc = Doc {
        name: "FW.ADMIT",
        usage: USAGE,
        summary: "Checks standing and limits of an account and takes what the request asks for.",
    };
    const ACCESS: Access = Access::Write;
    type Request<'a> = admit::Admit;

    fn parse<'a>(args: Args<'a>, _policy: &Policy) -> Result<admit::Admit, Error> {
        parse(args)
    }

    fn reply(answer: &Admission, out: &mut impl Reply) {
        reply(answer, out);
    }

    fn tally(answer: &Admission) -> Tally {
        match answer.verdict {
            Verdict::Ok => Tally::Admitted,
            denied => Tally::Denied(denied),
        }
    }
}

/// Reads the arguments.
///
/// # Errors
/// An [`Error`] that names the argument at fault.
pub fn parse(mut args: Args<'_>) -> Result<admit::Admit, Error> {
    let mut cost = None;
    while let Some(word) = args.next() {
        if Args::is(word, "COST") {
            args.option(&mut cost, |args| args.units("a cost"))?;
        } else {
            return Err(args.unknown());
        }
    }
    Ok(admit::Admit { cost: cost.unwrap_or(Units::of(1)) })
}

/// Writes the six slots.
pub fn reply(answer: &Admission, out: &mut impl Reply) {
    out.array(6);
    out.word(answer.verdict.word());
    out.bulk(answer.policy.as_bytes());
    out.window(answer.window);
    out.retry(answer.retry);
}
