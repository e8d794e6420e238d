//! `FW.EXPLAIN key [COST n] [SCOPE name] [TOKENS n] [HOLD id amount [TTL ms]]`
//!
//! Lines for people: the verdict and what decided it, then every check, each with its figures and,
//! where it fails, what would help. Bytes of clients are shown as printable ASCII.

use std::fmt::Write as _;

use super::admit::{COMPLEXITY, USAGE, WORDS, parse};
use super::args::{Args, Figure};
use super::error::Error;
use super::reply::Reply;
use super::{Access, Command, Doc};
use crate::engine::bounds::HOLDS;
use crate::engine::decide::explain;
use crate::engine::explanation::{Check, Existence, Explanation, Figures, Level, Prepaid, Way};
use crate::engine::limit::{Limit, Units};
use crate::engine::money::Money;
use crate::engine::policy::Policy;

/// Why FW.ADMIT would answer what it would answer; nothing is taken.
pub struct Explain;

impl Command for Explain {
    const DOC: Doc = Doc {
        name: "FW.EXPLAIN",
        usage: USAGE,
        summary: "Explains what FW.ADMIT would answer: every check, and what would help.",
        complexity: COMPLEXITY,
        since: "0.1.0",
        words: WORDS,
        replies: "lines of text: the verdict and the policy, then every check",
        errors: &["WRONGTYPE", "CONFLICT"],
    };
    const ACCESS: Access = Access::ReadRows;
    type Request<'a> = explain::Explain;

    fn parse<'a>(args: Args<'a>, _policy: &Policy) -> Result<explain::Explain, Error> {
        parse(args).map(explain::Explain)
    }

    fn reply(answer: &Explanation, out: &mut impl Reply) {
        let lines = lines(answer);
        out.array(lines.len());
        for line in lines {
            out.bulk(line.as_bytes());
        }
    }
}

fn lines(told: &Explanation) -> Vec<String> {
    let verdict = told.admission.verdict.word().to_string_lossy();
    let first = format!("{verdict} {}", ascii(&told.admission.policy.text()));
    let mut lines = vec![first.trim_end().to_owned(), account(told.existence).to_owned()];
    lines.extend(told.checks.iter().map(|check| line(check, told)));
    lines
}

fn account(existence: Existence) -> &'static str {
    match existence {
        Existence::Exists => "pass account: it exists",
        Existence::WouldBeCreated => "pass account: there is none yet; FW.ADMIT would create it",
        Existence::Rejected => {
            "DENY account: there is none, and fw.new-accounts is reject; \
             create it by FW.SET or FW.TOPUP"
        }
    }
}

/// One check: `pass`, `DENY` if it decides, `fail` if one before it does.
fn line(check: &Check, told: &Explanation) -> String {
    let mark = match &check.denial {
        None => "pass",
        Some((verdict, policy))
            if (verdict, policy) == (&told.admission.verdict, &told.admission.policy) =>
        {
            "DENY"
        }
        Some(_) => "fail",
    };
    let mut line = format!("{mark} {}", figures(&check.figures));
    let figure = figure(&check.figures);
    let ways: Vec<String> = check.ways.iter().map(|way| help(way, figure)).collect();
    if !ways.is_empty() {
        let _ = write!(line, "; {}", ways.join(", or "));
    }
    line
}

fn figures(figures: &Figures) -> String {
    match figures {
        Figures::Admitted => {
            "hold: it is open with this amount: the request was admitted before".to_owned()
        }
        Figures::Active => "standing: active".to_owned(),
        Figures::Blocked(Some(why)) => format!("standing: blocked: {}", ascii(why.as_bytes())),
        Figures::Blocked(None) => "standing: blocked".to_owned(),
        Figures::PaymentFailed(1) => "standing: payment_failed, 1 failed invoice".to_owned(),
        Figures::PaymentFailed(count) => {
            format!("standing: payment_failed, {count} failed invoices")
        }
        Figures::NoPaymentMethod => {
            "standing: no_payment_method, and neither credits nor promo".to_owned()
        }
        Figures::SpendLimit(level) => format!("standing: spend_limit, {}", spent(level)),
        Figures::Size(level) => {
            let (asks, limit) = (amount(level, level.asks), limit(level));
            format!("size: {asks} asked, {} allows {limit} in all", name(level))
        }
        Figures::Budget(level) => {
            format!("budget: {} asked, {}", amount(level, level.asks), spent(level))
        }
        Figures::Window(level) => {
            let (asks, used) = (amount(level, level.asks), amount(level, level.used));
            format!("{}: {asks} asked, {used} of {} used", name(level), limit(level))
        }
        Figures::Concurrency(level) => {
            format!("concurrency: {} of {} open", amount(level, level.used), limit(level))
        }
        Figures::Holds(open) => {
            let open = grouped(i64::try_from(*open).unwrap_or(i64::MAX));
            format!("holds: {open} of {} open", grouped(i64::try_from(HOLDS).unwrap_or(i64::MAX)))
        }
        Figures::Beside(level) => {
            let (asks, used) = (amount(level, level.asks), amount(level, level.used));
            format!("in flight: {asks} asked, {used} of {} spent and held", limit(level))
        }
        Figures::Credits(prepaid) => credits(prepaid),
    }
}

