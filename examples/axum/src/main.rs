//! A gateway before a model that streams chat completions, as an example of holds.
//!
//! A request is admitted with a hold of the most that it may cost, what it really cost is spent when
//! the stream ends, however it ends, and without Redis nothing is served. Environment:
//!
//!     GATEWAY_KEYS      API keys and their accounts: sk-one=acct:1,sk-two=acct:2
//!     GATEWAY_ADDRESS   127.0.0.1:8000; with port 0 it takes one, and prints it
//!     REDIS_URL         redis://127.0.0.1:6379/?protocol=resp3
//!     SETTLE_EVERY_MS   between attempts to record what could not be recorded (1000)

mod answer;
mod api;
mod layer;
mod model;
mod settle;

use std::env;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::routing::post;
use axum::{Router, middleware};
use fw_limits_client::AsyncLimits;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use tokio::net::TcpListener;

use crate::layer::{Gateway, accounts, held};

/// An answer within this or none: a client that waits for Redis is better told so.
const PATIENCE: Duration = Duration::from_secs(1);

fn setting(name: &str, otherwise: &str) -> String {
    env::var(name).unwrap_or_else(|_| otherwise.to_owned())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    env_logger::init();
    let client =
        redis::Client::open(setting("REDIS_URL", "redis://127.0.0.1:6379/?protocol=resp3"))?;
    // It connects anew by itself; the layer asks a second time.
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(0)
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let gateway = Arc::new(Gateway {
        limits: AsyncLimits::new(ConnectionManager::new_lazy_with_config(client, config)?),
        accounts: accounts(&setting("GATEWAY_KEYS", ""))?,
        settle_every: Duration::from_millis(setting("SETTLE_EVERY_MS", "1000").parse()?),
    });
    let app = Router::new()
        .route("/v1/chat/completions", post(answer::chat))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&gateway), held))
        .with_state(gateway);
    let listener = TcpListener::bind(setting("GATEWAY_ADDRESS", "127.0.0.1:8000")).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
