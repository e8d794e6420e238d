//! What every command has: a server, keys, an output, and the time.

use std::ffi::{OsStr, OsString};

use redis::{Cmd, Value};

use crate::connect::Server;
use crate::failure::Failure;
use crate::keys::Keys;
use crate::output::{Format, Output};

/// Options of all commands.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The server: redis://, rediss:// (TLS) or redis+unix://. A node of a cluster stands for the
    /// cluster. A password comes from the URL, better in FW_URL, or from REDISCLI_AUTH
    #[arg(
        short,
        long,
        global = true,
        env = "FW_URL",
        hide_env_values = true,
        default_value = "redis://127.0.0.1:6379"
    )]
    pub url: String,
    /// How to print
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table)]
    pub output: Format,
    /// What stands before ACCOUNT in its key: 42 is acct:42. With '' ACCOUNT is the whole key
    #[arg(
        long,
        global = true,
        env = "FW_KEY_PREFIX",
        value_name = "PREFIX",
        default_value = "acct:"
    )]
    pub key_prefix: OsString,
    /// Counts spans from this Unix time in milliseconds, and not from the server's: for servers on a
    /// test clock
    #[arg(long, global = true, hide = true, value_name = "MS")]
    pub now_ms: Option<i64>,
}

/// A connected command.
pub struct Session {
    /// The server.
    pub server: Server,
    /// How accounts become keys.
    pub keys: Keys,
    /// Where replies go.
    pub output: Output,
    now_ms: Option<i64>,
}

impl Session {
    /// Connects.
    pub fn open(options: &Options) -> Result<Self, Failure> {
        Ok(Self {
            server: Server::open(&options.url)?,
            keys: Keys::new(&options.key_prefix),
            output: Output::new(options.output),
            now_ms: options.now_ms,
        })
    }

    /// A command about an account.
    pub fn about(&self, command: &str, account: &OsStr) -> Cmd {
        let mut command = redis::cmd(command);
        command.arg(self.keys.key(account));
        command
    }

    /// What a view shows.
    pub fn view(&mut self, command: &Cmd, account: &OsStr) -> Result<Value, Failure> {
        match self.server.call(command)? {
            Value::Nil => Err(self.no_account(account)),
            value => Ok(value),
        }
    }

    /// The account does not exist.
    pub fn no_account(&self, account: &OsStr) -> Failure {
        let key = crate::text::shown(&self.keys.key(account));
        Failure::NoAccount(format!("no such account: there is no key {key} (see --key-prefix)"))
    }

    /// The time that spans count from, in Unix milliseconds.
    pub fn now(&self) -> i64 {
        self.now_ms.unwrap_or_else(|| self.server.now())
    }
}
