use std::io::Write as _;

use clap::CommandFactory as _;

use crate::args::Cli;
use crate::exit::Exit;

/// `mapcoder completions`.
pub(super) fn run(shell: clap_complete::Shell) -> anyhow::Result<Exit> {
    // Into memory first: the generator panics when a reader closes the pipe.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mapcoder", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(Exit::Success)
}
