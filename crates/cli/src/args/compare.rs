//! The command line of `mapcoder compare`.

use clap::Args;

use super::LedgerArgs;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mapcoder compare 3f9a 77b0                 the second run beside the first
  mapcoder compare 3f9a 77b0 c41d            two runs beside the first, adjusted by Holm
  mapcoder compare a.jsonl b.jsonl --gate    exit 100 when the second is worse; files of `mapcoder eval --json`
  mapcoder compare 3f9a,8d01 77b0,c41d -k 2  pass@2 over runs that differ in their seeds
  mapcoder compare 3f9a 77b0 --show HumanEval/12")]
pub(crate) struct CompareArgs {
    /// The run to compare with: a name from `mapcoder runs list`, or its beginning, or a file of `mapcoder eval --json`;
    /// several with commas between them count as draws of one
    #[arg(value_name = "FIRST")]
    pub(crate) first: String,

    /// The runs to compare
    #[arg(value_name = "OTHER", required = true)]
    pub(crate) others: Vec<String>,

    /// Compare pass@K
    #[arg(short, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) k: u32,

    /// Exit 100 when one of the others is worse at the 5 % level
    #[arg(long)]
    pub(crate) gate: bool,

    /// Show the programs of this problem side by side
    #[arg(long, value_name = "ID")]
    pub(crate) show: Option<String>,

    #[command(flatten)]
    pub(crate) ledger: LedgerArgs,
}
