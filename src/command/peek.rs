//! `FW.PEEK key [COST n] [SCOPE name] [TOKENS n] [HOLD id amount [TTL ms]]`

use super::admit::{COMPLEXITY, REPLIES, USAGE, WORDS, parse, reply};
use super::args::Args;
use super::error::Error;
use super::reply::Reply;
use super::{Access, Command, Doc};
use crate::engine::decide::admit;
use crate::engine::policy::Policy;
use crate::engine::verdict::Admission;

/// What FW.ADMIT would answer; nothing is taken.
pub struct Peek;

impl Command for Peek {
    const DOC: Doc = Doc {
        name: "FW.PEEK",
        usage: USAGE,
        summary: "Answers what FW.ADMIT would answer, and takes nothing.",
        complexity: COMPLEXITY,
        since: "0.1.0",
        words: WORDS,
        replies: REPLIES,
        errors: &["WRONGTYPE", "CONFLICT"],
    };
    const ACCESS: Access = Access::Read;
    type Request<'a> = admit::Peek;

    fn parse<'a>(args: Args<'a>, _policy: &Policy) -> Result<admit::Peek, Error> {
        parse(args).map(admit::Peek)
    }

    fn reply(answer: &Admission, out: &mut impl Reply) {
        reply(answer, out);
    }
}
