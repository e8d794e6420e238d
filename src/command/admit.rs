//! `FW.ADMIT key [COST n] [SCOPE name] [TOKENS n] [HOLD id amount [TTL ms]]`

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
pub const USAGE: &[&str] = &["key [COST n] [SCOPE name] [TOKENS n] [HOLD id amount [TTL ms]]"];

/// What judging them costs.
pub const COMPLEXITY: &str = "O(log N) with N the holds that the account has open or remembers";

/// What they mean.
pub const WORDS: &[(&str, &str)] = &[
    ("COST n", "requests that the call asks for, 1 if not given; 0 takes none"),
    ("SCOPE name", "a model or the like: the limits requests@name and tokens@name apply as well"),
    ("TOKENS n", "tokens to reserve in the tokens windows; the reply then has 9 slots"),
    (
        "HOLD id amount",
        "dollars to set aside until the hold is spent, voided or lapses; the id makes a repeat harmless",
    ),
    ("TTL ms", "how long the hold stays open, 1 to 86400000; fw.hold-ttl-ms if not given"),
];

/// What FW.ADMIT and FW.PEEK reply.
pub const REPLIES: &str = "verdict, policy, limit, remaining, reset_ms, retry_after_ms; \
    with TOKENS also limit, remaining, reset_ms of the tokens window";

impl Command for Admit {
    const DOC: Doc = Doc {
        name: "FW.ADMIT",
        usage: USAGE,
        summary: "Checks standing and limits of an account and takes what the request asks for.",
        complexity: COMPLEXITY,
        since: "0.1.0",
        words: WORDS,
        replies: REPLIES,
        errors: &["WRONGTYPE", "CONFLICT", "OOM"],
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
            Verdict::Duplicate => Tally::Duplicate,
            denied => Tally::Denied(denied),
        }
    }
}

/// Reads the arguments.
///
/// # Errors
/// An [`Error`] that names the argument at fault.
pub fn parse(mut args: Args<'_>) -> Result<admit::Admit, Error> {
    if args.is_empty() {
        // Nothing of what is absent is looked at.
        return Ok(admit::Admit { cost: Units::of(1), scope: None, tokens: None, hold: None });
    }
    let (mut cost, mut scope, mut tokens, mut hold, mut ttl) = (None, None, None, None, None);
    while let Some(word) = args.next() {
        // What is asked for most comes first.
        if Args::is(word, "HOLD") {
            args.option(&mut hold, |args| Ok((args.id_bytes()?, args.money()?)))?;
        } else if Args::is(word, "COST") {
            args.option(&mut cost, |args| args.units("a cost"))?;
        } else if Args::is(word, "SCOPE") {
            args.option(&mut scope, Args::scope)?;
        } else if Args::is(word, "TOKENS") {
            args.option(&mut tokens, |args| args.units("a count of tokens"))?;
        } else if Args::is(word, "TTL") {
            args.option(&mut ttl, Args::hold_ttl)?;
        } else {
            return Err(args.unknown());
        }
    }
    if hold.is_none() && ttl.is_some() {
        return Err(args.missing("HOLD, with which alone TTL goes,"));
    }
    Ok(admit::Admit {
        cost: cost.unwrap_or(Units::of(1)),
        scope,
        tokens,
        hold: hold.map(|(id, amount)| admit::Ask { id: id.id(), amount, ttl }),
    })
}

/// Writes the six slots, or nine where tokens were asked for.
pub fn reply(answer: &Admission, out: &mut impl Reply) {
    if let Some((limit, remaining)) = answer.as_plain() {
        return out.admission(limit, remaining);
    }
    out.array(if answer.tokens.is_some() { 9 } else { 6 });
    out.word(answer.verdict.word());
    out.bulk(&answer.policy.text());
    out.window(answer.window);
    out.retry(answer.retry);
    if let Some(tokens) = answer.tokens {
        out.window(tokens);
    }
}
