//! `FW.HOLDS key [COUNT n]`

use super::args::Args;
use super::error::Error;
use super::reply::Reply;
use super::{Access, Command, Doc};
use crate::engine::policy::Policy;
use crate::engine::verdict::HoldRow;
use crate::engine::view::ViewHolds;

/// Shows the open holds of an account.
pub struct Holds;

impl Command for Holds {
    const DOC: Doc = Doc {
        name: "FW.HOLDS",
        usage: &["key [COUNT n]"],
        summary: "Shows the open holds of an account, soonest lapse first.",
        complexity: "O(N) with N the holds shown",
        since: "0.1.0",
        words: &[("COUNT n", "at most so many, 100 if not given")],
        replies: "rows of id, amount, charged, held, tokens, scope, admitted_ms, lapses_ms; Null if there is no account",
        errors: &["WRONGTYPE"],
    };
    const ACCESS: Access = Access::ReadRows;
    type Request<'a> = ViewHolds;

    fn parse<'a>(mut args: Args<'a>, _policy: &Policy) -> Result<ViewHolds, Error> {
        Ok(ViewHolds { count: args.rows()? })
    }

    fn reply(answer: &Option<Vec<HoldRow>>, out: &mut impl Reply) {
        let Some(rows) = answer else { return out.null() };
        out.array(rows.len());
        for row in rows {
            reply_row(row, out);
        }
    }
}

fn reply_row(HoldRow { id, hold }: &HoldRow, out: &mut impl Reply) {
    let details = hold.details();
    out.map(8);
    out.bulk(b"id");
    out.bulk(id.as_bytes());
    out.bulk(b"amount");
    out.money(hold.amount);
    out.bulk(b"charged");
    out.money(details.charged);
    out.bulk(b"held");
    out.money(hold.held());
    out.bulk(b"tokens");
    out.integer(details.tokens.count());
    out.bulk(b"scope");
    match details.scope {
        Some(scope) => out.bulk(scope.as_bytes()),
        None => out.null(),
    }
    out.bulk(b"admitted_ms");
    out.integer(hold.admitted().0);
    out.bulk(b"lapses_ms");
    out.integer(hold.lapses.0);
}
