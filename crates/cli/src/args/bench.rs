use clap::Args;

use super::{LocalArgs, given};
use crate::settings::Override;

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
