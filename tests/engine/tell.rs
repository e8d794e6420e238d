//! The engine's answers and policies, told in plain words and figures, and the other way round.

use fw_limits::engine::decide::limit::To as EngineTo;
use fw_limits::engine::id::{Id, Name, Scope};
use fw_limits::engine::limit::{Limit, LimitName, Meter, Source, Units};
use fw_limits::engine::money::Money;
use fw_limits::engine::month::Anchor;
use fw_limits::engine::policy::{NewAccounts, Policy};
use fw_limits::engine::tier::{Tier, Tiers};
use fw_limits::engine::time::Millis;
use fw_limits::engine::verdict::{self, Refusal, Retry};
use fw_limits::engine::view;

use crate::answer::{
    AccountRow, Admission, Answer, Error, LeaseRow, LimitRow, Reservation, Statement,
};
use crate::model::figures::{Figures, Mode, UNLIMITED};
use crate::script::{To, id_text};

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

pub fn limit_name(text: &str) -> LimitName {
    let scope = |scope: &str| Scope::new(scope.as_bytes()).unwrap();
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
    let quotas = figures.quotas.iter().map(|(quota, most)| (name(quota), units(*most)));
    Policy {
        new_accounts: match figures.new_accounts {
            Mode::Reject => NewAccounts::Reject,
            Mode::Open => NewAccounts::Open,
            Mode::Prepaid => NewAccounts::Prepaid,
        },
        requests: engine_limit(figures.requests),
        tiers: Tiers::new(tiers.collect()).unwrap(),
        quotas: quotas.collect(),
        anchor: Anchor::new(figures.anchor).unwrap(),
        lease_ttl: Millis(figures.lease_ttl),
        spend_memory: Millis(figures.spend_memory),
        billing_memory: Millis(figures.billing_memory),
        ..Policy::default()
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

pub fn admission(told: verdict::Admission) -> Answer {
    Answer::Admission(Admission {
        verdict: told.verdict.word(),
        policy: bytes(told.policy.as_bytes()),
        limit: limit_of_units(told.window.limit),
        remaining: limit_of_units(told.window.remaining),
        reset: told.window.reset.0,
        retry_after: match told.retry {
            Retry::Now => 0,
            Retry::After(span) => span.0,
            Retry::Never => -1,
        },
    })
}

pub fn reservation(told: verdict::Reservation) -> Answer {
    Answer::Reservation(Reservation {
        verdict: told.verdict.word(),
        token: told.token,
        ttl: span(told.ttl),
        policy: bytes(told.policy.as_bytes()),
        limit: limit_of_units(told.limit),
        used: i128::from(told.used.count()),
    })
}

pub fn statement(told: verdict::Statement) -> Answer {
    Answer::Statement(plain_statement(&told))
}

fn plain_statement(told: &verdict::Statement) -> Statement {
    Statement {
        result: told.outcome.word(),
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
        period: (row.period.start.0, row.period.end.0),
        previous_spent: nanos(row.previous_spent),
        leases: row.leases,
        anchor: row.anchor.day(),
        created: row.created.0,
    }))
}

pub fn error(refusal: &Refusal) -> Error {
    match refusal {
        Refusal::NoAccount => Error::NoAccount,
        Refusal::NoLease => Error::NoLease,
        Refusal::Stale(token) => Error::Stale(*token),
        Refusal::Conflict => Error::Conflict,
        Refusal::UnknownQuota(_) => Error::UnknownQuota,
        Refusal::AboveMax => Error::NotAllowed,
        Refusal::TooMuch(_) => Error::TooMuch,
        Refusal::Full(_, bound) => Error::Full(*bound),
    }
}
