mod adapters;
mod bench;
mod compare;
mod data;
mod distill;
mod distill_run;
mod improve;
mod judge;
mod rejudge;
mod report;
mod train;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::adapters::{AdaptersArgs, AdaptersCommand, BaseArg, ImportArgs};
pub(crate) use self::bench::CostArgs;
pub(crate) use self::compare::CompareArgs;
pub(crate) use self::data::{DataArgs, DataCommand};
pub(crate) use self::distill::{
    DistillArgs, DistillCommand, DistillImportArgs, ExportArgs, HoldOutArgs, VerifyExportArgs,
};
pub(crate) use self::distill_run::{DistillRunArgs, DistillStatusArgs};
pub(crate) use self::improve::ImproveArgs;
pub(crate) use self::judge::{
    BatchArgs, CheckerArg, JudgeCommand, JudgeCommandArgs, RunArgs, ServeArgs, TestArgs,
};
pub(crate) use self::rejudge::{RejudgeArgs, VerifyArgs};
pub(crate) use self::report::{ReportArgs, RunChoice, ViewArgs};
pub(crate) use self::train::{TrainArgs, TrainCommand, TrainExportArgs, TrainPart, TrainTool};
use crate::settings::Override;

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

/// Flags that every subcommand takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Print JSON lines on standard output, each with a `schema` field
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Print results and errors only
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Say more about what is being done
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,

    /// Settings file to read in place of the project's `mapcoder.toml`
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// When to use colours: `auto`, `always` or `never`; `NO_COLOR` is respected
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub(crate) color: ColorChoice,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Also in files and pipes.
    Always,
    /// Not at all.
    Never,
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

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mapcoder model pull          fetch the default model, or say that it is here already
  mapcoder model path          where it lies, for other programs
  mapcoder model pull hf:Qwen/Qwen2.5-Coder-0.5B-Instruct
  mapcoder model info hf:Qwen/Qwen2.5-Coder-0.5B-Instruct --weights q4_1
  mapcoder model rm smollm2-135m-instruct")]
pub(crate) struct ModelArgs {
    #[command(subcommand)]
    pub(crate) command: ModelCommand,
}

