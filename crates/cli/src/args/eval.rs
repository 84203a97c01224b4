//! The command line of `mapcoder eval`.

use std::path::PathBuf;

use clap::Args;

use super::SettingsArgs;

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
