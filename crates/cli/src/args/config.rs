//! The command line of `mapcoder config`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mapcoder config show
  mapcoder --json config show | jq -r 'select(.origin != \"default\") | .key'
  mapcoder config path")]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show every setting with its value and where the value comes from
    Show,
    /// Show which settings files are looked for, and which are there
    Path,
    /// Write the built-in prompts to a folder, to change them there and use them with `--prompts`
    Prompts {
        /// The folder; made if need be
        folder: PathBuf,
    },
}