impl ModelArgs {
    /// What these flags set.
    pub(crate) fn overrides(&self) -> Vec<Override> {
        match &self.command {
            ModelCommand::Info { name, weights } => {
                given([("model", "NAME", name), ("weights", "--weights", weights)])
            }
            _ => Vec::new(),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Fetch a model into the cache folder, checking its digest
    Pull {
        /// A name from `mapcoder model list`, or `hf:OWNER/NAME`
        #[arg(default_value = crate::assets::DEFAULT_MODEL)]
        name: String,
    },
    /// List the models that can be fetched and the files in the cache folder
    #[command(visible_alias = "ls")]
    List,
    /// Remove a model from the cache folder
    Rm {
        /// A name from `mapcoder model list`
        name: String,
    },
    /// Say what a model is: architecture, parameters, format, memory, digest
    Info {
        /// A file, a folder, `hf:OWNER/NAME[/FILE.gguf]`, or a name from `mapcoder model list`;
        /// without it the model that the settings name
        name: Option<String>,

        /// How its weights would be kept: `auto`, `q8_0`, `q4_1` or `f32`
        #[arg(long, value_name = "FORMAT")]
        weights: Option<String>,
    },
    /// Print where a model's file or folder lies
    Path {
        /// A name from `mapcoder model list`, or `hf:OWNER/NAME`
        #[arg(default_value = crate::assets::DEFAULT_MODEL)]
        name: String,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mapcoder runs list
  mapcoder runs show                       the latest run
  mapcoder runs show 3f9a --json
  mapcoder runs export 3f9a -o run.jsonl   every prompt, reply, program and verdict")]
pub(crate) struct RunsArgs {
    #[command(subcommand)]
    pub(crate) command: RunsCommand,

    #[command(flatten)]
    pub(crate) ledger: LedgerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// List the recorded runs, the last started first
    #[command(visible_alias = "ls")]
    List,
    /// Show one run: calls, tokens and time per agent, outcomes, ambiguous calls
    Show {
        /// A run's name from `mapcoder runs list`, or its beginning, or `latest`
        #[arg(default_value = "latest")]
        run: String,
    },
    /// Write one run's records as JSON lines
    Export {
        /// A run's name from `mapcoder runs list`, or its beginning, or `latest`
        #[arg(default_value = "latest")]
        run: String,
        /// File to write, in one piece; without it, standard output
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

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

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// CPU per model call, and memory with many problems at the same time, against a server that does nothing
    Pipeline {
        /// Problems at the same time
        #[arg(long, value_name = "N", default_value_t = 1000)]
        problems: u32,

        /// Time that the server takes for a reply
        #[arg(long, value_name = "MS", default_value_t = 50)]
        latency_ms: u64,

        /// Rounds, of which the medians are printed
        #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
    },
    /// What judging costs, beside starting the same programs without a sandbox
    #[command(after_help = crate::commands::JUDGE_TABLE)]
    Judge {
        /// Quiet samples of each figure that is compared with another
        #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
        samples: u32,

        /// Rounds of the figures that take longer: throughput, compiling, a whole suite, stopping
        #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,

        /// HumanEval as published; the copy in the cache folder when absent
        #[arg(long, value_name = "FILE")]
        data: Option<PathBuf>,
    },
    /// Steps of training, beside torch with peft on the same machine
    #[command(after_help = crate::commands::TRAIN_TABLE)]
    Train {
        /// The model: a file, a folder, or a name from `mapcoder model list`
        #[arg(long, value_name = "MODEL", default_value = crate::assets::DEFAULT_MODEL)]
        model: String,

        /// A Python interpreter with torch, transformers and peft
        #[arg(long, value_name = "PROGRAM", default_value = "python3")]
        python: String,

        /// Rows of examples, to be packed
        #[arg(long, value_name = "FILE")]
        data: Option<PathBuf>,

        /// Only this part of the table; may be repeated
        #[arg(long = "only", value_name = "PART", value_enum)]
        parts: Vec<TrainPart>,

        /// Examples of a step
        #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
        examples: u32,

        /// Tokens of an example
        #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(8..))]
        length: u32,

        /// Rounds, of which the medians are printed
        #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,

        /// Threads of either side; as many as cores unless set
        #[arg(long, value_name = "N")]
        threads: Option<u16>,
    },
    /// Prefill, decoding and memory of the local engine, with and without adapters, beside llama.cpp
    #[command(after_help = crate::commands::ENGINE_TABLE)]
    Engine {
        /// Quiet samples of each figure
        #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
        samples: u32,

        /// Rank of the adapters, whose numbers are made up
        #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1024))]
        rank: u32,

        /// `llama-batched-bench` of llama.cpp, built on this machine, to measure in turn on the same file
        #[arg(long, value_name = "PROGRAM")]
        llama: Option<PathBuf>,

        #[command(flatten)]
        local: LocalArgs,
    },
    /// Memory, time and tokens of a team on one model, beside another model
    #[command(after_help = crate::commands::COST_TABLE)]
    Cost(CostArgs),
    /// The server of `bench pipeline`
    #[command(hide = true)]
    MockServer {
        #[arg(long, value_name = "MS")]
        latency_ms: u64,
    },
}

/// The local engine's model, for commands that need no other setting.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct LocalArgs {
    /// A GGUF file, a folder, `hf:OWNER/NAME`, or a name from `mapcoder model list`
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,

    /// How its weights are kept: `auto`, `q8_0`, `q4_1` or `f32`
    #[arg(long, value_name = "FORMAT")]
    pub(crate) weights: Option<String>,

    /// Threads
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<String>,
}

impl LocalArgs {
    /// What these flags set.
    pub(crate) fn overrides(&self) -> Vec<Override> {
        given([
            ("model", "--model", &self.model),
            ("weights", "--weights", &self.weights),
            ("threads", "--threads", &self.threads),
        ])
    }
}

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

/// The command line of `mapcoder eval`.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:
  mapcoder eval --data humaneval --limit 20                     the team
  mapcoder eval --data humaneval --limit 20 --strategy direct   the baseline
  mapcoder eval --data problems/ --filter graph                 your own problems, by id
  mapcoder eval --data humaneval --temperature 0.8 --draws 10   pass@k of ten draws
  mapcoder eval --data humaneval --shard 2/8                    the second of eight parts
  mapcoder eval --plan plan.toml                                many data sets, strategies, models and seeds

A plan file: data = [\"humaneval\"]   strategies = [\"direct\", \"mapcoder\"]   models = []   seeds = [0]

Stop it at any moment and run the same command: it continues where it stopped.")]
pub(crate) struct EvalArgs {
    /// The data set: `humaneval`, a file, or a folder of problems
    #[arg(
        long,
        value_name = "DATA",
        required_unless_present = "plan",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) data: String,

    /// Work through a plan file: data sets x strategies x models x seeds, and compare the strategies
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "draws", "strategy", "model", "fail_under"])]
    pub(crate) plan: Option<PathBuf>,

    /// Take only the first N problems
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,

    /// Take only problems whose id contains this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,

    /// Take only every Nth problem, from the Ith on: one of N parts of the same run, for N machines or sittings
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub(crate) shard: Option<(usize, usize)>,

    /// Work on every problem this many times, with seeds from `--seed` on, and report pass@k
    #[arg(long, visible_alias = "n-samples", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) draws: u32,

    /// Give up on a problem after this many tokens, sent and received
    #[arg(long, value_name = "N")]
    pub(crate) max_problem_tokens: Option<u64>,

    /// Give up on a problem after this much recorded time of model calls
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) max_problem_seconds: Option<std::time::Duration>,

