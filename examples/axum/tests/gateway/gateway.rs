//! The gateway as a process of its own, and what it answers.

use std::fs::{File, read_to_string};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::support::server::Server;
use super::support::state;

pub const PROMPT: u64 = 5;
pub const MOST: u64 = 30;
/// Of the gateway's holds.
pub const TTL_MS: u64 = 30_000;

/// The built program.
pub struct Gateway {
    port: u16,
    process: Child,
    log: PathBuf,
}

impl Gateway {
    /// Starts it before a server.
    pub fn before(server: &Server) -> Self {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let log = server.folder.join(format!("gateway-{number}.log"));
        let mut process = Command::new(env!("CARGO_BIN_EXE_fw-gateway"))
            .env("GATEWAY_KEYS", "sk-one=acct:1,sk-two=acct:2")
            .env("GATEWAY_ADDRESS", "127.0.0.1:0")
            .env("REDIS_URL", format!("redis://127.0.0.1:{}/?protocol=resp3", server.port))
            .env("SETTLE_EVERY_MS", "10")
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().rsplit(':').next().and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| panic!("the gateway did not start: {line}"));
        Self { port, process, log }
    }

    /// Asks for a completion: a prompt of five words, and at most thirty.
    pub async fn chat(&self, key: &str, model: &str) -> Answer {
        let body = json!({
            "model": model,
            "max_tokens": MOST,
            "messages": [{"role": "user", "content": "say five words or so"}],
            "stream": true,
            // Not what the gateway goes by.
            "user": "acct:1",
            "account": "acct:1",
        });
        // Each client has connections of its own, so that a dropped answer closes one.
        let request = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://127.0.0.1:{}/v1/chat/completions", self.port);
        let response = request.post(url).bearer_auth(key).json(&body).send().await.unwrap();
        Answer { status: response.status(), response, text: String::new() }
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// What it logged as errors.
    pub fn errors(&self) -> String {
        read_to_string(&self.log).unwrap()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// By the key of the account that the tests look at.
pub async fn chat(gateway: &Gateway, model: &str) -> Answer {
    gateway.chat("sk-one", model).await
}

/// What was spent, what is held, and how many holds are open.
pub fn account(server: &mut Server) -> (String, String, i64) {
    if server.says(&format!("EXISTS {}", super::KEY)) == "0" {
        return ("0".to_owned(), "0".to_owned(), 0);
    }
    state(server)
}

/// An answer that is read as it comes.
pub struct Answer {
    pub status: StatusCode,
    response: Response,
    text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    /// Reads until so many words have come.
    pub async fn words(&mut self, count: usize) {
        while self.events().len() < count {
            let chunk = self.response.chunk().await.unwrap().expect("the stream goes on");
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// Reads all that comes.
    pub async fn read_all(&mut self) -> reqwest::Result<Vec<Value>> {
        while let Some(chunk) = self.response.chunk().await? {
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        Ok(self.events())
    }

    /// Whether the stream said that it is whole.
    pub fn is_done(&self) -> bool {
        self.text.ends_with("data: [DONE]\n\n")
    }

    fn events(&self) -> Vec<Value> {
        let whole = self.text.split_inclusive("\n\n").filter(|event| event.ends_with("\n\n"));
        let events = whole.filter_map(|event| event.strip_prefix("data: {"));
        events.map(|event| serde_json::from_str(&format!("{{{event}")).unwrap()).collect()
    }

    /// The code and the message of an error.
    pub async fn error(&mut self) -> (String, String) {
        let mut body = Vec::new();
        while let Some(chunk) = self.response.chunk().await.unwrap() {
            body.extend_from_slice(&chunk);
        }
        let body: Value = serde_json::from_slice(&body).unwrap();
        let word = |name: &str| body["error"][name].as_str().unwrap().to_owned();
        (word("code"), word("message"))
    }
}
