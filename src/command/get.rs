//! `FW.GET key`

use super::args::{Args, Figure};
use super::error::Error;
use super::reply::Reply;
use super::{Access, Command, Doc};
use crate::engine::limit::Source;
use crate::engine::policy::Policy;
use crate::engine::view::{AccountRow, ViewAccount};

/// Shows everything about an account.
pub struct Get;

impl Command for Get {
    const DOC: Doc = Doc {
        name: "FW.GET",
        usage: &["key"],
        summary: "Shows everything about an account.",
        complexity: "O(N) with N the account's leases",
        since: "0.1.0",
        words: &[],
        replies: "a map of all that is known, from tier to created_ms; Null if there is no account",
        errors: &["WRONGTYPE"],
    };
    const ACCESS: Access = Access::Read;
    type Request<'a> = ViewAccount;

    fn parse<'a>(mut args: Args<'a>, _policy: &Policy) -> Result<ViewAccount, Error> {
        args.end()?;
        Ok(ViewAccount)
    }

    fn reply(answer: &Option<AccountRow>, out: &mut impl Reply) {
        match answer {
            None => out.null(),
            Some(row) => reply_row(row, out),
        }
    }
}

fn reply_row(row: &AccountRow, out: &mut impl Reply) {
    let statement = &row.statement;
    let limit = row.limit.in_force;
    out.map(24);
    text(out, "tier", statement.tier.as_ref().map_or("none", |tier| tier.as_str()));
    text(out, "tier_source", if row.tier_source == Source::Operator { "operator" } else { "auto" });
    text(out, "standing", statement.reasons.standing());
    out.bulk(b"blocked_reason");
    match &row.blocked {
        Some(reason) => out.bulk(reason.as_bytes()),
        None => out.null(),
    }
    text(out, "payment_method", if row.payment_method { "yes" } else { "no" });
    amount(out, "spent", statement.spent);
    amount(out, "held", statement.held);
    out.bulk(b"limit");
    out.limit(limit.limit, Figure::Money);
    text(out, "limit_source", limit.source.word());
    out.bulk(b"remaining");
    out.limit(limit.limit.remaining(row.limit.used), Figure::Money);
    amount(out, "credits", row.credits);
    amount(out, "promo", row.promo);
    amount(out, "owed", row.owed);
    amount(out, "history", row.history);
    reply_next_tier(row, out);
    integer(out, "period_start_ms", row.period.start().0);
    integer(out, "period_end_ms", row.period.end().0);
    amount(out, "previous_spent", row.previous_spent);
    out.bulk(b"open_holds");
    out.length(row.open_holds);
    out.bulk(b"leases");
    out.length(row.leases);
    out.bulk(b"failed_invoices");
    out.length(row.failed_invoices);
    integer(out, "anchor_day", i64::from(row.anchor.day()));
    integer(out, "created_ms", row.created.0);
}

fn reply_next_tier(row: &AccountRow, out: &mut impl Reply) {
    match &row.next_tier {
        Some((tier, gap)) => {
            text(out, "next_tier", tier.as_str());
            amount(out, "next_tier_gap", *gap);
        }
        None => {
            for name in [&b"next_tier"[..], b"next_tier_gap"] {
                out.bulk(name);
                out.null();
            }
        }
    }
}

fn text(out: &mut impl Reply, name: &str, text: &str) {
    out.bulk(name.as_bytes());
    out.bulk(text.as_bytes());
}

fn amount(out: &mut impl Reply, name: &str, money: crate::engine::money::Money) {
    out.bulk(name.as_bytes());
    out.money(money);
}

fn integer(out: &mut impl Reply, name: &str, number: i64) {
    out.bulk(name.as_bytes());
    out.integer(number);
}
