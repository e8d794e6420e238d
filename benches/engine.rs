//! What deciding costs, without a server: criterion on the engine and the codec.
//!
//! Requests are parsed from the words of the commands, so that nothing here depends on how the
//! engine keeps them. `FW_BENCH_KEEP=yes` keeps the medians, with their confidence intervals.

#![allow(clippy::expect_used, clippy::panic, dead_code, missing_docs)]

mod support;

use std::hint::black_box;
use std::path::Path;
use std::time::SystemTime;

use criterion::Criterion;
use fw_limits::codec;
use fw_limits::command::Command;
use fw_limits::command::admit::Admit;
use fw_limits::command::args::Args;
use fw_limits::command::peek::Peek;
use fw_limits::command::spend::Spend;
use fw_limits::engine::account::Account;
use fw_limits::engine::apply;
use fw_limits::engine::decide::{Request, Rules, judge};
use fw_limits::engine::effect::Effect;
use fw_limits::engine::index::Hashing;
use fw_limits::engine::limit::{Limit, Units};
use fw_limits::engine::policy::{NewAccounts, Policy};
use fw_limits::engine::time::Millis;
use support::figures::{Figure, Figures};
use support::scenario::words;

/// One account, and all that its rules need.
struct One {
    account: Option<Box<Account>>,
    policy: Policy,
    clock: i64,
    hashing: Hashing,
}

impl One {
    /// An account that was admitted once, with a limit and this many open holds.
    fn new(limit: i64, holds: usize) -> Self {
        let requests = Limit::At(Units::new(limit).expect("a count"));
        let mut policy = Policy { new_accounts: NewAccounts::Open, requests, ..Policy::default() };
        // Time moves as the benches go on, and none of the holds may lapse.
        policy.hold_ttl = Millis(86_400_000);
        let hashing = Hashing::with_seeds([1, 2, 3, 4]);
        let clock = 1_700_000_000_000;
        let mut one = Self { account: None, policy, clock, hashing };
        one.run::<Admit>("FW.ADMIT a", |_| ());
        for at in 0..holds {
            one.run::<Admit>(&format!("FW.ADMIT a COST 0 HOLD hold-{at} 0.000001"), |_| ());
        }
        one
    }

    fn account(&self) -> &Account {
        self.account.as_ref().expect("an account")
    }

    fn rules(&self) -> Rules<'_> {
        Rules { policy: &self.policy, clock: Millis(self.clock), hashing: &self.hashing }
    }

    /// Judges; whether something would change. The decision is looked at where it lies, as the
    /// server does.
    fn judge(&self, request: &impl Request) -> bool {
        let judged = judge(black_box(request), self.account.as_deref(), &self.rules());
        match black_box(&judged) {
            Ok(decision) => decision.effect.is_some(),
            Err(refusal) => panic!("it is refused: {refusal:?}"),
        }
    }

    /// Judges and applies; then the effect can be looked at.
    fn change(&mut self, request: &impl Request, look: impl FnOnce(&Effect)) {
        let judged = judge(black_box(request), self.account.as_deref(), &self.rules());
        let decision = match &judged {
            Ok(decision) => decision,
            Err(refusal) => panic!("it is refused: {refusal:?}"),
        };
        let effect = decision.effect.as_ref().expect("a change");
        match &mut self.account {
            Some(account) => {
                apply::apply(account, effect, &self.hashing);
            }
            None => self.account = apply::create(effect, &self.hashing),
        }
        look(effect);
    }

    fn run<C: Command>(&mut self, line: &str, look: impl FnOnce(&Effect)) {
        let words = words(line);
        let request = C::parse(Args::after(2, &words, &C::DOC), &self.policy);
        self.change(&request.unwrap_or_else(|error| panic!("{line}: {}", error.line())), look);
    }
}

