//! `fwctl completions SHELL`

use clap::CommandFactory as _;

use crate::Cli;
use crate::failure::Failure;
use crate::output::{Format, Output};

/// Prints what a shell reads to complete fwctl's words.
#[derive(Debug, clap::Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

impl Completions {
    /// Prints them; needs no server.
    pub fn run(&self) -> Result<(), Failure> {
        // clap_complete panics where it cannot write, so it writes into memory.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "fwctl", &mut script);
        Output::new(Format::Table).text(&String::from_utf8_lossy(&script))
    }
}