    /// Stop at the first row of the data set that cannot be read
    #[arg(long)]
    pub(crate) strict: bool,

    /// Exit 100 when pass@1 is below this share
    #[arg(long, value_name = "SHARE")]
    pub(crate) fail_under: Option<f64>,

    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/').and_then(|(number, of)| {
        let (number, of): (usize, usize) = (number.parse().ok()?, of.parse().ok()?);
        (1..=of).contains(&number).then_some((number, of))
    });
    parts.ok_or_else(|| "expected I/N with I from 1 to N, such as `2/8`".to_string())
}

fn seconds(text: &str) -> Result<std::time::Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0.0);
    seconds
        .and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "expected a number of seconds above 0".to_string())
}

/// The ledger, for commands that need no other setting.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct LedgerArgs {
    /// The ledger file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ledger: Option<String>,
}

impl LedgerArgs {
    /// What these flags set.
    pub(crate) fn overrides(&self) -> Vec<Override> {
        given([("ledger", "--ledger", &self.ledger)])
    }
}

/// Settings that flags can override. Texts here, because [`crate::settings`] parses a value the same way
/// wherever it comes from.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct SettingsArgs {
    /// A GGUF file, a folder, `hf:OWNER/NAME`, or a name, here or on the server
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,

    /// How a local model's weights are kept: `auto`, `q8_0`, `q4_1` or `f32`
    #[arg(long, value_name = "FORMAT")]
    pub(crate) weights: Option<String>,

    /// A folder with an adapter for each agent, such as `coding` or `coding.gguf`, or one for all
    #[arg(long, value_name = "FOLDER")]
    pub(crate) adapters: Option<String>,

    /// An OpenAI-compatible server, up to and including `/v1`
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,

    /// How the agents work together: `mapcoder`, `direct`, `cot`, `self-planning`, `analogical`, `reflexion`,
    /// `codesim` or `best-of-n`
    #[arg(long, value_name = "NAME")]
    pub(crate) strategy: Option<String>,

    /// Exemplars, and so plans, per problem; rounds of planning of `codesim`
    #[arg(short, value_name = "N")]
    pub(crate) k: Option<String>,

    /// Repairs per plan; further attempts of `reflexion`
    #[arg(short, value_name = "N")]
    pub(crate) t: Option<String>,

    /// Programs that `best-of-n` draws
    #[arg(short, value_name = "N")]
    pub(crate) n: Option<String>,

    /// Agents that `mapcoder` does without: `retrieval`, `planning`, `debugging`, with commas between them
    #[arg(long, value_name = "AGENTS")]
    pub(crate) without: Option<String>,

    /// Language of the programs, such as `python`, `cpp` or `java`
    #[arg(long, value_name = "NAME")]
    pub(crate) language: Option<String>,

    /// Folder of prompt templates that replace the built-in ones
    #[arg(long, value_name = "FOLDER")]
    pub(crate) prompts: Option<String>,

    /// Problems at a time
    #[arg(long, value_name = "N")]
    pub(crate) concurrency: Option<String>,

    /// Requests that the local engine works on at a time
    #[arg(long, value_name = "N")]
    pub(crate) n_parallel: Option<String>,

    /// Threads of the local engine
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<String>,

    /// Context of the local engine, in tokens
    #[arg(long, value_name = "N")]
    pub(crate) context: Option<String>,

    /// Hold replies of the local engine to their form while they are written: `on` or `off`
    #[arg(long, value_name = "SWITCH")]
    pub(crate) grammar: Option<String>,

    /// The ledger file
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<String>,

    /// Seconds to wait for one reply
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<String>,

    /// Requests sent for one reply before giving up
    #[arg(long, value_name = "N")]
    pub(crate) max_attempts: Option<String>,

    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,

    #[command(flatten)]
    pub(crate) judge: JudgeArgs,

    #[command(flatten)]
    pub(crate) budget: BudgetArgs,
}

