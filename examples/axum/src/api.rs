//! The requests and the errors of the API, in OpenAI's form.

use axum::Json;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use fw_limits_client::{Admission, http};
use serde::Deserialize;
use serde_json::{Value, json};

/// What is asked of a model.
#[derive(Deserialize)]
pub struct Chat {
    pub model: String,
    pub messages: Vec<Message>,
    #[serde(default = "usual")]
    pub max_tokens: u64,
}

#[derive(Deserialize)]
pub struct Message {
    pub content: String,
}

fn usual() -> u64 {
    256
}

impl Chat {
    /// Reads a request; its model becomes a scope, and its `max_tokens` money.
    pub fn read(body: &[u8]) -> Result<Self, Refused> {
        let chat: Self = serde_json::from_slice(body).map_err(|error| invalid(&error))?;
        let named =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        if !(1..=64).contains(&chat.model.len()) || !chat.model.bytes().all(named) {
            return Err(invalid(&"model: 1 to 64 of a-z, 0-9, '.', '_' and '-'"));
        }
        if !(1..=4096).contains(&chat.max_tokens) {
            return Err(invalid(&"max_tokens: 1 to 4096"));
        }
        Ok(chat)
    }

    /// The tokens of the prompt: a word each.
    pub fn prompt(&self) -> u64 {
        self.messages.iter().flat_map(|message| message.content.split_whitespace()).map(|_| 1).sum()
    }
}

/// An answer that is an error.
#[derive(Debug)]
pub struct Refused {
    status: StatusCode,
    code: String,
    message: String,
    headers: http::Fields,
}

pub fn error_body(code: &str, message: &str) -> Value {
    json!({"error": {"message": message, "type": code, "param": null, "code": code}})
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = Json(error_body(&self.code, &self.message));
        (self.status, headers(self.headers), body).into_response()
    }
}

fn refused(status: StatusCode, code: &str, message: &str) -> Refused {
    let (code, message) = (code.to_owned(), message.to_owned());
    Refused { status, code, message, headers: Vec::new() }
}

fn invalid(why: &dyn std::fmt::Display) -> Refused {
    refused(StatusCode::BAD_REQUEST, "invalid_request", &why.to_string())
}

pub fn too_long() -> Refused {
    refused(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", "The request is too long.")
}

pub fn unknown_key() -> Refused {
    refused(StatusCode::UNAUTHORIZED, "invalid_api_key", "This API key is not known.")
}

/// Without a verdict nothing is served.
pub fn unavailable() -> Refused {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let mut refused = refused(status, "unavailable", "The limits cannot be asked now.");
    refused.headers.push(("retry-after", "1".to_owned()));
    refused
}

pub fn denied(admission: &Admission) -> Refused {
    let status = StatusCode::from_u16(admission.http_status());
    let verdict = admission.verdict.to_string().to_lowercase();
    let policy = admission.policy.to_string().replace(',', ", ");
    let mut refused = refused(
        status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
        &verdict,
        &format!("{verdict}: {policy}"),
    );
    refused.headers = admission.headers();
    refused
}

/// The fields of an admission, as headers.
pub fn headers(fields: http::Fields) -> HeaderMap {
    let header = |(name, value): (&'static str, String)| {
        let value = HeaderValue::from_str(&value).ok()?;
        Some((HeaderName::from_static(name), value))
    };
    fields.into_iter().filter_map(header).collect()
}
