//! What keeps a call from its reply, by kind.

use redis::RedisError;

/// Why there is no reply. Whichever it is, nothing was admitted: do not serve what costs money.
///
/// A denial is no error: it is an [`Admission`](crate::Admission) or a
/// [`Reservation`](crate::Reservation). The texts are the module's own.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Malformed, out of range, or at a bound of the account; the text names the argument.
    #[error("ERR {0}")]
    Invalid(String),
    /// The key holds something that is no account.
    #[error("WRONGTYPE {0}")]
    WrongType(String),
    /// There is no such account, and `fw.new-accounts` is `reject`.
    #[error("NOACCOUNT {0}")]
    NoAccount(String),
    /// The hold was never seen, is forgotten, or (EXTEND) is not open.
    #[error("NOHOLD {0}")]
    NoHold(String),
    /// The lease is unknown or has lapsed: what ran under it must stop.
    #[error("NOLEASE {0}")]
    NoLease(String),
    /// The lease has another token: whoever sent this one is no longer its owner.
    #[error("STALE {0}")]
    Stale(String),
    /// The id was used before, with another amount or in another way.
    #[error("CONFLICT {0}")]
    Conflict(String),
    /// A VALUE above MAX, or a command that clients may not send.
    #[error("NOTALLOWED {0}")]
    NotAllowed(String),
    /// `maxmemory` is reached: no new hold, lease or account. What was used is still recorded.
    #[error("OOM {0}")]
    OutOfMemory(String),
    /// Nobody answered, or a server that cannot now: the command may have happened or not. With an
    /// id it may be sent again.
    #[error("Redis is away: {0}")]
    Unavailable(#[source] RedisError),
    /// The server refused for a reason that is none of the module's, such as NOPERM or NOAUTH.
    #[error(transparent)]
    Refused(RedisError),
    /// A reply that is not of the form that the module's replies have; it is no OK.
    #[error("{command} replied {reply}, which is not understood")]
    NotUnderstood {
        /// The command's name.
        command: String,
        /// The reply.
        reply: String,
    },
    /// A hold was to be finished, and nobody had said what the request cost. It was voided.
    #[error("nobody said what hold {0} cost; it was voided")]
    CostUnknown(String),
}

/// Codes of servers that will be able to answer later.
const AWAY: &[&str] = &[
    "LOADING",
    "BUSY",
    "CLUSTERDOWN",
    "MASTERDOWN",
    "TRYAGAIN",
    "MOVED",
    "ASK",
    "READONLY",
    "NOREPLICAS",
    "MISCONF",
    "UNBLOCKED",
];

impl Error {
    /// Holds if there was no answer, but may be one later: answer 503, and send what has an id
    /// again.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// The code of the error, where it came from the server: `NOHOLD`, `ERR`, `NOPERM`...
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Invalid(_) => Some("ERR"),
            Self::WrongType(_) => Some("WRONGTYPE"),
            Self::NoAccount(_) => Some("NOACCOUNT"),
            Self::NoHold(_) => Some("NOHOLD"),
            Self::NoLease(_) => Some("NOLEASE"),
            Self::Stale(_) => Some("STALE"),
            Self::Conflict(_) => Some("CONFLICT"),
            Self::NotAllowed(_) => Some("NOTALLOWED"),
            Self::OutOfMemory(_) => Some("OOM"),
            Self::Unavailable(error) | Self::Refused(error) => error.code(),
            Self::NotUnderstood { .. } | Self::CostUnknown(_) => None,
        }
    }
}

impl From<RedisError> for Error {
    fn from(error: RedisError) -> Self {
        let text = || error.detail().unwrap_or_default().to_owned();
        match error.code() {
            Some("ERR") => Self::Invalid(text()),
            Some("WRONGTYPE") => Self::WrongType(text()),
            Some("NOACCOUNT") => Self::NoAccount(text()),
            Some("NOHOLD") => Self::NoHold(text()),
            Some("NOLEASE") => Self::NoLease(text()),
            Some("STALE") => Self::Stale(text()),
            Some("CONFLICT") => Self::Conflict(text()),
            Some("NOTALLOWED") => Self::NotAllowed(text()),
            Some("OOM") => Self::OutOfMemory(text()),
            Some(code) if !AWAY.contains(&code) => Self::Refused(error),
            _ => Self::Unavailable(error),
        }
    }
}