/// How tokens are drawn.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Sampling")]
pub(crate) struct SamplingArgs {
    /// 0 takes the most probable token each time
    #[arg(long, value_name = "X")]
    pub(crate) temperature: Option<String>,

    /// Keep the smallest set of tokens with this probability
    #[arg(long, value_name = "X")]
    pub(crate) top_p: Option<String>,

    /// Keep this many tokens; 0 keeps all
    #[arg(long, value_name = "N")]
    pub(crate) top_k: Option<String>,

    /// Drop tokens less probable than this share of the best one
    #[arg(long, value_name = "X")]
    pub(crate) min_p: Option<String>,

    /// End a reply after this many tokens
    #[arg(long, value_name = "N")]
    pub(crate) max_tokens: Option<String>,

    /// Seed of the random numbers
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<String>,
}

/// How programs are run.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Judge")]
pub(crate) struct JudgeArgs {
    /// Programs judged at a time
    #[arg(long, value_name = "N")]
    pub(crate) judge_cells: Option<String>,

    /// Run programs without a sandbox where the machine offers none
    #[arg(long)]
    pub(crate) allow_weak: bool,
}

/// When to stop paying.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Budget")]
pub(crate) struct BudgetArgs {
    /// Stop after this many model calls
    #[arg(long, value_name = "N")]
    pub(crate) max_calls: Option<String>,

    /// Stop after this many tokens, sent and received
    #[arg(long, value_name = "N")]
    pub(crate) max_total_tokens: Option<String>,

    /// Stop at this cost, in the unit of the price file
    #[arg(long, value_name = "X")]
    pub(crate) max_cost: Option<String>,

    /// Stop after this many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) max_seconds: Option<String>,

    /// File with prices per model
    #[arg(long, value_name = "FILE")]
    pub(crate) prices: Option<String>,
}

impl JudgeArgs {
    /// What these flags set.
    pub(crate) fn overrides(&self) -> Vec<Override> {
        let allow_weak = self.allow_weak.then(|| "true".to_string());
        given([
            ("judge.cells", "--judge-cells", &self.judge_cells),
            ("judge.allow_weak", "--allow-weak", &allow_weak),
        ])
    }
}

impl SettingsArgs {
    /// What these flags set.
    pub(crate) fn overrides(&self) -> Vec<Override> {
        let mut overrides = given([
            ("model", "--model", &self.model),
            ("weights", "--weights", &self.weights),
            ("adapters", "--adapters", &self.adapters),
            ("base_url", "--base-url", &self.base_url),
            ("strategy", "--strategy", &self.strategy),
            ("k", "-k", &self.k),
            ("t", "-t", &self.t),
            ("n", "-n", &self.n),
            ("without", "--without", &self.without),
            ("language", "--language", &self.language),
            ("prompts", "--prompts", &self.prompts),
            ("concurrency", "--concurrency", &self.concurrency),
            ("n_parallel", "--n-parallel", &self.n_parallel),
            ("threads", "--threads", &self.threads),
            ("context", "--context", &self.context),
            ("grammar", "--grammar", &self.grammar),
            ("ledger", "--ledger", &self.ledger),
            ("timeout", "--timeout", &self.timeout),
            ("max_attempts", "--max-attempts", &self.max_attempts),
            (
                "sampling.temperature",
                "--temperature",
                &self.sampling.temperature,
            ),
            ("sampling.top_p", "--top-p", &self.sampling.top_p),
            ("sampling.top_k", "--top-k", &self.sampling.top_k),
            ("sampling.min_p", "--min-p", &self.sampling.min_p),
            (
                "sampling.max_tokens",
                "--max-tokens",
                &self.sampling.max_tokens,
            ),
            ("sampling.seed", "--seed", &self.sampling.seed),
            ("budget.calls", "--max-calls", &self.budget.max_calls),
            (
                "budget.tokens",
                "--max-total-tokens",
                &self.budget.max_total_tokens,
            ),
            ("budget.cost", "--max-cost", &self.budget.max_cost),
            ("budget.seconds", "--max-seconds", &self.budget.max_seconds),
            ("prices", "--prices", &self.budget.prices),
        ]);
        overrides.extend(self.judge.overrides());
        overrides
    }
}

fn given<const N: usize>(
    flags: [(&'static str, &'static str, &Option<String>); N],
) -> Vec<Override> {
    flags
        .into_iter()
        .filter_map(|(key, flag, value)| {
            let value = value.clone()?;
            Some(Override { key, flag, value })
        })
        .collect()
}
