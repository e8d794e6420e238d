//! A command as a value: the words to send, and how to read the reply.

use redis::{Cmd, ConnectionLike, RedisError, Value};

use crate::read::{NotRead, Read};
use crate::{Error, Result};

/// One command, ready to be sent, and the type of its reply. [`commands`](crate::commands) makes
/// them.
///
/// In a pipeline [`Command::cmd`] is what is added, and [`Command::answer`] reads its reply.
#[derive(Clone, Debug)]
pub struct Command<T> {
    cmd: Cmd,
    read: fn(Value) -> std::result::Result<T, NotRead>,
}

impl<T> Command<T> {
    pub(crate) fn of(cmd: Cmd) -> Self
    where
        T: Read,
    {
        Self { cmd, read: T::read }
    }

    /// The words.
    pub fn cmd(&self) -> &Cmd {
        &self.cmd
    }

    /// Sends the command, and reads its reply.
    ///
    /// # Errors
    /// The command was refused, or there was no answer.
    pub fn run(&self, connection: &mut impl ConnectionLike) -> Result<T> {
        self.answer(connection.req_command(&self.cmd)?)
    }

    /// Sends the command on an asynchronous connection, and reads its reply.
    ///
    /// # Errors
    /// The command was refused, or there was no answer.
    #[cfg(feature = "aio")]
    pub async fn run_async(&self, connection: &mut impl redis::aio::ConnectionLike) -> Result<T> {
        self.answer(connection.req_packed_command(&self.cmd).await?)
    }

    /// Reads a reply, which may be an error among the replies of a pipeline.
    ///
    /// # Errors
    /// The reply is an error, or is not understood: that is no OK.
    pub fn answer(&self, reply: Value) -> Result<T> {
        if let Value::ServerError(error) = reply {
            return Err(RedisError::from(error).into());
        }
        (self.read)(reply).map_err(|NotRead(reply)| {
            let name = self.cmd.args_iter().next();
            let command = match name {
                Some(redis::Arg::Simple(name)) => String::from_utf8_lossy(name).into_owned(),
                _ => String::new(),
            };
            Error::NotUnderstood { command, reply: format!("{reply:?}") }
        })
    }
}
