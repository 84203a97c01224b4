//! An adapter as files hold it: read from a PEFT folder, written for llama.cpp, added to the weights that it corrects.

use std::path::{Path, PathBuf};

use model::{Adapter, AdapterError, Config};
use serde::Deserialize;

use crate::lora::LoraShape;
use crate::peft::{self, PeftError};

mod cut;
mod gguf;
mod merge;

pub use cut::Precision;
pub use merge::MergeError;

/// Why an adapter cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// A file cannot be read, or is damaged.
    #[error(transparent)]
    Peft(#[from] PeftError),
    /// It is none for this model, or asks for more than a plain adapter.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    /// The file of settings cannot be read.
    #[error("read the adapter: {path}: {problem}")]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// What `adapter_config.json` says of an adapter.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct StoredSettings {
    /// Its rank.
    pub r: usize,
    /// What the product of A and B is multiplied by, times the rank.
    pub lora_alpha: f64,
    /// The model that it was trained on.
    pub base_model_name_or_path: Option<String>,
    /// The tokens from whose last occurrence on it acts; absent where it always does.
    pub alora_invocation_tokens: Option<Vec<u32>>,
    #[serde(default)]
    use_rslora: bool,
}

/// An adapter with all of its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredAdapter {
    /// What its folder says.
    pub settings: StoredSettings,
    /// The layers that it adapts.
    pub shape: LoraShape,
    /// Its numbers, in the order of the trainer.
    numbers: Vec<f32>,
}

impl StoredSettings {
    /// Reads the settings of a PEFT folder.
    ///
    /// # Errors
    /// When there are none, or not those of a low-rank adapter.
    pub fn read(folder: &Path) -> Result<StoredSettings, StoredError> {
        let path = folder.join(peft::CONFIG);
        let wrong = |problem: String| StoredError::Settings {
            path: path.clone(),
            problem,
        };
        let text = std::fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
    }
}

impl StoredAdapter {
    /// Reads a PEFT folder for a model of these dimensions.
    ///
    /// # Errors
    /// When files are missing or damaged, or the adapter is none that this engine runs, or adapts some layers only.
    pub fn open(folder: &Path, config: &Config) -> Result<StoredAdapter, StoredError> {
        // The engine's own reader is strict about all that it would leave out.
        Adapter::load(folder, config)?;
        let settings = StoredSettings::read(folder)?;
        let targets = peft::targets(folder)?;
        let rank = settings.r as f64;
        let divisor = if settings.use_rslora {
            rank.sqrt()
        } else {
            rank
        };
        let shape = LoraShape {
            rank: settings.r,
            scale: settings.lora_alpha / divisor,
            targets,
        };
        let numbers = peft::read(folder, &shape, config)?;
        Ok(StoredAdapter {
            settings,
            shape,
            numbers,
        })
    }

    /// Its numbers, as [`crate::Passes`] takes them for its shape.
    pub fn numbers(&self) -> &[f32] {
        &self.numbers
    }

    /// How many numbers it has.
    pub fn n_numbers(&self) -> usize {
        self.numbers.len()
    }

    /// Whether all of them are finite.
    pub fn is_finite(&self) -> bool {
        self.numbers.iter().all(|x| x.is_finite())
    }
}
