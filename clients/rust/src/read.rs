//! Readers: from what redis-rs returns to the types of the replies.
//!
//! RESP3 has maps; RESP2 has the same as a flat list. A reply that is not of the expected form is
//! handed back as it is.

use std::collections::{BTreeMap, HashMap};

use bstr::BString;
use redis::Value;

use crate::Money;
use crate::replies::{
    Account, Admission, Explanation, Figure, HeldLease, Limit, LogEntry, MoneyReply, OpenHold,
    Outcome, Reservation, Tier, Verdict, Window,
};

/// A reply, or a part of one, that is not of the form that was expected.
#[derive(Debug)]
pub struct NotRead(pub(crate) Value);

type Found<T> = Result<T, NotRead>;

/// What can be read from a reply.
pub trait Read: Sized {
    /// Reads it.
    fn read(value: Value) -> Found<Self>;
}

impl Read for BString {
    fn read(value: Value) -> Found<Self> {
        match value {
            Value::BulkString(bytes) => Ok(bytes.into()),
            Value::SimpleString(text) | Value::VerbatimString { text, .. } => Ok(text.into()),
            // redis-rs has a value of its own for the simple string OK.
            Value::Okay => Ok("OK".into()),
            other => Err(NotRead(other)),
        }
    }
}

impl Read for u64 {
    fn read(value: Value) -> Found<Self> {
        match value {
            Value::Int(number) => Self::try_from(number).map_err(|_| NotRead(value)),
            other => Err(NotRead(other)),
        }
    }
}

/// RELEASE: 1 or 0.
impl Read for bool {
    fn read(value: Value) -> Found<Self> {
        match value {
            Value::Int(0) => Ok(false),
            Value::Int(1) => Ok(true),
            other => Err(NotRead(other)),
        }
    }
}

impl Read for Money {
    fn read(value: Value) -> Found<Self> {
        parsed(BString::read(value)?)
    }
}

/// Null: absent.
impl<T: Read> Read for Option<T> {
    fn read(value: Value) -> Found<Self> {
        if value == Value::Nil { Ok(None) } else { T::read(value).map(Some) }
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(value: Value) -> Found<Self> {
        match value {
            Value::Array(rows) | Value::Set(rows) => rows.into_iter().map(T::read).collect(),
            other => Err(NotRead(other)),
        }
    }
}

fn parsed<T: std::str::FromStr>(text: BString) -> Found<T> {
    let found = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
    found.ok_or_else(|| NotRead(Value::BulkString(text.into())))
}

/// An integer that is -1 where there is no bound.
fn bounded(value: Value) -> Found<Option<u64>> {
    if value == Value::Int(-1) { Ok(None) } else { u64::read(value).map(Some) }
}

/// An amount, or `unlimited`.
fn limit(value: Value) -> Found<Option<Money>> {
    let text = BString::read(value)?;
    if text == "unlimited" { Ok(None) } else { parsed(text).map(Some) }
}

/// The slots of an array, taken one after the other.
struct Slots(std::vec::IntoIter<Value>);

impl Slots {
    fn of(value: Value) -> Found<Self> {
        match value {
            Value::Array(slots) => Ok(Self(slots.into_iter())),
            other => Err(NotRead(other)),
        }
    }

    fn next(&mut self) -> Found<Value> {
        self.0.next().ok_or(NotRead(Value::Nil))
    }

    fn is_empty(&self) -> bool {
        self.0.len() == 0
    }
}

impl Read for Admission {
    fn read(value: Value) -> Found<Self> {
        let mut slots = Slots::of(value)?;
        let verdict = BString::read(slots.next()?)?.into();
        let policy = BString::read(slots.next()?)?;
        let requests = window(&mut slots)?;
        let retry_after_ms = bounded(slots.next()?)?;
        let tokens = if slots.is_empty() { None } else { Some(window(&mut slots)?) };
        Ok(Self { verdict, policy, requests, retry_after_ms, tokens })
    }
}

fn window(slots: &mut Slots) -> Found<Window> {
    Ok(Window {
        limit: bounded(slots.next()?)?,
        remaining: bounded(slots.next()?)?,
        reset_ms: u64::read(slots.next()?)?,
    })
}

impl Read for MoneyReply {
    fn read(value: Value) -> Found<Self> {
        let mut slots = Slots::of(value)?;
        Ok(Self {
            outcome: outcome(BString::read(slots.next()?)?),
            spent: Money::read(slots.next()?)?,
            limit: limit(slots.next()?)?,
            held: Money::read(slots.next()?)?,
            credits: Money::read(slots.next()?)?,
            tier: BString::read(slots.next()?)?,
            standing: BString::read(slots.next()?)?,
        })
    }
}

fn outcome(word: BString) -> Outcome {
    match word.as_slice() {
        b"OK" => Outcome::Ok,
        b"DUPLICATE" => Outcome::Duplicate,
        b"LATE" => Outcome::Late,
        _ => Outcome::Other(word),
    }
}

impl Read for Reservation {
    fn read(value: Value) -> Found<Self> {
        let mut slots = Slots::of(value)?;
        Ok(Self {
            verdict: BString::read(slots.next()?)?.into(),
            token: u64::read(slots.next()?)?,
            ttl_ms: bounded(slots.next()?)?,
            policy: BString::read(slots.next()?)?,
            limit: bounded(slots.next()?)?,
            used: u64::read(slots.next()?)?,
        })
    }
}

/// A map by its names; a newer module may have more of them.
struct Fields(HashMap<BString, Value>);

impl Fields {
    fn of(value: Value) -> Found<Self> {
        let pairs: Vec<(Value, Value)> = match value {
            Value::Map(pairs) => pairs,
            Value::Array(flat) if flat.len() % 2 == 0 => {
                flat.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
            }
            other => return Err(NotRead(other)),
        };
        let pairs = pairs.into_iter().map(|(name, value)| Ok((BString::read(name)?, value)));
        pairs.collect::<Found<_>>().map(Self)
    }

