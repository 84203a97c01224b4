//! The flags that say how programs are run.

use clap::Args;

use super::overrides::given;
use crate::settings::Override;

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
