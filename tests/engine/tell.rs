//! The engine's answers and policies, told in plain words and figures, and the other way round.

use fw_limits::engine::decide::admit::{Admit, Ask as EngineHold};
use fw_limits::engine::decide::hold::{Part, Settle as EngineSettle};
use fw_limits::engine::decide::invoice::Event as EngineInvoice;
use fw_limits::engine::decide::limit::To as EngineTo;
use fw_limits::engine::id::{Id, Name, Scope};
use fw_limits::engine::limit::{Limit, LimitName, Meter, Source, Units};
use fw_limits::engine::log::Row;
use fw_limits::engine::money::Money;
use fw_limits::engine::month::Anchor;
use fw_limits::engine::policy::{NewAccounts, Policy};
use fw_limits::engine::standing::Reason;
use fw_limits::engine::tier::{Tier, Tiers};
use fw_limits::engine::time::Millis;
use fw_limits::engine::verdict::{self, Refusal, Retry};
use fw_limits::engine::view;

use crate::answer::{
    AccountRow, Admission, Answer, Error, HoldRow, LeaseRow, LimitRow, LogRow, Reservation, Shown,
    Statement,
};
use crate::model::figures::{Figures, Mode, UNLIMITED};
use crate::script::{Ask, Invoice, Settle, To, id_text};

pub fn id(id: u32) -> Id {
    Id::new(id_text(id).as_bytes()).unwrap()
}

pub fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).unwrap()
}

pub fn units(count: i128) -> Units {
    Units::new(i64::try_from(count).unwrap()).unwrap()
}

pub fn money(nanos: i128) -> Money {
    Money::from_nanos(i64::try_from(nanos).unwrap()).unwrap()
}

fn scope(text: &str) -> Scope {
    Scope::new(text.as_bytes()).unwrap()
}

pub fn reason(text: &str) -> Reason {
    Reason::new(text.as_bytes()).unwrap()
}

pub fn ask(ask: &Ask) -> Admit {
    Admit {
        cost: units(ask.cost),
        scope: ask.scope.as_deref().map(scope),
        tokens: ask.tokens.map(units),
        hold: ask.hold.as_ref().map(|hold| EngineHold {
            id: id(hold.id),
            amount: money(hold.amount),
            ttl: hold.ttl.map(Millis),
        }),
    }
}

pub fn settle(settle: &Settle) -> EngineSettle {
    EngineSettle {
        id: id(settle.id),
        amount: money(settle.amount),
        tokens: settle.tokens.map(units),
        part: if settle.partial { Part::SoFar } else { Part::All },
    }
}

pub fn invoice(event: Invoice) -> EngineInvoice {
    match event {
        Invoice::Failed => EngineInvoice::Failed,
        Invoice::Paid(amount) => EngineInvoice::Paid(money(amount)),
        Invoice::Voided => EngineInvoice::Voided,
    }
}

pub fn limit_name(text: &str) -> LimitName {
    match (text, text.split_once('@')) {
        (_, Some(("requests", on))) => LimitName::Scoped(Meter::Requests, scope(on)),
        (_, Some((_, on))) => LimitName::Scoped(Meter::Tokens, scope(on)),
        ("requests", None) => LimitName::Requests,
        ("tokens", None) => LimitName::Tokens,
        ("concurrency", None) => LimitName::Concurrency,
        ("spend", None) => LimitName::Spend,
        (quota, None) => LimitName::Quota(name(quota)),
    }
}

pub fn engine_to(to: To) -> EngineTo {
    to.map_or(EngineTo::Default, |figure| EngineTo::Figure(engine_limit(figure)))
}

fn engine_limit(figure: i128) -> Limit<Units> {
    if figure == UNLIMITED { Limit::Unlimited } else { Limit::At(units(figure)) }
}

