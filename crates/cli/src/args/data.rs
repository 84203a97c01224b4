//! The command line of `mapcoder data`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::JudgeArgs;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mapcoder data list
  mapcoder data pull humaneval
  mapcoder data pull hf:codeparrot/apps/test.jsonl
  mapcoder data info selected150.jsonl        150 problems, 128 distinct
  mapcoder data check humaneval --references  judge the published solutions too
  mapcoder data split problems.jsonl --share 0.9 --first train.jsonl --second held-out.jsonl")]
pub(crate) struct DataArgs {
    #[command(subcommand)]
    pub(crate) command: DataCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// Fetch a data set into the cache folder, checking its digest
    Pull {
        /// A name from `mapcoder data list`, or `hf:OWNER/NAME/FILE` on the Hugging Face Hub
        name: String,
    },
    /// List the data sets that can be read: where each comes from, its licence, and how to have it
    #[command(visible_alias = "ls")]
    List,
    /// Say what a data set holds: form, digest, licence, problems, tests, duplicates
    Info {
        /// `humaneval`, a file, or a folder of problems
        data: String,
    },
    /// Name everything that is doubtful: rows, samples, tests, duplicates
    #[command(
        after_help = "It exits 0 when nothing but known errata and shared tests was found, else 1."
    )]
    Check {
        /// `humaneval`, a file, or a folder of problems
        data: String,

        /// Judge the published solutions on every sample and hidden test
        #[arg(long)]
        references: bool,

        #[command(flatten)]
        judge: JudgeArgs,
    },
    /// Divide a file of JSON lines in two; problems that are stated alike stay together
    Split {
        /// A file of JSON lines
        file: PathBuf,

        /// The first part's share of the problems, about
        #[arg(long, value_name = "SHARE", default_value_t = 0.9, value_parser = share)]
        share: f64,

        /// Another seed divides otherwise
        #[arg(long, value_name = "N", default_value_t = 0)]
        seed: u64,

        /// File for the first part
        #[arg(long, value_name = "FILE")]
        first: PathBuf,

        /// File for the second part
        #[arg(long, value_name = "FILE")]
        second: PathBuf,
    },
}

fn share(text: &str) -> Result<f64, String> {
    let share = text
        .parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a number from 0 to 1".to_string())
}