    fn take(&mut self, name: &str) -> Found<Value> {
        self.0.remove(&BString::from(name)).ok_or_else(|| NotRead(Value::SimpleString(name.into())))
    }

    fn read<T: Read>(&mut self, name: &str) -> Found<T> {
        T::read(self.take(name)?)
    }
}

impl Read for Account {
    fn read(value: Value) -> Found<Self> {
        let mut fields = Fields::of(value)?;
        Ok(Self {
            tier: fields.read("tier")?,
            tier_source: fields.read("tier_source")?,
            standing: fields.read("standing")?,
            blocked_reason: fields.read("blocked_reason")?,
            payment_method: yes_or_no(fields.read("payment_method")?)?,
            spent: fields.read("spent")?,
            held: fields.read("held")?,
            limit: limit(fields.take("limit")?)?,
            limit_source: fields.read("limit_source")?,
            remaining: limit(fields.take("remaining")?)?,
            credits: fields.read("credits")?,
            promo: fields.read("promo")?,
            owed: fields.read("owed")?,
            history: fields.read("history")?,
            next_tier: fields.read("next_tier")?,
            next_tier_gap: fields.read("next_tier_gap")?,
            period_start_ms: fields.read("period_start_ms")?,
            period_end_ms: fields.read("period_end_ms")?,
            previous_spent: fields.read("previous_spent")?,
            open_holds: fields.read("open_holds")?,
            leases: fields.read("leases")?,
            failed_invoices: fields.read("failed_invoices")?,
            anchor_day: fields.read("anchor_day")?,
            created_ms: fields.read("created_ms")?,
        })
    }
}

fn yes_or_no(word: BString) -> Found<bool> {
    match word.as_slice() {
        b"yes" => Ok(true),
        b"no" => Ok(false),
        _ => Err(NotRead(Value::BulkString(word.into()))),
    }
}

impl Read for Limit {
    fn read(value: Value) -> Found<Self> {
        let mut fields = Fields::of(value)?;
        let name: BString = fields.read("name")?;
        let figure = |text: BString| {
            if name == "spend" {
                parsed(text).map(Figure::Money)
            } else {
                parsed(text).map(Figure::Count)
            }
        };
        let bound = |text: BString| {
            if text == "unlimited" { Ok(None) } else { figure(text).map(Some) }
        };
        let limit = bound(fields.read("limit")?)?;
        let max = bound(fields.read("max")?)?;
        let used = figure(fields.read("used")?)?;
        let remaining = bound(fields.read("remaining")?)?;
        let source = fields.read("source")?;
        Ok(Self { name, limit, max, used, remaining, source })
    }
}

impl Read for OpenHold {
    fn read(value: Value) -> Found<Self> {
        let mut fields = Fields::of(value)?;
        Ok(Self {
            id: fields.read("id")?,
            amount: fields.read("amount")?,
            charged: fields.read("charged")?,
            held: fields.read("held")?,
            tokens: fields.read("tokens")?,
            scope: fields.read("scope")?,
            admitted_ms: fields.read("admitted_ms")?,
            lapses_ms: fields.read("lapses_ms")?,
        })
    }
}

impl Read for HeldLease {
    fn read(value: Value) -> Found<Self> {
        let mut fields = Fields::of(value)?;
        let quotas = Fields::of(fields.take("quotas")?)?.0;
        let counts = quotas.into_iter().map(|(name, count)| Ok((name, u64::read(count)?)));
        Ok(Self {
            id: fields.read("id")?,
            token: fields.read("token")?,
            quotas: counts.collect::<Found<BTreeMap<_, _>>>()?,
            ttl_ms: bounded(fields.take("ttl_ms")?)?,
            lapses_ms: bounded(fields.take("lapses_ms")?)?,
        })
    }
}

impl Read for LogEntry {
    fn read(value: Value) -> Found<Self> {
        let mut fields = Fields::of(value)?;
        Ok(Self {
            time_ms: fields.read("time_ms")?,
            event: fields.read("event")?,
            cause: fields.read("cause")?,
        })
    }
}

impl Read for Tier {
    fn read(value: Value) -> Found<Self> {
        let mut fields = Fields::of(value)?;
        Ok(Self {
            name: fields.read("name")?,
            limit: limit(fields.take("limit")?)?,
            history: fields.read("history")?,
        })
    }
}

impl Read for Explanation {
    fn read(value: Value) -> Found<Self> {
        let mut lines = Vec::<BString>::read(value)?;
        if lines.is_empty() {
            return Err(NotRead(Value::Array(Vec::new())));
        }
        let checks = lines.split_off(1);
        let first = lines.remove(0);
        let (verdict, policy) = match bstr::ByteSlice::split_once_str(first.as_slice(), " ") {
            Some((verdict, policy)) => (verdict, policy),
            None => (first.as_slice(), &b""[..]),
        };
        Ok(Self { verdict: Verdict::from(BString::from(verdict)), policy: policy.into(), checks })
    }
}
