//! `FW.INVOICE key FAILED|PAID|VOIDED invoice [AMOUNT amount]`

use super::args::Args;
use super::error::Error;
use super::reply::{Reply, STATEMENT};
use super::{Access, Command, Doc, Tally};
use crate::engine::decide::invoice::{self, Event};
use crate::engine::money::Money;
use crate::engine::policy::Policy;
use crate::engine::verdict::Statement;

/// Says what happened to an invoice.
pub struct Invoice;

impl Command for Invoice {
    const DOC: Doc = Doc {
        name: "FW.INVOICE",
        usage: &["key FAILED|PAID|VOIDED invoice [AMOUNT amount]"],
        summary: "Says that an invoice failed, was paid or was voided; an account with a failed one is suspended.",
        complexity: "O(log N) with N the account's failed invoices",
        since: "0.1.0",
        words: &[
            (
                "FAILED",
                "it could not be charged: the account is suspended until it is paid or voided",
            ),
            ("PAID", "it was paid; final"),
            ("VOIDED", "it was cancelled; final"),
            ("invoice", "the invoice's id, of 1 to 128 bytes"),
            ("AMOUNT amount", "with PAID: dollars by which it lowers what is owed, 0 if not given"),
        ],
        replies: STATEMENT,
        errors: &["WRONGTYPE", "NOACCOUNT", "CONFLICT"],
    };
    const ACCESS: Access = Access::Write;
    type Request<'a> = invoice::Invoice;

    fn parse<'a>(mut args: Args<'a>, _policy: &Policy) -> Result<invoice::Invoice, Error> {
        let word = args.need("FAILED, PAID or VOIDED")?;
        let event = match word {
            word if Args::is(word, "FAILED") => Event::Failed,
            word if Args::is(word, "PAID") => Event::Paid(Money::ZERO),
            word if Args::is(word, "VOIDED") => Event::Voided,
            _ => return Err(args.unknown()),
        };
        let id = args.id()?;
        let mut amount = None;
        while let Some(word) = args.next() {
            if !Args::is(word, "AMOUNT") {
                return Err(args.unknown());
            }
            if !matches!(event, Event::Paid(_)) {
                return Err(args.wrong("goes with PAID only"));
            }
            args.option(&mut amount, Args::money)?;
        }
        let event = amount.map_or(event, Event::Paid);
        Ok(invoice::Invoice { id, event })
    }

    fn reply(answer: &Statement, out: &mut impl Reply) {
        out.statement(answer);
    }

    fn tally(answer: &Statement) -> Tally {
        Tally::of(answer.outcome)
    }
}
