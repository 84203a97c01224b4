//! The command line of `mapcoder model`.

use clap::{Args, Subcommand};

use super::overrides::given;
use crate::settings::Override;

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