fn admissions(c: &mut Criterion) {
    let plain = words("FW.ADMIT a");
    let policy = Policy::default();
    let admit = || {
        let request = Admit::parse(Args::after(2, &plain, &Admit::DOC), &policy);
        request.unwrap_or_else(|_| panic!("FW.ADMIT parses"))
    };
    for (name, holds) in [("hot account", 0), ("10000 holds", 10_000)] {
        let mut one = One::new(i64::MAX, holds);
        let request = admit();
        c.bench_function(&format!("judge, {name}"), |b| b.iter(|| one.judge(&request)));
        c.bench_function(&format!("judge and apply, {name}"), |b| {
            b.iter(|| {
                one.clock += 1;
                one.change(&request, |_| ());
            });
        });
    }
    let (mut one, mut bytes) = (One::new(i64::MAX, 0), Vec::new());
    let request = admit();
    c.bench_function("judge, apply and encode, hot account", |b| {
        b.iter(|| {
            one.clock += 1;
            one.change(&request, |effect| codec::effect::encode(effect, &mut bytes));
        });
    });
    let one = One::new(1, 0);
    c.bench_function("judge, denied", |b| b.iter(|| one.judge(&request)));
    let peek = Peek::parse(Args::after(2, &plain, &Peek::DOC), &policy);
    let peek = peek.unwrap_or_else(|_| panic!("FW.PEEK parses"));
    let one = One::new(i64::MAX, 0);
    c.bench_function("judge, peek", |b| b.iter(|| one.judge(&peek)));
}

/// A hold and its spend, their words parsed too: each has an id of its own.
fn holds(c: &mut Criterion) {
    for (name, holds) in [("none other", 0), ("9999 others", 9_999)] {
        let (mut one, mut number) = (One::new(i64::MAX, holds), 0_u64);
        c.bench_function(&format!("parse, judge and apply a hold and its spend, {name}"), |b| {
            b.iter(|| {
                (one.clock, number) = (one.clock + 1, number + 1);
                one.run::<Admit>(&format!("FW.ADMIT a HOLD call-{number} 0.000001"), |_| ());
                one.run::<Spend>(&format!("FW.SPEND a 0.000000001 HOLD call-{number}"), |_| ());
            });
        });
    }
}

fn bytes(c: &mut Criterion) {
    let mut one = One::new(i64::MAX, 0);
    let mut out = Vec::new();
    for (name, line) in
        [("an admission", "FW.ADMIT a"), ("a hold", "FW.ADMIT a HOLD 0123456789abcdef 0.01")]
    {
        let mut effect = None;
        one.run::<Admit>(line, |found| effect = Some(found.clone()));
        let effect = &effect.expect("a change");
        c.bench_function(&format!("encode an effect, {name}"), |b| {
            b.iter(|| codec::effect::encode(black_box(effect), &mut out));
        });
        codec::effect::encode(effect, &mut out);
        let blob = out.clone();
        c.bench_function(&format!("decode an effect, {name}"), |b| {
            b.iter(|| codec::effect::decode(black_box(&blob)).is_ok());
        });
    }
    for (name, holds) in [("plain", 0), ("10000 holds", 10_000)] {
        let one = One::new(i64::MAX, holds);
        c.bench_function(&format!("encode an account, {name}"), |b| {
            b.iter(|| codec::account::encode(black_box(one.account()), &mut out));
        });
        codec::account::encode(one.account(), &mut out);
        let blob = out.clone();
        c.bench_function(&format!("decode an account, {name}"), |b| {
            b.iter(|| codec::account::decode(black_box(&blob), &one.hashing).is_ok());
        });
    }
}

fn main() {
    let began = SystemTime::now();
    let mut criterion = Criterion::default().configure_from_args();
    admissions(&mut criterion);
    holds(&mut criterion);
    bytes(&mut criterion);
    criterion.final_summary();
    let mut figures = Figures::new("engine", "no server", "make bench");
    if let Some(rows) = measured(began) {
        figures.rows.extend(rows);
        figures.finish();
    }
}

/// What criterion wrote down since then: nanoseconds, by the names of the benches.
fn measured(since: SystemTime) -> Option<Vec<(String, Figure)>> {
    let bench = std::env::current_exe().ok()?;
    let target = bench.parent().and_then(Path::parent).and_then(Path::parent)?;
    let mut rows = Vec::new();
    for entry in std::fs::read_dir(target.join("criterion")).ok()? {
        let folder = entry.ok()?.path().join("new");
        let json = |name: &str| -> Option<serde_json::Value> {
            serde_json::from_slice(&std::fs::read(folder.join(name)).ok()?).ok()
        };
        let written = std::fs::metadata(folder.join("estimates.json")).and_then(|it| it.modified());
        if written.is_ok_and(|written| written < since) {
            continue;
        }
        let (Some(about), Some(said)) = (json("benchmark.json"), json("estimates.json")) else {
            continue;
        };
        let name = about["full_id"].as_str()?.to_owned();
        let median = &said["median"];
        let bound = |name: &str| median["confidence_interval"][name].as_f64();
        let (low, high) = (bound("lower_bound")?, bound("upper_bound")?);
        rows.push((name, Figure { median: median["point_estimate"].as_f64()?, low, high }));
    }
    Some(rows)
}