pub fn policy(figures: &Figures) -> Policy {
    let tiers = figures.tiers.iter().map(|row| Tier {
        name: name(&row.name),
        limit: engine_limit(row.limit).as_money(),
        history: money(row.history),
    });
    let quotas = figures.quotas.iter().map(|(quota, most)| (name(quota), engine_limit(*most)));
    Policy {
        new_accounts: match figures.new_accounts {
            Mode::Reject => NewAccounts::Reject,
            Mode::Open => NewAccounts::Open,
            Mode::Prepaid => NewAccounts::Prepaid,
        },
        requests: engine_limit(figures.requests),
        tokens: engine_limit(figures.tokens),
        concurrency: engine_limit(figures.concurrency),
        tiers: Tiers::new(tiers.collect()).unwrap(),
        quotas: quotas.collect(),
        anchor: Anchor::new(figures.anchor).unwrap(),
        hold_ttl: Millis(figures.hold_ttl),
        lease_ttl: Millis(figures.lease_ttl),
        hold_memory: Millis(figures.hold_memory),
        spend_memory: Millis(figures.spend_memory),
        billing_memory: Millis(figures.billing_memory),
        thresholds: figures.thresholds.clone(),
    }
}

fn limit_of_units(limit: Limit<Units>) -> i128 {
    match limit {
        Limit::At(units) => i128::from(units.count()),
        Limit::Unlimited => UNLIMITED,
    }
}

fn nanos(money: Money) -> i128 {
    i128::from(money.nanos())
}

fn span(span: Millis) -> i64 {
    if span == Millis::NEVER { -1 } else { span.0 }
}

fn bytes(text: &[u8]) -> String {
    String::from_utf8(text.to_vec()).unwrap()
}

/// The policy slot.
fn policy_slot(decider: &verdict::Decider) -> String {
    bytes(&decider.text())
}

fn shown(window: &verdict::Shown) -> Shown {
    Shown {
        limit: limit_of_units(window.limit),
        remaining: limit_of_units(window.remaining),
        reset: window.reset.0,
    }
}