fn spent(level: &Level) -> String {
    format!("{} of {} spent this month", amount(level, level.used), limit(level))
}

fn credits(Prepaid { credits, held, asks }: &Prepaid) -> String {
    let (credits, held, asks) = (dollars(*credits), dollars(*held), dollars(*asks));
    format!("credits: {asks} asked, {held} of {credits} held, and no payment method")
}

fn help(way: &Way, figure: Figure) -> String {
    match way {
        Way::Wait(span) => format!("wait {} ms", grouped(span.0)),
        Way::AwaitHold(span) => {
            format!("wait for an open hold to end (look again in {} ms)", grouped(span.0))
        }
        Way::AwaitMonth(span) => format!("wait {} ms for the next month", grouped(span.0)),
        Way::AskFor(most) => format!("ask for at most {}", units(*most, figure)),
        Way::RaiseValue(Limit::At(max)) => {
            format!("raise VALUE (FW.LIMIT), up to {}", units(*max, figure))
        }
        Way::RaiseValue(Limit::Unlimited) => "raise VALUE (FW.LIMIT)".to_owned(),
        Way::RaiseBoth => "raise MAX and VALUE (FW.LIMIT)".to_owned(),
        Way::RaiseMax => "raise MAX (FW.LIMIT)".to_owned(),
        Way::TopUp(amount) => format!("top up {}", dollars(*amount)),
        Way::TopUpBeyond(owed) if owed.is_zero() => "top up".to_owned(),
        Way::TopUpBeyond(owed) => format!("top up more than the {} owed", dollars(*owed)),
        Way::ReachTier(amount, tier) => {
            format!("top up {} to reach {}", dollars(*amount), tier.as_str())
        }
        Way::PaymentMethod => "put a payment method on file (FW.SET)".to_owned(),
        Way::Pay(invoice) => format!("pay invoice {}", ascii(invoice.as_bytes())),
        Way::Resume => "resume it (FW.RESUME)".to_owned(),
    }
}

fn figure(figures: &Figures) -> Figure {
    match figures {
        Figures::Size(level) | Figures::Window(level) => Figure::of(&level.name),
        Figures::SpendLimit(_) | Figures::Budget(_) => Figure::Money,
        Figures::Beside(_) | Figures::Credits(_) => Figure::Money,
        _ => Figure::Count,
    }
}

fn name(level: &Level) -> String {
    ascii(&level.name.text())
}

fn amount(level: &Level, count: Units) -> String {
    units(count, Figure::of(&level.name))
}

/// The limit in force, and who set it.
fn limit(level: &Level) -> String {
    let source = level.in_force.source.word();
    match level.in_force.limit {
        Limit::At(limit) => format!("{} ({source})", amount(level, limit)),
        Limit::Unlimited => format!("unlimited ({source})"),
    }
}

fn units(count: Units, figure: Figure) -> String {
    match figure {
        Figure::Money => dollars(count.as_money()),
        Figure::Count => grouped(count.count()),
    }
}

/// Dollars as people write them: `$1,234.50`, `$0.0000125`.
fn dollars(money: Money) -> String {
    let text = money.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let whole = grouped(whole.parse().unwrap_or(0));
    if fraction.is_empty() { format!("${whole}") } else { format!("${whole}.{fraction:0<2}") }
}

/// A count with commas between its thousands.
fn grouped(count: i64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len().saturating_sub(at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes of a client as printable ASCII, the others as `\xNN`.
fn ascii(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_commas_between_their_thousands() {
        for (count, text) in [(0, "0"), (999, "999"), (1_250, "1,250"), (86_400_000, "86,400,000")]
        {
            assert_eq!(grouped(count), text);
        }
    }

    #[test]
    fn dollars_are_written_as_people_write_them() {
        let texts = [("12.5", "$12.50"), ("1000", "$1,000"), ("0.0000125", "$0.0000125")];
        for (given, text) in texts {
            assert_eq!(Money::parse(given.as_bytes()).map(dollars).as_deref(), Some(text));
        }
    }
}
