//! `fwctl`, the operator's command line of fw-limits.
//!
//! A command is a file in `command`; `connect` is the only way to a server, `output` the only one to
//! stdout, and `failure` decides the exit code.

#![forbid(unsafe_code)]

mod command;
mod connect;
mod failure;
mod http;
mod keys;
mod output;
mod reply;
mod session;
mod text;

use std::process::ExitCode;

use clap::Parser;

use command::Command;
use session::Options;

/// Looks at the accounts of fw-limits, and changes them.
///
/// ACCOUNT is the name of an account: any bytes. Its key is --key-prefix and that name, as they are.
#[derive(Debug, Parser)]
#[command(version, after_help = failure::CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    let Cli { command, options } = Cli::parse();
    let Err(failure) = command.run(&options) else { return ExitCode::SUCCESS };
    if let Some(text) = failure.text() {
        anstream::eprintln!("fwctl: {}", text::shown(text.as_bytes()));
    }
    ExitCode::from(failure.code())
}
