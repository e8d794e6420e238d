//! What deciding costs, without a server: one FW.ADMIT judged, applied and encoded.

#![allow(clippy::expect_used, missing_docs)]

use std::hint::black_box;

use ahash::RandomState;
use criterion::{Criterion, criterion_group, criterion_main};
use fw_limits::codec;
use fw_limits::engine::apply;
use fw_limits::engine::decide::admit::Admit;
use fw_limits::engine::decide::{Rules, judge};
use fw_limits::engine::limit::{Limit, Units};
use fw_limits::engine::policy::{NewAccounts, Policy};
use fw_limits::engine::time::Millis;

fn admit(c: &mut Criterion) {
    let hashing = RandomState::with_seeds(1, 2, 3, 4);
    let requests = Limit::At(Units::new(i64::MAX).expect("a count"));
    let policy = Policy { new_accounts: NewAccounts::Open, requests, ..Policy::default() };
    let request = Admit { cost: Units::of(1), scope: None, tokens: None, hold: None };
    let rules = |clock| Rules { policy: &policy, clock: Millis(clock), hashing: &hashing };
    let mut clock = 1_700_000_000_000;
    let first = judge(&request, None, &rules(clock)).expect("an answer").effect;
    let created = first.and_then(|effect| apply::create(&effect, &hashing));
    let mut account = created.expect("an account");
    let mut bytes = Vec::new();

    c.bench_function("judge an admission", |b| {
        b.iter(|| judge(black_box(&request), Some(&account), &rules(clock)));
    });
    c.bench_function("judge, apply and encode admissions 10 ms apart", |b| {
        b.iter(|| {
            clock += 10;
            let decision = judge(black_box(&request), Some(&account), &rules(clock));
            let effect = decision.expect("an answer").effect.expect("an effect");
            apply::apply(&mut account, &effect, &hashing);
            codec::effect::encode(&effect, &mut bytes);
        });
    });
    c.bench_function("encode an account", |b| {
        b.iter(|| codec::account::encode(black_box(&account), &mut bytes));
    });
    let mut blob = Vec::new();
    codec::account::encode(&account, &mut blob);
    c.bench_function("decode an account", |b| {
        b.iter(|| codec::account::decode(black_box(&blob), &hashing).is_ok());
    });
}

criterion_group!(benches, admit);
criterion_main!(benches);
