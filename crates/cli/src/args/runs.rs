//! The command line of `mapcoder runs`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::LedgerArgs;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mapcoder runs list
  mapcoder runs show                       the latest run
  mapcoder runs show 3f9a --json
  mapcoder runs export 3f9a -o run.jsonl   every prompt, reply, program and verdict
  mapcoder runs import run.jsonl           the same on another machine, where the command goes on")]
pub(crate) struct RunsArgs {
    #[command(subcommand)]
    pub(crate) command: RunsCommand,

    #[command(flatten)]
    pub(crate) ledger: LedgerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// List the recorded runs, the last started first
    #[command(visible_alias = "ls")]
    List,
    /// Show one run: calls, tokens and time per agent, outcomes, ambiguous calls
    Show {
        /// A run's name from `mapcoder runs list`, or its beginning, or `latest`
        #[arg(default_value = "latest")]
        run: String,
    },
    /// Write one run's records as JSON lines
    Export {
        /// A run's name from `mapcoder runs list`, or its beginning, or `latest`
        #[arg(default_value = "latest")]
        run: String,
        /// File to write, in one piece; without it, standard output
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Take in what `export` wrote, so that nothing of it is asked again; answers are believed, `verify` judges again
    Import {
        /// The file: one export, or several in one
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}
