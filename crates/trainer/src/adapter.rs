//! An adapter as files hold it: read from a PEFT folder, written for llama.cpp.

use std::path::{Path, PathBuf};

use model::{Adapter, AdapterError, Architecture, Config};
use serde::Deserialize;

use crate::lora::{LoraShape, Places};
use crate::peft::{self, PeftError};

/// Bytes that tensors begin at multiples of in a GGUF file.
const ALIGNMENT: usize = 32;

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

    /// How many numbers it has.
    pub fn n_numbers(&self) -> usize {
        self.numbers.len()
    }

    /// Whether all of them are finite.
    pub fn is_finite(&self) -> bool {
        self.numbers.iter().all(|x| x.is_finite())
    }

    /// The bytes of a GGUF file that llama.cpp loads beside a model of these dimensions.
    ///
    /// Source: `convert_lora_to_gguf.py` of llama.cpp.
    pub fn to_gguf(&self, config: &Config) -> Vec<u8> {
        let places = Places::new(&self.shape, config);
        let mut tensors: Vec<(String, usize, &[f32])> = Vec::new();
        for (layer_idx, target, a, b) in places.matrices() {
            let name = format!("blk.{layer_idx}.{}.weight", target.gguf_name());
            let n_in = a.len() / places.rank;
            tensors.push((format!("{name}.lora_a"), n_in, &self.numbers[a]));
            tensors.push((format!("{name}.lora_b"), places.rank, &self.numbers[b]));
        }
        let invocation = self
            .settings
            .alora_invocation_tokens
            .as_deref()
            .unwrap_or(&[]);
        let mut file = Gguf::begin(tensors.len(), 4 + usize::from(!invocation.is_empty()));
        file.text("general.architecture", architecture(config));
        file.text("general.type", "adapter");
        file.text("adapter.type", "lora");
        // The rank divides it again.
        let alpha = self.shape.scale * self.shape.rank as f64;
        file.real("adapter.lora.alpha", alpha as f32);
        if !invocation.is_empty() {
            file.tokens("adapter.alora.invocation_tokens", invocation);
        }
        file.tensors(&tensors)
    }
}

fn architecture(config: &Config) -> &'static str {
    match config.architecture {
        Architecture::Llama => "llama",
        Architecture::Qwen2 => "qwen2",
    }
}

/// A GGUF file that is being written, version 3.
struct Gguf(Vec<u8>);

impl Gguf {
    fn begin(n_tensors: usize, n_keys: usize) -> Gguf {
        let mut file = Gguf(b"GGUF".to_vec());
        file.u32(3);
        file.u64(n_tensors);
        file.u64(n_keys);
        file
    }

    fn u32(&mut self, x: u32) {
        self.0.extend(x.to_le_bytes());
    }

    fn u64(&mut self, x: usize) {
        self.0.extend((x as u64).to_le_bytes());
    }

    fn name(&mut self, text: &str) {
        self.u64(text.len());
        self.0.extend(text.as_bytes());
    }

    fn text(&mut self, key: &str, value: &str) {
        self.name(key);
        self.u32(8);
        self.name(value);
    }

    fn real(&mut self, key: &str, value: f32) {
        self.name(key);
        self.u32(6);
        self.0.extend(value.to_le_bytes());
    }

    fn tokens(&mut self, key: &str, tokens: &[u32]) {
        self.name(key);
        self.u32(9);
        self.u32(4);
        self.u64(tokens.len());
        for &token in tokens {
            self.u32(token);
        }
    }

    /// Adds tensors with their widths, and ends the file.
    fn tensors(mut self, tensors: &[(String, usize, &[f32])]) -> Vec<u8> {
        let mut offset = 0;
        for (name, width, numbers) in tensors {
            self.name(name);
            self.u32(2);
            self.u64(*width);
            self.u64(numbers.len() / width);
            // 32-bit floats.
            self.u32(0);
            self.u64(offset);
            offset += (numbers.len() * 4).next_multiple_of(ALIGNMENT);
        }
        let mut bytes = self.0;
        for (_, _, numbers) in tensors {
            bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
            bytes.extend(peft::to_bytes(numbers));
        }
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
        bytes
    }
}
