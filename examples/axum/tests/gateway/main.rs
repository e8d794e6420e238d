//! The gateway over real HTTP, with everything that can happen to a stream.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod gateway;
#[path = "../../../../clients/rust/tests/client/support.rs"]
#[allow(dead_code, unused_imports, unused_macros, reason = "the client's own tests use more of it")]
mod support;

use fw_limits_client::Money;
use gateway::{Answer, Gateway, MOST, PROMPT, TTL_MS, account, chat};
use reqwest::StatusCode;

use support::server::Server;
use support::{KEY, money, started, until};

fn cost(tokens: u64) -> Money {
    money("0.000002").checked_mul(tokens).unwrap()
}

/// Waits until nothing is held and so many tokens are charged.
fn until_settled(server: &mut Server, tokens: u64) {
    let expected = (cost(tokens).to_string(), "0".to_owned(), 0);
    until(|| account(server) == expected, "it was not settled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_held_and_spent() {
    let mut server = started();
    server.must(&format!("FW.LIMIT {KEY} tokens MAX 1000"));
    let gateway = Gateway::before(&server);
    let mut answer = chat(&gateway, "model").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("x-ratelimit-remaining-requests"), Some("599"));
    assert_eq!(answer.header("x-ratelimit-remaining-tokens"), Some("965"));
    let windows = "\"requests\";r=599;t=60, \"tokens\";r=965;t=60";
    assert_eq!(answer.header("ratelimit"), Some(windows));
    assert_eq!(answer.header("retry-after"), None);
    let events = answer.read_all().await.unwrap();
    assert_eq!(events.len(), 31);
    assert_eq!(events[30]["usage"]["total_tokens"], PROMPT + MOST);
    assert!(answer.is_done());
    // It is spent before the stream ends.
    let settled = (cost(PROMPT + MOST).to_string(), "0".to_owned(), 0);
    assert_eq!(account(&mut server), settled);
    assert!(server.says(&format!("FW.QUOTAS {KEY} tokens")).contains("used 35"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_is_429_with_a_time_to_come_back() {
    let mut server = started();
    server.must(&format!("FW.LIMIT {KEY} requests MAX 1"));
    let gateway = Gateway::before(&server);
    chat(&gateway, "model").await.read_all().await.unwrap();
    let mut denied = chat(&gateway, "model").await;
    assert_eq!(denied.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(denied.header("retry-after"), Some("60"));
    assert_eq!(denied.header("x-ratelimit-remaining-requests"), Some("0"));
    let error = denied.error().await;
    assert_eq!(error, ("rate_limited".to_owned(), "rate_limited: requests".to_owned()));
    assert_eq!(account(&mut server), (cost(PROMPT + MOST).to_string(), "0".to_owned(), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_denials() {
    let mut server = started();
    let gateway = Gateway::before(&server);
    server.must(&format!("FW.SPEND {KEY} 49.99999"));
    let mut denied = chat(&gateway, "model").await;
    assert_eq!((denied.status.as_u16(), denied.header("retry-after")), (402, None));
    assert_eq!(denied.error().await.0, "over_budget");
    server.must(&format!("FW.SUSPEND {KEY} fraud"));
    server.must(&format!("FW.SPEND {KEY} 50"));
    let mut denied = chat(&gateway, "model").await;
    assert_eq!((denied.status.as_u16(), denied.header("retry-after")), (412, None));
    assert_eq!(denied.error().await.1, "suspended: blocked, spend_limit");
    let mut odd = chat(&gateway, "Mo del").await;
    assert_eq!((odd.status.as_u16(), odd.error().await.0.as_str()), (400, "invalid_request"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_is_that_of_the_key() {
    let mut server = started();
    let gateway = Gateway::before(&server);
    for key in ["sk-nobody", "sk-one=acct", "acct:1", ""] {
        let mut refused = gateway.chat(key, "model").await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert_eq!(refused.error().await.0, "invalid_api_key");
    }
    assert_eq!(server.says("DBSIZE"), "0");
    gateway.chat("sk-two", "model").await.read_all().await.unwrap();
    assert_eq!(server.says("KEYS *"), "acct:2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_fails_costs_nothing() {
    let mut server = started();
    let gateway = Gateway::before(&server);
    let events = chat(&gateway, "model-fails-3").await.read_all().await.unwrap();
    assert_eq!((events.len(), events[3]["error"]["code"].as_str()), (4, Some("model_failed")));
    until_settled(&mut server, 0);
    // What a partial has charged stays.
    chat(&gateway, "model-fails-25").await.read_all().await.unwrap();
    until_settled(&mut server, PROMPT + 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_pays_what_was_streamed() {
    let mut server = started();
    let gateway = Gateway::before(&server);
    let mut answer = chat(&gateway, "model-stalls-3").await;
    answer.words(3).await;
    assert_eq!(account(&mut server).2, 1);
    drop(answer);
    until_settled(&mut server, PROMPT + 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_killed_leaks_nothing() {
    let mut server = started();
    let mut gateway = Gateway::before(&server);
    let mut answer = chat(&gateway, "model-stalls-25").await;
    answer.words(25).await;
    gateway.kill();
    assert!(answer.read_all().await.is_err(), "the stream breaks off");
    // A partial after 20 tokens has charged so much; the rest is held until the hold lapses.
    let held = (cost(PROMPT + 20).to_string(), cost(10).to_string(), 1);
    assert_eq!(account(&mut server), held);
    server.must(&format!("FW.CLOCK ADVANCE {}", TTL_MS - 1));
    assert_eq!(account(&mut server), held);
    server.must("FW.CLOCK ADVANCE 1");
    let lapsed = (cost(PROMPT + 20).to_string(), "0".to_owned(), 0);
    assert_eq!(account(&mut server), lapsed);
    let gateway = Gateway::before(&server);
    chat(&gateway, "model").await.read_all().await.unwrap();
    until_settled(&mut server, PROMPT + 20 + PROMPT + MOST);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_nothing_is_served() {
    let mut server = started();
    let gateway = Gateway::before(&server);
    chat(&gateway, "model").await.read_all().await.unwrap();
    server.kill();
    for _ in 0..2 {
        let mut refused = chat(&gateway, "model").await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert_eq!(refused.error().await.0, "unavailable");
    }
    server.restart();
    let mut served = chat(&gateway, "model").await;
    assert_eq!(served.status, StatusCode::OK);
    served.read_all().await.unwrap();
}

/// Redis goes away in mid-stream: the stream goes on, and its cost is recorded once.
#[tokio::test(flavor = "multi_thread")]
async fn what_redis_missed_is_recorded_when_it_is_back() {
    // On the clock of the day, which a restart does not move.
    let mut server = Server::start(&[]);
    let gateway = Gateway::before(&server);
    let mut answer = chat(&gateway, "model-stalls-3").await;
    answer.words(3).await;
    server.kill();
    drop(answer);
    server.restart();
    until_settled(&mut server, PROMPT + 3);
    // A server that has lost the hold, and the account.
    let mut answer = chat(&gateway, "model-stalls-3").await;
    answer.words(3).await;
    server.must("FLUSHALL");
    drop(answer);
    until_settled(&mut server, PROMPT + 3);
    assert_eq!(gateway.errors(), "");
}

/// Two gateways race for an account that can pay ten requests; each holds its most.
#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_never_pass_the_limit_together() {
    let mut server = started();
    let limit = cost((PROMPT + MOST) * 10);
    server.must(&format!("FW.LIMIT {KEY} spend MAX {limit}"));
    let both = [Gateway::before(&server), Gateway::before(&server)];
    let asked = (0..40).map(|number| both[number % 2].chat("sk-one", "model-stalls-3"));
    let answers = futures_util::future::join_all(asked).await;
    let (served, denied): (Vec<Answer>, Vec<Answer>) =
        answers.into_iter().partition(|answer| answer.status == StatusCode::OK);
    assert_eq!((served.len(), denied.len()), (10, 30));
    for mut answer in denied {
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(answer.error().await.0, "in_flight");
    }
    let (spent, held, open) = account(&mut server);
    assert_eq!((money(&spent).checked_add(money(&held)), open), (Some(limit), 10));
    drop(served);
    // Each may have streamed up to three words before its client went away.
    until(|| account(&mut server).2 == 0, "they were not settled");
    let spent = money(&account(&mut server).0);
    assert!(spent >= cost(PROMPT * 10) && spent <= cost((PROMPT + 3) * 10), "{spent}");
}
