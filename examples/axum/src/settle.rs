//! What a request cost, from its first token to the record of it.
//!
//! However the stream ends, the tab is closed: by its end, by the model's failure, or by being
//! dropped when the client goes away, which then pays for what was streamed. What Redis misses is
//! sent again until Redis has it. A real gateway keeps that on disk, too: a `Settlement` is a plain
//! value.

use std::sync::Arc;

use fw_limits_client::{Error, Settlement};
use tokio::runtime::Handle;

use crate::layer::{Gateway, Held, cost};

/// Tokens between two partials; they come well within the hold's TTL.
const PARTIAL_EVERY: u64 = 20;

/// The tab of one request.
pub struct Tab {
    gateway: Arc<Gateway>,
    hold: Option<Held>,
    pub prompt: u64,
    pub total: u64,
}

impl Tab {
    /// Begins with what the prompt costs.
    pub fn open(gateway: Arc<Gateway>, mut hold: Held, prompt: u64) -> Self {
        hold.used(cost(prompt), prompt);
        Self { gateway, hold: Some(hold), prompt, total: prompt }
    }

    /// Counts a token before it is sent, so that what was sent is charged.
    pub async fn count(&mut self) {
        self.total += 1;
        let (amount, tokens) = (cost(self.total), self.total);
        let Some(hold) = &mut self.hold else { return };
        hold.used(amount, tokens);
        if (self.total - self.prompt).is_multiple_of(PARTIAL_EVERY)
            && let Err(error) = hold.partial(amount, tokens).await
        {
            // The total is said again later.
            log::warn!("{error}");
        }
    }

    /// Records the total.
    pub async fn close(&mut self) {
        if let Some(hold) = self.hold.take() {
            spent(Arc::clone(&self.gateway), hold).await;
        }
    }

    /// Nothing is charged but what a partial has charged already.
    pub async fn void(&mut self) {
        if let Some(mut hold) = self.hold.take()
            && let Err(error) = hold.void().await
        {
            log::warn!("hold {} lapses by itself: {error}", hold.id());
        }
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        if let (Some(hold), Ok(runtime)) = (self.hold.take(), Handle::try_current()) {
            runtime.spawn(spent(Arc::clone(&self.gateway), hold));
        }
    }
}

async fn spent(gateway: Arc<Gateway>, mut hold: Held) {
    match (hold.finish().await, hold.settlement()) {
        (Ok(_), _) => {}
        (Err(error), Some(settlement)) if error.is_unavailable() => {
            tokio::spawn(later(gateway, settlement));
        }
        (Err(error), _) => refused(&error, hold.id()),
    }
}

async fn later(gateway: Arc<Gateway>, settlement: Settlement) {
    loop {
        tokio::time::sleep(gateway.settle_every).await;
        match gateway.limits.settle(&settlement).await {
            Ok(_) => return,
            Err(error) if error.is_unavailable() => {}
            Err(error) => return refused(&error, &settlement.id),
        }
    }
}

fn refused(error: &Error, id: &dyn std::fmt::Display) {
    log::error!("hold {id} cannot be spent: {error}");
}