fn text(word: &'static std::ffi::CStr) -> &'static str {
    word.to_str().expect("a word of ours is ASCII")
}

pub fn admission(told: verdict::Admission) -> Answer {
    Answer::Admission(Admission {
        verdict: text(told.verdict.word()),
        policy: policy_slot(&told.policy),
        requests: shown(&told.window),
        tokens: told.tokens.as_ref().map(shown),
        retry_after: match told.retry {
            Retry::Now => 0,
            Retry::After(span) => span.0,
            Retry::Never => -1,
        },
    })
}

pub fn reservation(told: verdict::Reservation) -> Answer {
    Answer::Reservation(Reservation {
        verdict: text(told.verdict.word()),
        token: told.token,
        ttl: span(told.ttl),
        policy: policy_slot(&told.policy),
        limit: limit_of_units(told.limit),
        used: i128::from(told.used.count()),
    })
}

pub fn statement(told: verdict::Statement) -> Answer {
    Answer::Statement(plain_statement(&told))
}

fn plain_statement(told: &verdict::Statement) -> Statement {
    Statement {
        result: text(told.outcome.word()),
        spent: nanos(told.spent),
        limit: limit_of_units(told.limit.as_units()),
        held: nanos(told.held),
        credits: nanos(told.credits),
        tier: told.tier.as_ref().map_or("none", Name::as_str).to_owned(),
        standing: told.reasons.standing().to_owned(),
    }
}

fn limit_row(row: &verdict::LimitRow) -> LimitRow {
    LimitRow {
        name: match &row.name {
            LimitName::Requests => "requests".to_owned(),
            LimitName::Tokens => "tokens".to_owned(),
            LimitName::Concurrency => "concurrency".to_owned(),
            LimitName::Spend => "spend".to_owned(),
            LimitName::Quota(quota) => quota.as_str().to_owned(),
            LimitName::Scoped(Meter::Requests, on) => format!("requests@{}", bytes(on.as_bytes())),
            LimitName::Scoped(Meter::Tokens, on) => format!("tokens@{}", bytes(on.as_bytes())),
        },
        limit: limit_of_units(row.in_force.limit),
        max: limit_of_units(row.in_force.max),
        used: i128::from(row.used.count()),
        source: row.in_force.source.word(),
    }
}

pub fn limit(row: verdict::LimitRow) -> Answer {
    Answer::Limit(limit_row(&row))
}

pub fn limits(shown: Option<view::Limits>) -> Answer {
    match shown {
        None => Answer::Nothing,
        Some(view::Limits::One(row)) => limit(row),
        Some(view::Limits::All(rows)) => Answer::Limits(rows.iter().map(limit_row).collect()),
    }
}

pub fn leases(rows: Option<Vec<verdict::LeaseRow>>) -> Answer {
    let Some(rows) = rows else { return Answer::Nothing };
    let quota =
        |(quota, count): &(Name, Units)| (quota.as_str().to_owned(), i128::from(count.count()));
    let row = |row: verdict::LeaseRow| LeaseRow {
        id: bytes(row.id.as_bytes()),
        token: row.lease.token,
        quotas: row.lease.counts.iter().map(quota).collect(),
        ttl: row.lease.ttl.0,
        lapses: span(row.lease.lapses),
    };
    Answer::Leases(rows.into_iter().map(row).collect())
}

pub fn holds(rows: Option<Vec<verdict::HoldRow>>) -> Answer {
    let Some(rows) = rows else { return Answer::Nothing };
    let row = |row: verdict::HoldRow| HoldRow {
        id: bytes(row.id.as_bytes()),
        amount: nanos(row.hold.amount),
        charged: nanos(row.hold.charged()),
        held: nanos(row.hold.held()),
        tokens: i128::from(row.hold.details().tokens.count()),
        scope: row.hold.scope().map(|scope| bytes(scope.as_bytes())),
        admitted: row.hold.admitted().0,
        lapses: row.hold.lapses.0,
    };
    Answer::Holds(rows.into_iter().map(row).collect())
}

pub fn log(rows: Option<Vec<Row>>) -> Answer {
    let Some(rows) = rows else { return Answer::Nothing };
    let row = |row: Row| LogRow {
        time: row.time.0,
        event: row.event.word(),
        cause: bytes(row.cause.as_bytes()),
    };
    Answer::Log(rows.into_iter().map(row).collect())
}

pub fn account(row: Option<view::AccountRow>) -> Answer {
    let Some(row) = row else { return Answer::Nothing };
    Answer::Account(Box::new(AccountRow {
        statement: plain_statement(&row.statement),
        tier_source: if row.tier_source == Source::Operator { "operator" } else { "auto" },
        payment_method: row.payment_method,
        limit: limit_row(&row.limit),
        credits: nanos(row.credits),
        promo: nanos(row.promo),
        owed: nanos(row.owed),
        history: nanos(row.history),
        next_tier: row.next_tier.map(|(tier, gap)| (tier.as_str().to_owned(), nanos(gap))),
        period: (row.period.start().0, row.period.end().0),
        previous_spent: nanos(row.previous_spent),
        open_holds: row.open_holds,
        leases: row.leases,
        failed_invoices: row.failed_invoices,
        blocked: row.blocked.map(|reason| bytes(reason.as_bytes())),
        anchor: row.anchor.day(),
        created: row.created.0,
    }))
}

pub fn error(refusal: &Refusal) -> Error {
    match refusal {
        Refusal::NoAccount => Error::NoAccount,
        Refusal::NoHold => Error::NoHold,
        Refusal::NoLease => Error::NoLease,
        Refusal::Stale(token) => Error::Stale(*token),
        Refusal::Conflict => Error::Conflict,
        Refusal::UnknownQuota(_) => Error::UnknownQuota,
        Refusal::AboveMax => Error::NotAllowed,
        Refusal::TooMuch(_) => Error::TooMuch,
        Refusal::Full(_, bound) => Error::Full(*bound),
    }
}
