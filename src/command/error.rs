//! Errors: malformed or impossible commands. A denial is not one.
//!
//! A message is one line that says what is wrong, which argument, and what to do. Of what a client
//! sent it shows at most 32 printable ASCII characters.

use std::fmt::Write;

use crate::engine::verdict::Refusal;

/// What a client branches on: the first word of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Syntax, range, or a bound.
    Err,
    /// There is no such account.
    NoAccount,
    /// There is no such hold.
    NoHold,
    /// There is no such lease.
    NoLease,
    /// The lease has another token.
    Stale,
    /// The id was used for something else.
    Conflict,
    /// It is not allowed.
    NotAllowed,
    /// The server has no memory to spare.
    Oom,
}

/// An error as it is replied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What a client branches on.
    pub code: Code,
    /// What a person reads.
    pub text: String,
}

impl Error {
    /// An error of syntax or range.
    pub fn malformed(text: impl Into<String>) -> Self {
        Self { code: Code::Err, text: text.into() }
    }

    /// An error of another kind.
    pub fn of(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// The line that is replied, without its end.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}", self.code.word(), self.text)
    }
}

impl Code {
    /// The first word of the line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Err => "ERR",
            Self::NoAccount => "NOACCOUNT",
            Self::NoHold => "NOHOLD",
            Self::NoLease => "NOLEASE",
            Self::Stale => "STALE",
            Self::Conflict => "CONFLICT",
            Self::NotAllowed => "NOTALLOWED",
            Self::Oom => "OOM",
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoAccount => {
                Self::of(Code::NoAccount, "there is no such account; FW.SET or FW.TOPUP creates it")
            }
            Refusal::NoHold => Self::of(
                Code::NoHold,
                "there is no such hold, or it is forgotten; charge with FW.SPEND and an ID",
            ),
            Refusal::NoLease => Self::of(
                Code::NoLease,
                "there is no such lease, or it has lapsed; reserve it again",
            ),
            Refusal::Stale(token) => Self::of(
                Code::Stale,
                format!("the lease has token {token}; whoever was given another must stop"),
            ),
            Refusal::Conflict => Self::of(
                Code::Conflict,
                "this id was used with another amount or kind; use a new id for a new event",
            ),
            Refusal::AboveMax => Self::of(
                Code::NotAllowed,
                "VALUE is above MAX; choose a lower VALUE or have MAX raised",
            ),
            Refusal::UnknownQuota(name) => {
                let word = Shown(name.as_bytes());
                Self::malformed(format!(
                    "argument 2 {word} is not the name of a limit; fw.quotas names the quotas"
                ))
            }
            Refusal::TooMuch(what) => Self::malformed(format!(
                "{what} would pass 9223372036854775807 units; nothing changed"
            )),
            Refusal::Full(what, bound) => Self::malformed(format!(
                "the account has {bound} {what} already, the most there can be"
            )),
        }
    }
}

/// A client's word as a message may show it.
pub struct Shown<'a>(pub &'a [u8]);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const LONGEST: usize = 32;
        let printable = self.0.iter().filter(|byte| byte.is_ascii_graphic());
        out.write_char('\'')?;
        for &byte in printable.take(LONGEST) {
            out.write_char(char::from(byte))?;
        }
        out.write_char('\'')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_word_is_shown_short_and_printable() {
        assert_eq!(Shown(b"a\r\n-ERR x\0%n\xff").to_string(), "'a-ERRx%n'");
        assert_eq!(Shown(&[b'x'; 100]).to_string().len(), 34);
    }
}
