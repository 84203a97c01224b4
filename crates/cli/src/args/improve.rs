//! The command line of `mapcoder improve`.

use std::path::PathBuf;

use clap::Args;

use super::{JudgeArgs, LedgerArgs};
use crate::settings::Override;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mapcoder improve loop.yaml               distil, train, evaluate, compare; the adapters that do no harm are kept
  mapcoder improve loop.yaml --rounds 2    and again, from the adapters of the first round
  mapcoder improve loop.yaml --ablate      every set of adapters: who of the four gains what

A file with all that must be there:
  base_model: smollm2-135m-instruct        what is built upon
  examples: sets                           example sets that are there, or
  distill: plan.yaml                       a plan of `mapcoder distill run` that makes them
  evaluate: [{data: humaneval}]            what to measure on; never what was learned from
  output: improved                         adapters, evaluations' report, one folder a round

docs/distill.md lists the other keys. Stop at any moment: the same command goes on.

Exit codes:
  0 done · 1 failure · 2 wrong usage or plan · 3 budget reached · 4 nothing to train on
  5 part of the work is left · 6 judge unavailable · 130 interrupted, the same command goes on")]
pub(crate) struct ImproveArgs {
    /// The plan of the loop, in YAML
    #[arg(value_name = "PLAN")]
    pub(crate) file: PathBuf,

    /// Go round so often, each time from the adapters that were kept
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,

    /// Evaluate all sixteen sets of the four adapters
    #[arg(long)]
    pub(crate) ablate: bool,

    /// Threads that train; as many as cores unless set
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,

    #[command(flatten)]
    pub(crate) ledger: LedgerArgs,

    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
}

impl ImproveArgs {
    /// What these flags set.
    pub(crate) fn overrides(&self) -> Vec<Override> {
        [self.ledger.overrides(), self.judge.overrides()].concat()
    }
}
