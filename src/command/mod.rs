//! The commands: grammar, parsing, replies and documentation, one file each.
//!
//! Bytes come in as [`args::Args`] and go out through a [`reply::Reply`]; no Redis here, so the
//! tests run the same commands without a server. What a command may do is the engine's to say.

#![forbid(unsafe_code)]

pub mod error;
pub mod grammar;

pub mod args;

pub mod reply;
pub mod setting;

pub mod admit;
pub mod clock;
pub mod explain;
pub mod extend;
pub mod get;
pub mod holds;
pub mod invoice;
pub mod leases;
pub mod limit;
pub mod log;
pub mod peek;
pub mod quota;
pub mod quotas;
pub mod refund;
pub mod resume;
pub mod set;
pub mod spend;
pub mod suspend;
pub mod tiers;
pub mod topup;
pub mod void;

pub mod own;

pub mod help;

use crate::engine::decide::Request;
use crate::engine::policy::Policy;
use crate::engine::verdict::{Outcome, Verdict};
use args::Args;
use error::Error;
use grammar::Argument;
use reply::Reply;
use setting::Settings;

/// What a command is called and how it is written.
pub struct Doc {
    /// Its name, in capitals.
    pub name: &'static str,
    /// Its arguments, one line a form, as [`grammar`] reads them.
    pub usage: &'static [&'static str],
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// What it costs.
    pub complexity: &'static str,
    /// The version of the module in which it appeared.
    pub since: &'static str,
    /// The words and values of the usage that need a word more, as it writes them, and what they mean.
    pub words: &'static [(&'static str, &'static str)],
    /// What it replies, with the names of the slots or fields in their order.
    pub replies: &'static str,
    /// The errors that it can be, besides `ERR`, in the order in which they are looked for.
    pub errors: &'static [&'static str],
}

impl Doc {
    /// How it is written, one line a form.
    #[must_use]
    pub fn forms(&self) -> Vec<String> {
        let form = |form: &&str| format!("{} {form}", self.name).trim_end().to_owned();
        self.usage.iter().map(form).collect()
    }

    /// What an argument of its usage means, where that needs a word more.
    #[must_use]
    pub fn meaning(&self, argument: &Argument) -> Option<&'static str> {
        let word = argument.token.unwrap_or(argument.place);
        let row = self.words.iter().find(|(row, _)| row.split(' ').next() == Some(word));
        row.map(|(_, means)| *means)
    }
}

/// Whether a command can change an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It only reads, also on replicas.
    Read,
    /// It only reads, and its cost grows with the rows it shows.
    ReadRows,
    /// It can change the account.
    Write,
}

/// What a command came to, for the statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tally {
    /// Nothing that is counted.
    Nothing,
    /// A request was admitted.
    Admitted,
    /// A request was denied.
    Denied(Verdict),
    /// A spend was recorded.
    Spend,
    /// A command was a duplicate.
    Duplicate,
    /// A spend was recorded for a hold that had lapsed.
    LateSpend,
}

impl Tally {
    /// What a money command that is no spend counts as.
    #[must_use]
    pub const fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Ok => Self::Nothing,
            Outcome::Duplicate => Self::Duplicate,
            Outcome::Late => Self::LateSpend,
        }
    }
}

/// A command about one account, which is its first argument.
pub trait Command {
    /// What it is called and how it is written.
    const DOC: Doc;
    /// Whether it can change the account, or walks its rows.
    const ACCESS: Access;
    /// What its arguments are read as.
    type Request<'a>: Request;

    /// Reads the arguments after the account.
    ///
    /// # Errors
    /// An [`Error`] that names the argument at fault.
    fn parse<'a>(args: Args<'a>, policy: &Policy) -> Result<Self::Request<'a>, Error>;

    /// Writes the answer.
    fn reply(answer: &Answer<'_, Self>, out: &mut impl Reply);

    /// Says what the answer counts as.
    fn tally(_answer: &Answer<'_, Self>) -> Tally {
        Tally::Nothing
    }
}

/// What a command's request is answered with.
pub type Answer<'a, C> = <<C as Command>::Request<'a> as Request>::Answer;

/// A command that is about no account.
pub trait Keyless {
    /// What it is called and how it is written.
    const DOC: Doc;
    /// Whether it can change what other commands see, or walks rows.
    const ACCESS: Access;

    /// Does it.
    ///
    /// # Errors
    /// An [`Error`] that says what is wrong; nothing was replied then.
    fn run(args: Args<'_>, host: &mut impl Host, out: &mut impl Reply) -> Result<(), Error>;
}

/// What a keyless command may ask of where it runs.
pub trait Host {
    /// The settings in force.
    fn settings(&self) -> &Settings;

    /// Moves the clock, or lets it run again; returns the time then in force, or `None` if that
    /// would lie beyond the range of FW.CLOCK.
    fn move_clock(&mut self, to: clock::Move) -> Option<i64>;
}

/// What looks at every command in turn: the server to register it, a test to find it.
pub trait Visitor {
    /// A command about one account.
    fn command<C: Command>(&mut self);

    /// A command about no account.
    fn keyless<C: Keyless>(&mut self);
}

/// Shows every command to a visitor: the command table.
pub fn commands(visitor: &mut impl Visitor) {
    visitor.command::<admit::Admit>();
    visitor.command::<peek::Peek>();
    visitor.command::<explain::Explain>();
    visitor.command::<spend::Spend>();
    visitor.command::<void::Void>();
    visitor.command::<extend::Extend>();
    visitor.command::<topup::TopUp>();
    visitor.command::<refund::Refund>();
    visitor.command::<invoice::Invoice>();
    visitor.command::<suspend::Suspend>();
    visitor.command::<resume::Resume>();
    visitor.command::<set::Set>();
    visitor.command::<limit::Limit>();
    visitor.command::<quota::Quota>();
    visitor.command::<quotas::Quotas>();
    visitor.command::<get::Get>();
    visitor.command::<holds::Holds>();
    visitor.command::<leases::Leases>();
    visitor.command::<log::Log>();
    visitor.keyless::<tiers::Tiers>();
    visitor.keyless::<help::Help>();
    visitor.keyless::<clock::Clock>();
}
