//! The command line of `mapcoder solve`.

use std::path::PathBuf;

use clap::Args;

use super::SettingsArgs;

/// The command line of `mapcoder solve`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mapcoder solve examples/add.md                      print a program that passes the samples
  mapcoder solve examples/add.md -k 5 -t 3            more plans, fewer repairs
  mapcoder solve p.md --model ./qwen2.5-coder.gguf    another local model
  OPENAI_BASE_URL=http://localhost:8000/v1 mapcoder solve p.md --model NAME")]
pub(crate) struct SolveArgs {
    /// The problem: a Markdown or JSON file, or `-` for standard input
    #[arg(value_name = "PROBLEM")]
    pub(crate) problem: PathBuf,

    /// Write the program to this file, not to standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}
