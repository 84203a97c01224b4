//! The flags of results in the forms of other tools.

use std::path::PathBuf;

use clap::Args;

/// Files for other tools.
#[derive(Debug, Args)]
pub(crate) struct ExportsArgs {
    /// Write the results as EvalPlus does, to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) evalplus: Option<PathBuf>,

    /// Write an entry for a model's `.eval_results` folder on the Hugging Face hub, to this file
    #[arg(long, value_name = "FILE", requires = "hub_dataset")]
    pub(crate) hub: Option<PathBuf>,

    /// The hub's name of the data set and its task, such as `openai/openai_humaneval:openai_humaneval`
    #[arg(long, value_name = "ID:TASK", value_parser = hub_dataset)]
    pub(crate) hub_dataset: Option<(String, String)>,
}

fn hub_dataset(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((id, task)) if !id.is_empty() && !task.is_empty() => {
            Ok((id.to_string(), task.to_string()))
        }
        _ => {
            Err("expected ID:TASK, such as `openai/openai_humaneval:openai_humaneval`".to_string())
        }
    }
}
