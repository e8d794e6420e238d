//! The layer: before the model answers, the account is asked, and the most that the request may cost
//! is set aside.
//!
//! The account comes from the gateway's own table and from nothing that the caller wrote: under
//! `fw.new-accounts open` whoever chooses the key of an account makes one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use fw_limits_client::{Ask, AsyncHold, AsyncLimits, Error, Money, Opened, Terms};
use redis::aio::ConnectionManager;
use sha2::{Digest, Sha256};

use crate::api::{self, Chat, Refused};

/// Dollars a token.
const PRICE: &str = "0.000002";
/// Well above the time that the tokens between two partials take.
const HOLD_TTL_MS: u64 = 30_000;
const LONGEST_REQUEST: usize = 1 << 20;

pub type Limits = AsyncLimits<ConnectionManager>;
pub type Held = AsyncHold<ConnectionManager>;

/// What all requests share.
pub struct Gateway {
    pub limits: Limits,
    /// By the digest of the key: looking one up tells nothing by its time.
    pub accounts: HashMap<[u8; 32], String>,
    pub settle_every: Duration,
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// Reads `sk-one=acct:1,sk-two=acct:2`.
pub fn accounts(pairs: &str) -> Result<HashMap<[u8; 32], String>, String> {
    let pairs = pairs.split(',').filter(|pair| !pair.is_empty());
    let account = |pair: &str| match pair.split_once('=') {
        Some((key, account)) => Ok((digest(key), account.to_owned())),
        None => Err("GATEWAY_KEYS is pairs of key=account, with commas between".to_owned()),
    };
    pairs.map(account).collect()
}

/// What tokens cost.
pub fn cost(tokens: u64) -> Money {
    let price: Option<Money> = PRICE.parse().ok();
    // More than there is fits no limit, and is denied.
    price.and_then(|price| price.checked_mul(tokens)).unwrap_or(Money::MAX)
}

/// The hold of a request, for whoever serves it to take. Left where it is, it is voided.
#[derive(Clone)]
pub struct Ticket(Arc<Mutex<Option<Held>>>);

impl Ticket {
    pub fn take(&self) -> Option<Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Admits a request with a hold, and hands it on with its [`Ticket`].
pub async fn held(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let account = account_of(&gateway, request.headers()).ok_or_else(api::unknown_key)?;
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, LONGEST_REQUEST).await.map_err(|_| api::too_long())?;
    let chat = Chat::read(&body)?;
    let hold = admitted(&gateway.limits, account, &chat).await?;
    let headers = api::headers(hold.admission().headers());
    parts.extensions.insert(Ticket(Arc::new(Mutex::new(Some(hold)))));
    let mut response = next.run(Request::from_parts(parts, Body::from(body))).await;
    response.headers_mut().extend(headers);
    Ok(response)
}

fn account_of<'a>(gateway: &'a Gateway, headers: &HeaderMap) -> Option<&'a str> {
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let known = gateway.accounts.get(&digest(key)).map(String::as_str);
    known.filter(|_| scheme.eq_ignore_ascii_case("bearer"))
}

async fn admitted(limits: &Limits, account: &str, chat: &Chat) -> Result<Held, Refused> {
    let most = chat.prompt() + chat.max_tokens;
    let ask = Ask::default().scope(&chat.model).tokens(most);
    let terms = Terms::of(cost(most)).ttl_ms(HOLD_TTL_MS);
    let mut answer = limits.hold(account, terms.clone(), &ask).await;
    if answer.as_ref().is_err_and(Error::is_unavailable) {
        // The connection may be an old one. Under the same id nothing is taken twice.
        answer = limits.hold(account, terms, &ask).await;
    }
    match answer {
        Ok(Opened::Admitted(hold)) => Ok(hold),
        Ok(Opened::Denied(admission)) => Err(api::denied(&admission)),
        Err(error) => {
            log::error!("no verdict for {account}: {error}");
            Err(api::unavailable())
        }
    }
}
