//! The man page and completions, from the one definition of the command line.

use std::io::{self, Write};

use clap::CommandFactory;

use super::args::Cli;
use super::{Done, Failure};

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<Done, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "wirewitness", &mut text);
    io::stdout().write_all(&text)?;
    Ok(Done::Fine)
}

pub(crate) fn man() -> Result<Done, Failure> {
    let mut text = Vec::new();
    let command = Cli::command();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    for inner in command.get_subcommands() {
        clap_mangen::Man::new(inner.clone()).render(&mut text)?;
    }
    io::stdout().write_all(&text)?;
    Ok(Done::Fine)
}
