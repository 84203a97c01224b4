//! The command lines of `mapcoder distill run` and `mapcoder distill status`.

use std::path::PathBuf;

use clap::Args;

use super::{JudgeArgs, LedgerArgs};
use crate::settings::Override;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mapcoder distill run plan.yaml            work through all stages, or go on where the last start ended
  mapcoder distill run plan.yaml --plan     what is left: calls, tokens, money and time, without asking anybody
  mapcoder distill status plan.yaml         what every stage has come to

A file with all that must be there:
  problems: [{data: train.jsonl}]           data sets as `--data` takes them; never one to measure on
  teacher: {model: NAME, base_url: URL}     who shows how it is done
  output: sets                              example sets, ready to be trained on

docs/distill.md lists the other keys. Every call and every verdict is recorded: stop at any moment, and the
same command goes on and ends with the same bytes.

Exit codes:
  0 done · 1 failure · 2 wrong usage or plan · 3 budget reached, the same command goes on
  4 no problem selected · 5 part of the work is left · 6 judge unavailable · 100 contaminated examples")]
pub(crate) struct DistillRunArgs {
    /// The plan, in YAML
    #[arg(value_name = "PLAN")]
    pub(crate) file: PathBuf,

    /// Say what is left to do and what it will take, and stop
    #[arg(long)]
    pub(crate) plan: bool,

    #[command(flatten)]
    pub(crate) ledger: LedgerArgs,

    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
}

impl DistillRunArgs {
    /// What these flags set.
    pub(crate) fn overrides(&self) -> Vec<Override> {
        [self.ledger.overrides(), self.judge.overrides()].concat()
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mapcoder distill status plan.yaml
  mapcoder distill status plan.yaml --json
  mapcoder view 3f9a                        one of its runs in a browser: every problem with its whole story")]
pub(crate) struct DistillStatusArgs {
    /// The plan, in YAML
    #[arg(value_name = "PLAN")]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) ledger: LedgerArgs,
}
