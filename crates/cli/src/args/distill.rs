//! The command line of `mapcoder distill`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::Agent;

use super::overrides::given;
use super::{DistillRunArgs, DistillStatusArgs, JudgeArgs, LedgerArgs};
use crate::settings::Override;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mapcoder distill run plan.yaml           a teacher's runs, corrected by a supervisor, as example sets
  mapcoder distill status plan.yaml
  mapcoder distill hold-out --data mbpp_397.jsonl --log exchanges.jsonl -o held_out.jsonl
  mapcoder distill import --log exchanges.jsonl --data mbpp_397.jsonl --data mbpp_974.jsonl \\
      --answers mbpp_397=answers.jsonl --hold-out held_out.jsonl -o traces.jsonl
  mapcoder distill export traces.jsonl --evaluation humaneval --evaluation held_out.jsonl -o sets/
  mapcoder distill verify sets/ --data mbpp_397.jsonl --data mbpp_974.jsonl

Then `mapcoder train` makes an adapter of each file.")]
pub(crate) struct DistillArgs {
    #[command(subcommand)]
    pub(crate) command: DistillCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DistillCommand {
    /// Let a teacher work, have its failures corrected, and write what passes all tests as example sets
    Run(DistillRunArgs),
    /// Say what every stage of a plan has come to
    Status(DistillStatusArgs),
    /// Choose problems for evaluation that no exchange is about
    HoldOut(HoldOutArgs),
    /// Make traces of exchanges and programs that others published, judging every program again
    Import(DistillImportArgs),
    /// Make example sets of traces: filtered, balanced, held against evaluation sets
    Export(ExportArgs),
    /// Hold an export against its card and judge a sample of its programs again
    Verify(VerifyExportArgs),
}

#[derive(Debug, Args)]
pub(crate) struct HoldOutArgs {
    /// A data set: a file of JSON lines
    #[arg(long, value_name = "FILE")]
    pub(crate) data: PathBuf,

    /// A log of exchanges, as `distill import` reads it; may be repeated
    #[arg(long = "log", value_name = "FILE")]
    pub(crate) logs: Vec<PathBuf>,

    /// The most problems; without it, all that no exchange is about
    #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true)]
    pub(crate) most: usize,

    /// Another seed chooses others where not all are taken
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,

    /// File for the rows of these problems, which `mapcoder eval --data` reads
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
#[command(
    after_help = "A log has JSON lines with `run`, `task_id`, `seq`, `stage`, `messages` and `response`; stages are
retrieval, planning, plan_verification, coding and debugging.
HumanEval is never trained on, nor is what `--hold-out` names, in whatever form."
)]
pub(crate) struct DistillImportArgs {
    /// A log of exchanges of another system; may be repeated
    #[arg(long = "log", value_name = "FILE")]
    pub(crate) logs: Vec<PathBuf>,

    /// A data set that problems to train on come from, with its published solutions; may be repeated
    #[arg(long, value_name = "DATA", required = true)]
    pub(crate) data: Vec<String>,

    /// Published answers to the problems of a data set, right and wrong ones; may be repeated
    #[arg(long, value_name = "NAME=FILE", value_parser = answers)]
    pub(crate) answers: Vec<(String, PathBuf)>,

    /// A data set of which nothing may be trained on; may be repeated
    #[arg(long, value_name = "DATA")]
    pub(crate) hold_out: Vec<String>,

    /// Similar problems to recall; may be repeated, for a trace with each number
    #[arg(short, value_name = "N", default_values_t = [1, 3], value_parser = clap::value_parser!(u32).range(1..=10))]
    pub(crate) k: Vec<u32>,

    /// Programs broken on purpose, to be repaired, of each problem that the log solves
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) broken: usize,

    /// Use sets too whose licence forbids commercial use
    #[arg(long)]
    pub(crate) noncommercial: bool,

    /// Folder with prompts in place of the built-in ones
    #[arg(long, value_name = "FOLDER")]
    pub(crate) prompts: Option<String>,

    /// File for the traces
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,

    #[command(flatten)]
    pub(crate) ledger: LedgerArgs,

    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The folder gets for each agent AGENT.jsonl (`messages`), AGENT.prompt-completion.jsonl and
AGENT.parquet; README.md and card.json (the data card); contaminated.jsonl (what was dropped).

Exit codes:
  0 written · 2 wrong usage · 4 no trace gave an example
  100 `--keep-contaminated` kept more than `--max-contaminated` examples that an evaluation set holds"
)]
pub(crate) struct ExportArgs {
    /// Files of traces
    #[arg(value_name = "TRACES", required = true)]
    pub(crate) traces: Vec<PathBuf>,

    /// A data set that will be evaluated on: examples that share a problem, words of a statement or a piece of a
    /// published solution with it are dropped; may be repeated
    #[arg(long, value_name = "DATA")]
    pub(crate) evaluation: Vec<String>,

    /// Folder for the example sets
    #[arg(long, short, value_name = "FOLDER")]
    pub(crate) output: PathBuf,

    /// The student, whose tokenizer and chat template measure lengths
    #[arg(long, value_name = "MODEL", default_value = crate::assets::DEFAULT_MODEL)]
    pub(crate) model: String,

    /// The most examples of an agent; 0 keeps all
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub(crate) max_per_agent: usize,

    /// The most examples of an agent that one problem gives; 0 keeps all
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) max_per_problem: usize,

    /// The most tokens of a question with its reply, of all agents or of one; 0 keeps all; may be repeated
    #[arg(long, value_name = "[AGENT=]N", default_value = "900", value_parser = tokens)]
    pub(crate) max_tokens: Vec<(Option<Agent>, usize)>,

    /// Examples that are this much alike (by MinHash, from 0 to 1) are one; above 1 keeps all
    #[arg(long, value_name = "SHARE", default_value_t = 0.9)]
    pub(crate) near: f64,

    /// Another seed prefers other problems where not all are kept
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,

    /// Keep examples that share something with an evaluation set
    #[arg(long)]
    pub(crate) keep_contaminated: bool,

    /// How many such examples may be kept
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        requires = "keep_contaminated"
    )]
    pub(crate) max_contaminated: usize,
}

#[derive(Debug, Args)]
#[command(after_help = "It exits 0 when everything is as the card says, else 1.")]
pub(crate) struct VerifyExportArgs {
    /// Folder of an export
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,

    /// A data set that the examples were made of; may be repeated
    #[arg(long, value_name = "DATA", required = true)]
    pub(crate) data: Vec<String>,

    /// Programs to judge again
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) sample: usize,

    /// Another seed takes another sample
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,

    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
}

impl DistillImportArgs {
    /// What these flags set.
    pub(crate) fn overrides(&self) -> Vec<Override> {
        let prompts = given([("prompts", "--prompts", &self.prompts)]);
        [self.ledger.overrides(), self.judge.overrides(), prompts].concat()
    }
}

fn tokens(text: &str) -> Result<(Option<Agent>, usize), String> {
    let (agent, number) = match text.split_once('=') {
        Some((agent, number)) => {
            let agent: Agent = agent.parse().map_err(|error| format!("{error}"))?;
            (Some(agent), number)
        }
        None => (None, text),
    };
    let number = number.parse();
    number
        .map(|number| (agent, number))
        .map_err(|_| "expected N or AGENT=N, such as `debugging=1200`".to_string())
}

fn answers(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => {
            Ok((name.to_string(), PathBuf::from(file)))
        }
        _ => Err("expected NAME=FILE, such as `mbpp_397=answers.jsonl`".to_string()),
    }
}
