//! `FW.SET key [payment-method yes|no] [tier name|unlimited|auto] [anchor-day day]`

use super::args::Args;
use super::error::Error;
use super::reply::{Reply, STATEMENT};
use super::{Access, Command, Doc};
use crate::engine::decide::set;
use crate::engine::id::Name;
use crate::engine::month::Anchor;
use crate::engine::policy::Policy;
use crate::engine::verdict::Statement;

/// Says whether an account has a payment method, its tier, and its anchor day.
pub struct Set;

impl Command for Set {
    const DOC: Doc = Doc {
        name: "FW.SET",
        usage: &["key [payment-method yes|no] [tier name|unlimited|auto] [anchor-day day]"],
        summary: "Sets what the operator says of an account, one field at least; all of them or none. Creates it.",
        complexity: "O(1)",
        since: "0.1.0",
        words: &[
            ("payment-method", "whether one is on file; it earns the first tier"),
            ("tier", "pins a tier of FW.TIERS, or no limit at all; auto ends that"),
            ("anchor-day", "the day on which the account's month begins, 1 to 31"),
        ],
        replies: STATEMENT,
        errors: &["WRONGTYPE", "OOM"],
    };
    const ACCESS: Access = Access::Write;
    type Request<'a> = set::Set;

    fn parse<'a>(mut args: Args<'a>, policy: &Policy) -> Result<set::Set, Error> {
        let mut set = set::Set::default();
        let mut word = args.need("a field")?;
        loop {
            if Args::is(word, "payment-method") {
                args.option(&mut set.payment_method, yes_or_no)?;
            } else if Args::is(word, "tier") {
                args.option(&mut set.tier, |args| pin(args, policy))?;
            } else if Args::is(word, "anchor-day") {
                args.option(&mut set.anchor, anchor)?;
            } else {
                return Err(args.unknown());
            }
            match args.next() {
                Some(next) => word = next,
                None => return Ok(set),
            }
        }
    }

    fn reply(answer: &Statement, out: &mut impl Reply) {
        out.statement(answer);
    }
}

fn yes_or_no(args: &mut Args<'_>) -> Result<bool, Error> {
    let word = args.need("yes or no")?;
    match (Args::is(word, "yes"), Args::is(word, "no")) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(args.wrong("is neither yes nor no")),
    }
}

fn pin(args: &mut Args<'_>, policy: &Policy) -> Result<set::Pin, Error> {
    let word = args.need("a tier")?;
    if Args::is(word, "auto") {
        return Ok(set::Pin::Auto);
    }
    let name =
        if Args::is(word, "unlimited") { Name::new(b"unlimited") } else { known(word, policy) };
    name.map(set::Pin::To).ok_or_else(|| args.wrong("is not a tier; FW.TIERS lists them"))
}

fn known(word: &[u8], policy: &Policy) -> Option<Name> {
    Name::new(word).filter(|name| policy.tiers.rank(name).is_some())
}

fn anchor(args: &mut Args<'_>) -> Result<Anchor, Error> {
    let day = args.number("a day of the month", 31)?;
    let anchor = u8::try_from(day).ok().and_then(Anchor::new);
    anchor.ok_or_else(|| args.wrong("is not a day of the month, 1 to 31"))
}
