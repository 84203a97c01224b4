//! The command line.

mod adapters;
mod bench;
mod compare;
mod config;
mod data;
mod distill;
mod distill_run;
mod eval;
mod exports;
mod global;
mod improve;
mod judge;
mod judging;
mod ledger;
mod local;
mod model;
mod overrides;
mod rejudge;
mod report;
mod runs;
mod settings;
mod solve;
mod train;

use clap::{Parser, Subcommand};

pub(crate) use self::adapters::{AdaptersArgs, AdaptersCommand, BaseArg, CutArgs, ImportArgs};
pub(crate) use self::bench::{BenchCommand, CostArgs, TrainPart};
pub(crate) use self::compare::CompareArgs;
pub(crate) use self::config::{ConfigArgs, ConfigCommand};
pub(crate) use self::data::{DataArgs, DataCommand};
pub(crate) use self::distill::{
    DistillArgs, DistillCommand, DistillImportArgs, ExportArgs, HoldOutArgs, VerifyExportArgs,
};
pub(crate) use self::distill_run::{DistillRunArgs, DistillStatusArgs};
pub(crate) use self::eval::EvalArgs;
pub(crate) use self::exports::ExportsArgs;
pub(crate) use self::global::{ColorChoice, GlobalArgs};
pub(crate) use self::improve::ImproveArgs;
pub(crate) use self::judge::{
    BatchArgs, CheckerArg, JudgeCommand, JudgeCommandArgs, RunArgs, ServeArgs, TestArgs,
};
pub(crate) use self::judging::JudgeArgs;
pub(crate) use self::ledger::LedgerArgs;
pub(crate) use self::local::LocalArgs;
pub(crate) use self::model::{ModelArgs, ModelCommand};
pub(crate) use self::rejudge::{RejudgeArgs, VerifyArgs};
pub(crate) use self::report::{ReportArgs, RunChoice, ViewArgs};
pub(crate) use self::runs::{RunsArgs, RunsCommand};
pub(crate) use self::settings::SettingsArgs;
pub(crate) use self::solve::SolveArgs;
pub(crate) use self::train::{TrainArgs, TrainCommand, TrainExportArgs, TrainTool};

/// Four small specialists on one local model that write, run and repair programs.
#[derive(Debug, Parser)]
#[command(
    name = "mapcoder",
    version,
    max_term_width = 100,
    after_help = "Examples:
  mapcoder solve examples/double.md      write, test and repair a program
  mapcoder eval --data humaneval         measure the team on a benchmark
  mapcoder doctor                        what works on this machine, and what to do about the rest
  mapcoder model pull                    fetch the default model (98 MB, once)
  mapcoder runs list                     what has been recorded so far

Exit codes:
  0 success · 1 failure · 2 wrong usage or settings · 3 budget reached · 4 nothing selected
  5 incomplete, the same command resumes · 6 judge unavailable · 100 a gate failed · 130 interrupted"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a program for one problem, test it and repair it
    Solve(SolveArgs),
    /// Run a strategy over a data set and measure it
    Eval(EvalArgs),
    /// Show or write the measures of a recorded run
    Report(ReportArgs),
    /// Show a recorded run in a browser: every problem with its whole story
    View(ViewArgs),
    /// Say whether one run really solves more than another
    Compare(CompareArgs),
    /// Judge answers that others published, beside the verdicts that they recorded
    Rejudge(RejudgeArgs),
    /// Judge a finished run again, and hold its results against its records
    Verify(VerifyArgs),
    /// Judge programs in a sandbox: one, many, or over HTTP
    Judge(JudgeCommandArgs),
    /// Make example sets, one for each agent, from the runs of a teacher, or from exchanges and programs
    Distill(DistillArgs),
    /// Train a low-rank adapter for an agent on examples
    Train(TrainArgs),
    /// Distil, train, evaluate and compare in one loop, keeping the adapters that do no harm
    Improve(ImproveArgs),
    /// List, describe, check and export adapters
    Adapters(AdaptersArgs),
    /// Fetch, list, describe, check and divide data sets
    Data(DataArgs),
    /// Fetch, describe, list and remove models
    Model(ModelArgs),
    /// Look into what has been recorded
    Runs(RunsArgs),
    /// Say what works on this machine, and what to do about what doesn't
    #[command(after_help = "Examples:
  mapcoder doctor
  mapcoder doctor --json | jq -r 'select(.state == \"broken\") | .advice'

It exits 0 when `mapcoder solve` can run here, 6 when only the judge keeps it from running, else 1.")]
    Doctor,
    /// Measure what this program costs, beside the model
    Bench {
        #[command(subcommand)]
        command: BenchCommand,
    },
    /// Show the settings in force and where each comes from
    Config(ConfigArgs),
    /// Write a completion script for a shell to standard output
    #[command(after_help = "Examples:
  mapcoder completions bash > ~/.local/share/bash-completion/completions/mapcoder
  mapcoder completions zsh  > ~/.zfunc/_mapcoder
  mapcoder completions fish > ~/.config/fish/completions/mapcoder.fish")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}
