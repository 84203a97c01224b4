//! The command lines of `mapcoder rejudge` and `mapcoder verify`.

use std::path::PathBuf;

use clap::Args;
use domain::Harness;

use super::{ExportsArgs, JudgeArgs, LedgerArgs};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mapcoder rejudge --data HumanEval.jsonl samples.jsonl       HumanEval's or EvalPlus' samples
  mapcoder rejudge --data selected150.jsonl results.jsonl     MapCoder's result files
  mapcoder rejudge --data humaneval answers/                  a folder: HumanEval_0.py or HumanEval_0/0.py
  mapcoder rejudge --data xcode.jsonl a.jsonl --compat execeval --compat codecontests

Rows hold `task_id` (or `row`, from 0 on) and a program: `solution`, `completion`, `source_codes`, `code_list`,
or `code` with `language`. Where `is_solved` or the like is recorded, every row on which our verdict differs
is printed with the reason.")]
pub(crate) struct RejudgeArgs {
    /// Result files, or folders of programs
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// The data set that they answer: `humaneval`, a file, or a folder of problems
    #[arg(long, value_name = "DATA")]
    pub(crate) data: String,

    /// Judge by the rules of this harness too: `execeval`, `apps`, `codecontests` or `livecodebench`; may be repeated.
    /// Without it, by those of all of them, where programs print what they compute
    #[arg(long, value_name = "HARNESS", value_parser = harness)]
    pub(crate) compat: Vec<Harness>,

    /// Take only every Nth answer: a quick look
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) every: u32,

    /// Stop at the first row that cannot be read
    #[arg(long)]
    pub(crate) strict: bool,

    #[command(flatten)]
    pub(crate) exports: ExportsArgs,

    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mapcoder verify --data humaneval            the latest run
  mapcoder verify 3f9a --data problems/

It exits 0 when every result follows from its records and gets the same verdict again, else 1.")]
pub(crate) struct VerifyArgs {
    /// A run's name from `mapcoder runs list`, or its beginning, or `latest`
    #[arg(default_value = "latest")]
    pub(crate) run: String,

    /// The data set that the run was made on
    #[arg(long, value_name = "DATA")]
    pub(crate) data: String,

    #[command(flatten)]
    pub(crate) ledger: LedgerArgs,

    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
}

fn harness(name: &str) -> Result<Harness, String> {
    let harness = Harness::ALL
        .into_iter()
        .find(|harness| harness.name() == name);
    harness.ok_or_else(|| {
        let names = Harness::ALL.map(Harness::name).join(", ");
        format!("expected one of {names}")
    })
}
