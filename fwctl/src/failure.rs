//! What can go wrong, what is said of it, and the code that the program then ends with.

use redis::{ErrorKind, RedisError};

/// Why a command did not do, or did not find, what it was asked for.
#[derive(Debug)]
pub enum Failure {
    /// A reply that is none, or an output that cannot be written.
    Broken(String),
    /// An argument that clap cannot judge.
    Usage(String),
    /// There is no such account.
    NoAccount(String),
    /// The request would be denied; the output has said why.
    Denied,
    /// The server cannot be reached, or cannot answer now.
    Unavailable(String),
    /// The server refused the command.
    Refused(String),
    /// Whoever read the output has seen enough.
    Closed,
}

/// What ends with which code, for `--help`.
pub const CODES: &str = "\
Exit codes:
  0  done; admitted; done before under this id (DUPLICATE)
  1  a reply or an output that is broken
  2  wrong usage
  3  no such account
  4  explain: the request would be denied
  5  the server cannot be reached, or cannot answer now
  6  the server refused: NOTALLOWED, CONFLICT, WRONGTYPE, NOPERM ..., or it has no fw module";

/// Errors that pass by themselves.
const PASSING: [&str; 7] =
    ["LOADING", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "MOVED", "ASK", "BUSY"];

impl Failure {
    /// The code that the program ends with.
    pub fn code(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Broken(_) => 1,
            Self::Usage(_) => 2,
            Self::NoAccount(_) => 3,
            Self::Denied => 4,
            Self::Unavailable(_) => 5,
            Self::Refused(_) => 6,
        }
    }

    /// What is said on stderr, if something is.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Closed | Self::Denied => None,
            Self::Broken(text)
            | Self::Usage(text)
            | Self::NoAccount(text)
            | Self::Unavailable(text)
            | Self::Refused(text) => Some(text),
        }
    }

    /// A reply that the module does not give.
    pub fn reply(what: &str) -> Self {
        Self::Broken(format!("the reply is not one of fw-limits: {what}"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::Closed;
        }
        Self::Broken(format!("the output cannot be written: {error}"))
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        let Some(code) = error.code() else { return without_code(&error) };
        let detail = error.detail().unwrap_or_default();
        let line = format!("{code} {detail}");
        if PASSING.contains(&code) {
            return Self::Unavailable(line);
        }
        match code {
            "NOACCOUNT" => Self::NoAccount(line),
            "NOAUTH" => Self::Refused(format!("{line} (give it in REDISCLI_AUTH)")),
            "ERR" if detail.starts_with("unknown command") => Self::Refused(
                "the server does not know the command: it has no fw module, or an older one; \
                 load it as docs/install.md of fw-limits says"
                    .to_owned(),
            ),
            _ => Self::Refused(line),
        }
    }
}

fn without_code(error: &RedisError) -> Failure {
    match error.kind() {
        ErrorKind::AuthenticationFailed => {
            Failure::Refused("the server does not accept the user or the password".to_owned())
        }
        ErrorKind::Io | ErrorKind::ClusterConnectionNotFound => {
            Failure::Unavailable(error.to_string())
        }
        _ => Failure::Broken(error.to_string()),
    }
}
