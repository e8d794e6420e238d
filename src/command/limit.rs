//! `FW.LIMIT key name [VALUE v|DEFAULT] [MAX v|DEFAULT]`

use super::args::{Args, Figure};
use super::error::Error;
use super::reply::Reply;
use super::{Access, Command, Doc};
use crate::engine::decide::limit::{SetLimit, To};
use crate::engine::policy::Policy;
use crate::engine::verdict::LimitRow;

/// Sets a limit of an account's own.
pub struct Limit;

impl Command for Limit {
    const DOC: Doc = Doc {
        name: "FW.LIMIT",
        usage: &["key name [VALUE v|DEFAULT] [MAX v|DEFAULT]"],
        summary: "Sets what the customer chose (VALUE), what the operator approved (MAX), or both.",
        complexity: "O(log N) with N the account's own limits",
        since: "0.1.0",
        words: &[
            (
                "name",
                "requests, tokens, requests@scope, tokens@scope, concurrency, spend, or a quota",
            ),
            (
                "VALUE v",
                "what the customer chose: a figure up to MAX, or unlimited; DEFAULT takes it back",
            ),
            (
                "MAX v",
                "what the operator approved: a figure or unlimited; DEFAULT is the platform's or the tier's",
            ),
        ],
        replies: "the limit's row: name, limit, max, used, remaining, source",
        errors: &["WRONGTYPE", "NOACCOUNT", "NOTALLOWED", "OOM"],
    };
    const ACCESS: Access = Access::Write;
    type Request<'a> = SetLimit;

    fn parse<'a>(mut args: Args<'a>, _policy: &Policy) -> Result<SetLimit, Error> {
        let name = args.limit_name()?;
        let figure = Figure::of(&name);
        let (mut value, mut max) = (None, None);
        while let Some(word) = args.next() {
            if Args::is(word, "VALUE") {
                args.option(&mut value, |args| to(args, figure))?;
            } else if Args::is(word, "MAX") {
                args.option(&mut max, |args| to(args, figure))?;
            } else {
                return Err(args.unknown());
            }
        }
        if value.is_none() && max.is_none() {
            return Err(args.missing("VALUE or MAX"));
        }
        Ok(SetLimit { name, value, max })
    }

    fn reply(answer: &LimitRow, out: &mut impl Reply) {
        out.limit_row(answer);
    }
}

fn to(args: &mut Args<'_>, figure: Figure) -> Result<To, Error> {
    let mut ahead = *args;
    if ahead.next().is_some_and(|word| Args::is(word, "DEFAULT")) {
        *args = ahead;
        return Ok(To::Default);
    }
    args.limit(figure).map(To::Figure)
}
