//! What a command answered, whichever way it was asked, as one line of text.
//!
//! A map prints as its keys and values, so RESP2 and RESP3 print alike. The format is described in
//! tests/scenarios/README.md.

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing.
    Nil,
    /// An integer.
    Int(i64),
    /// A simple or bulk string.
    Text(Vec<u8>),
    /// An array, or a map as keys and values.
    List(Vec<Answer>),
    /// An error line.
    Error(String),
}

/// Verdicts that leave an account as it was.
const DENIALS: [&str; 8] = [
    "UNKNOWN_ACCOUNT",
    "SUSPENDED",
    "TOO_LARGE",
    "OVER_BUDGET",
    "RATE_LIMITED",
    "CONCURRENCY_LIMITED",
    "IN_FLIGHT",
    "QUOTA_EXCEEDED",
];

impl Answer {
    /// The whole reply on one line.
    pub fn line(&self) -> String {
        match self {
            Self::List(rows) if !rows.is_empty() => {
                rows.iter().map(Self::word).collect::<Vec<_>>().join(" ")
            }
            other => other.word(),
        }
    }

    /// Holds if the reply is one after which nothing may have changed.
    pub fn changes_nothing(&self) -> bool {
        let first = match self {
            Self::Error(_) => return true,
            Self::List(rows) => rows.first(),
            _ => None,
        };
        let Some(Self::Text(word)) = first else { return false };
        word == b"DUPLICATE" || DENIALS.iter().any(|denial| denial.as_bytes() == word)
    }

    /// The value of a key of a map.
    pub fn value(&self, key: &str) -> Option<&Self> {
        let Self::List(rows) = self else { return None };
        let mut pairs = rows.chunks_exact(2);
        pairs.find(|pair| pair[0] == Self::Text(key.into())).map(|pair| &pair[1])
    }

    /// One element of a reply.
    pub fn word(&self) -> String {
        match self {
            Self::Nil => "(nil)".to_owned(),
            Self::Int(number) => number.to_string(),
            Self::Text(bytes) => shown(bytes),
            Self::List(rows) => {
                let rows: Vec<String> = rows.iter().map(Self::word).collect();
                format!("[{}]", rows.join(" "))
            }
            Self::Error(line) => {
                format!("(error) {}", line.split(' ').next().unwrap_or_default())
            }
        }
    }
}

fn shown(bytes: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"\\[]".contains(byte);
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    format!("\"{}\"", bytes.escape_ascii())
}
