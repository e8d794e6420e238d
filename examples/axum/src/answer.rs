//! The endpoint: a chat completion that streams, in OpenAI's form.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::stream::unfold;
use serde_json::{Value, json};

use crate::api::{Chat, Refused, error_body, unavailable};
use crate::layer::{Gateway, Ticket};
use crate::model::Words;
use crate::settle::Tab;

pub async fn chat(
    State(gateway): State<Arc<Gateway>>,
    Extension(ticket): Extension<Ticket>,
    Json(chat): Json<Chat>,
) -> Result<Response, Refused> {
    let hold = ticket.take().ok_or_else(unavailable)?;
    let tab = Tab::open(gateway, hold, chat.prompt());
    let begun = (tab, Part::Words(Words::of(&chat.model, chat.max_tokens)));
    let events = unfold(begun, |(mut tab, part)| async {
        let (event, part) = next(&mut tab, part).await?;
        Some((Ok::<_, Infallible>(event), (tab, part)))
    });
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response())
}

/// What comes next.
enum Part {
    Words(Words),
    Done,
    Nothing,
}

async fn next(tab: &mut Tab, part: Part) -> Option<(String, Part)> {
    let mut words = match part {
        Part::Words(words) => words,
        Part::Done => return Some(("data: [DONE]\n\n".to_owned(), Part::Nothing)),
        Part::Nothing => return None,
    };
    match words.next().await {
        Some(Ok(word)) => {
            tab.count().await;
            let chunk = json!({"choices": [{"index": 0, "delta": {"content": word}}]});
            Some((event(chunk), Part::Words(words)))
        }
        Some(Err(failed)) => {
            tab.void().await;
            let body = error_body("model_failed", &failed.to_string());
            Some((event(body), Part::Nothing))
        }
        None => {
            tab.close().await;
            let usage = json!({"prompt_tokens": tab.prompt, "total_tokens": tab.total});
            Some((event(json!({"choices": [], "usage": usage})), Part::Done))
        }
    }
}

fn event(mut body: Value) -> String {
    body["object"] = json!("chat.completion.chunk");
    format!("data: {body}\n\n")
}
