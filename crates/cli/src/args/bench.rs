//! The command line of `mapcoder bench`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::LocalArgs;
use super::overrides::given;
use crate::settings::Override;

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
    /// Reports of many made-up problems: how soon they open, what it takes to write them, and listing their ledger
    #[command(after_help = crate::commands::REPORT_TABLE)]
    Report {
        /// Problems of a report; several with commas between them, the fewest first
        #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1000, 5000, 10_000], value_parser = clap::value_parser!(u32).range(1..))]
        problems: Vec<u32>,

        /// Quiet samples of each figure
        #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
        samples: u32,
    },
    /// The server of `bench pipeline`
    #[command(hide = true)]
    MockServer {
        #[arg(long, value_name = "MS")]
        latency_ms: u64,
    },
}

/// A part of what `bench train` measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TrainPart {
    /// Steps beside torch in 32 bits, and memory
    Step,
    /// Steps beside torch in 16 bits, which takes minutes a step where the processor cannot compute in them
    Bf16,
    /// Packed beside padded examples
    Packing,
    /// Activated beside ordinary adapters
    Activated,
}

/// The command line of `mapcoder bench cost`.
#[derive(Debug, Args)]
pub(crate) struct CostArgs {
    /// The data set: `humaneval`, a file, or a folder of problems
    #[arg(long, value_name = "DATA", default_value = "humaneval")]
    pub(crate) data: String,

    /// Problems to work on
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,

    /// The other model: a GGUF file, a folder, or `hf:OWNER/NAME`; without adapters
    #[arg(long, value_name = "MODEL")]
    pub(crate) against: Option<String>,

    /// The team's adapters, as `eval` takes them
    #[arg(long, value_name = "FOLDER")]
    pub(crate) adapters: Option<String>,

    /// Plans for each problem
    #[arg(short, value_name = "N", default_value_t = 3)]
    pub(crate) k: u32,

    /// Repairs for each plan
    #[arg(short, value_name = "N", default_value_t = 5)]
    pub(crate) t: u32,

    #[command(flatten)]
    pub(crate) local: LocalArgs,
}

impl CostArgs {
    /// What these flags set for the team.
    pub(crate) fn overrides(&self) -> Vec<Override> {
        let adapters = given([("adapters", "--adapters", &self.adapters)]);
        [self.local.overrides(), adapters].concat()
    }
}
