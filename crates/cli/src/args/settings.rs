//! The flags of the settings.

use clap::Args;

use super::JudgeArgs;
use super::overrides::given;
use crate::settings::Override;

/// Settings that flags can override. Texts here, because [`crate::settings`] parses a value the same way
/// wherever it comes from.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct SettingsArgs {
    /// A GGUF file, a folder, `hf:OWNER/NAME`, a name, here or on the server, or `replay:FILE`: the export of a run
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,

    /// How a local model's weights are kept: `auto`, `q8_0`, `q4_1` or `f32`
    #[arg(long, value_name = "FORMAT")]
    pub(crate) weights: Option<String>,

    /// Where a local model runs: `cpu`, or `cuda`, `cuda:1`, … in a program that was built for it
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<String>,

    /// A folder with an adapter for each agent, such as `coding` or `coding.gguf`, or one for all; `none`; or
    /// `auto`: those that come with the program, for the default model
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

impl SettingsArgs {
    /// What these flags set.
    pub(crate) fn overrides(&self) -> Vec<Override> {
        let mut overrides = given([
            ("model", "--model", &self.model),
            ("weights", "--weights", &self.weights),
            ("device", "--device", &self.device),
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
