//! The flags of the local engine's model.

use clap::Args;

use super::overrides::given;
use crate::settings::Override;

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
