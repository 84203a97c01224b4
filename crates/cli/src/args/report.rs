//! The command lines of `mapcoder report` and `mapcoder view`.

use std::path::PathBuf;

use clap::Args;

use super::{ExportsArgs, LedgerArgs};

/// Which run, and what is known of its problems.
#[derive(Debug, Args)]
pub(crate) struct RunChoice {
    /// A run's name from `mapcoder runs list`, or its beginning, or `latest`; several with commas between them are draws
    #[arg(default_value = "latest")]
    pub(crate) run: String,

    /// The data set that the run was made on, for difficulty and tags; `humaneval`, a file or a folder
    #[arg(long, value_name = "DATA")]
    pub(crate) data: Option<String>,

    #[command(flatten)]
    pub(crate) ledger: LedgerArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mapcoder report                              the table of the latest run
  mapcoder report --html run.html              one file with everything, to keep or to send
  mapcoder report 3f9a --csv run.csv --parquet run.parquet
  mapcoder report 3f9a,8d01,77b0 --data humaneval     pass@k of three draws, by difficulty
  mapcoder report 3f9a --evalplus run_eval_results.json   for the tools of EvalPlus")]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    pub(crate) choice: RunChoice,

    /// Write the report as one HTML file that needs nothing else
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Write a row for each problem as CSV
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,

    /// Write a row for each problem as Parquet
    #[arg(long, value_name = "FILE")]
    pub(crate) parquet: Option<PathBuf>,

    /// Write a line for each problem as JSON, as `mapcoder eval --json` does
    #[arg(long, value_name = "FILE")]
    pub(crate) jsonl: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) exports: ExportsArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mapcoder view                 the latest run, in a browser
  mapcoder view 3f9a --port 8080

It serves this machine alone, until Ctrl-C.")]
pub(crate) struct ViewArgs {
    #[command(flatten)]
    pub(crate) choice: RunChoice,

    /// Port on the loopback interface; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) port: u16,
}
