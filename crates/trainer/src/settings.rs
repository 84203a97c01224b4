//! The settings of a training run, under the names that axolotl and Hugging Face's trainer gave them.

use std::path::PathBuf;

use serde::Serialize;

use model::Target;

use crate::lora::LoraShape;
use crate::optimiser::{AdamWSettings, Schedule};

mod keys;

use keys::Keys;

/// Why settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The text is no YAML, or no mapping.
    #[error("read the settings: {0}")]
    Yaml(String),
    /// A key that means nothing here.
    #[error("read the settings: the key `{key}` is unknown{}", .similar.as_ref().map(|key| format!("; `{key}` is known")).unwrap_or_default())]
    Unknown {
        /// The key.
        key: String,
        /// A known key that it may be a misspelling of.
        similar: Option<String>,
    },
    /// A key that there is no run without.
    #[error("read the settings: the key `{0}` is missing")]
    Missing(&'static str),
    /// Two names of one setting.
    #[error("read the settings: `{0}` and `{1}` are two names of the same setting")]
    Twice(String, String),
    /// A value of the wrong type or beyond reason.
    #[error("read the settings: `{key}` {problem}")]
    Value {
        /// The key.
        key: String,
        /// What is wrong with its value.
        problem: String,
    },
}

/// Where examples come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DataSource {
    /// A file of JSON lines; relative to the file of settings.
    pub path: PathBuf,
}

/// How much is set aside to see what was learnt.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum SetAside {
    /// So many examples.
    Count(usize),
    /// This share of all examples.
    Share(f64),
}

/// A training run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Settings {
    /// The model to build on: a GGUF file, a folder as `transformers` saves it, or a name known to the caller.
    pub base_model: String,
    /// Examples to learn from.
    pub datasets: Vec<DataSource>,
    /// Examples that only measure what was learnt.
    pub test_datasets: Vec<DataSource>,
    /// Examples of `datasets` that only measure what was learnt.
    pub val_set_size: SetAside,
    /// The folder that adapters, checkpoints and the log are written to.
    pub output_dir: PathBuf,
    /// Rank of the adapters; the paper's 32 unless set.
    pub lora_r: usize,
    /// What the product of A and B is multiplied by, times the rank; twice the rank unless set.
    pub lora_alpha: f64,
    /// The share of its inputs that an adapter does not see in a step.
    pub lora_dropout: f64,
    /// The linear layers that are adapted; all seven unless set.
    pub lora_target_modules: Vec<Target>,
    /// The tokens from whose last occurrence on the adapter acts; what comes before is the base's alone,
    /// so its keys and values are the same for every such adapter. Empty for an adapter that always acts.
    pub alora_invocation_tokens: Vec<u32>,
    /// The same as a text, which the model's tokenizer turns into tokens.
    pub alora_invocation_string: Option<String>,
    /// The highest learning rate.
    pub learning_rate: f64,
    /// Its course after the warm-up.
    pub lr_scheduler: Schedule,
    /// Steps in which the learning rate rises. Takes precedence over the ratio.
    pub warmup_steps: Option<u64>,
    /// The share of steps in which the learning rate rises.
    pub warmup_ratio: f64,
    /// Examples, or packed sequences, that are counted as one batch.
    pub micro_batch_size: usize,
    /// Batches in a step.
    pub gradient_accumulation_steps: usize,
    /// How often each example is seen; parts of an epoch are allowed.
    pub num_epochs: f64,
    /// The most steps to take.
    pub max_steps: Option<u64>,
    /// The most tokens of an example, or of a packed sequence.
    pub sequence_len: usize,
    /// Whether short examples share a sequence, so that every batch has about as many tokens.
    pub sample_packing: bool,
    /// The longest that a gradient may be; zero for any length.
    pub max_grad_norm: f64,
    /// What numbers shrink by in each step, times the learning rate.
    pub weight_decay: f64,
    /// AdamW's memory of gradients.
    pub adam_beta1: f64,
    /// AdamW's memory of their squares.
    pub adam_beta2: f64,
    /// What keeps AdamW from dividing by zero.
    pub adam_epsilon: f64,
    /// What all randomness follows from.
    pub seed: u64,
    /// Steps between checkpoints; none but the last unless set.
    pub save_steps: Option<u64>,
    /// Checkpoints that are kept, the best apart.
    pub save_total_limit: usize,
    /// Steps between measurements on the examples set aside; once an epoch unless set.
    pub eval_steps: Option<u64>,
    /// Measurements without progress after which the run ends early.
    pub early_stopping_patience: Option<u64>,
    /// Whether the final adapter is the one that measured best.
    pub load_best_model_at_end: bool,
    /// Whether blocks are computed twice to save memory; as the memory allows unless set.
    pub gradient_checkpointing: Option<bool>,
}

/// Most examples are shorter than this many tokens; longer ones need a setting.
const SEQUENCE_LEN: usize = 2048;

impl Settings {
    /// Reads settings from YAML.
    ///
    /// # Errors
    /// When it is no YAML, a key is unknown, missing or given twice, or a value is of the wrong type or beyond reason.
    pub fn parse(yaml: &str) -> Result<Settings, SettingsError> {
        let mut keys = Keys::parse(yaml)?;
        keys.one_of("adapter", "lora", &["lora"])?;
        keys.one_of(
            "optimizer",
            "adamw",
            &["adamw", "adamw_torch", "adamw_torch_fused"],
        )?;
        keys.one_of("bias", "none", &["none"])?;
        let lora_r = keys.positive("lora_r", 32)?;
        let settings = Settings {
            base_model: keys.need("base_model")?,
            datasets: keys.sources("datasets")?,
            test_datasets: keys.sources("test_datasets")?,
            val_set_size: keys.set_aside("val_set_size")?,
            output_dir: keys.need("output_dir")?,
            lora_r,
            lora_alpha: keys.number("lora_alpha", 2.0 * lora_r as f64, |x| x > 0.0)?,
            lora_dropout: keys.number("lora_dropout", 0.0, |x| (0.0..1.0).contains(&x))?,
            lora_target_modules: keys.targets("lora_target_modules")?,
            alora_invocation_tokens: keys.or("alora_invocation_tokens", Vec::new())?,
            alora_invocation_string: keys.optional("alora_invocation_string")?,
            learning_rate: keys.number("learning_rate", 2e-4, |x| x > 0.0)?,
            lr_scheduler: keys.or("lr_scheduler", Schedule::default())?,
            warmup_steps: keys.optional("warmup_steps")?,
            warmup_ratio: keys.number("warmup_ratio", 0.03, |x| (0.0..1.0).contains(&x))?,
            micro_batch_size: keys.positive("micro_batch_size", 4)?,
            gradient_accumulation_steps: keys.positive("gradient_accumulation_steps", 1)?,
            num_epochs: keys.number("num_epochs", 3.0, |x| x > 0.0 && x <= 1e6)?,
            max_steps: keys.optional("max_steps")?,
            sequence_len: keys.positive("sequence_len", SEQUENCE_LEN)?,
            sample_packing: keys.or("sample_packing", false)?,
            max_grad_norm: keys.number("max_grad_norm", 1.0, |x| x >= 0.0)?,
            weight_decay: keys.number("weight_decay", 0.0, |x| x >= 0.0)?,
            adam_beta1: keys.number("adam_beta1", 0.9, |x| (0.0..1.0).contains(&x))?,
            adam_beta2: keys.number("adam_beta2", 0.999, |x| (0.0..1.0).contains(&x))?,
            adam_epsilon: keys.number("adam_epsilon", 1e-8, |x| x > 0.0)?,
            seed: keys.or("seed", 42)?,
            save_steps: keys.optional("save_steps")?,
            save_total_limit: keys.positive("save_total_limit", 2)?,
            eval_steps: keys.optional("eval_steps")?,
            early_stopping_patience: keys.optional("early_stopping_patience")?,
            load_best_model_at_end: keys.or("load_best_model_at_end", false)?,
            gradient_checkpointing: keys.optional("gradient_checkpointing")?,
        };
        keys.finish()?;
        if settings.datasets.is_empty() {
            return Err(SettingsError::Missing("datasets"));
        }
        let wrong = |key: &str, problem: &str| {
            Err(SettingsError::Value {
                key: key.to_string(),
                problem: problem.to_string(),
            })
        };
        for (key, steps) in [
            ("save_steps", settings.save_steps),
            ("eval_steps", settings.eval_steps),
            ("max_steps", settings.max_steps),
        ] {
            if steps == Some(0) {
                return wrong(key, "must be a whole number above 0");
            }
        }
        if !settings.alora_invocation_tokens.is_empty()
            && settings.alora_invocation_string.is_some()
        {
            return Err(SettingsError::Twice(
                "alora_invocation_tokens".to_string(),
                "alora_invocation_string".to_string(),
            ));
        }
        let measures = !settings.test_datasets.is_empty()
            || !matches!(settings.val_set_size, SetAside::Count(0));
        if !measures
            && (settings.load_best_model_at_end || settings.early_stopping_patience.is_some())
        {
            return wrong(
                "val_set_size",
                "must set examples aside (or `test_datasets` name some), since the best adapter is asked for",
            );
        }
        Ok(settings)
    }

    /// The shape of the adapter.
    pub fn shape(&self) -> LoraShape {
        LoraShape {
            rank: self.lora_r,
            scale: self.lora_alpha / self.lora_r as f64,
            targets: self.lora_target_modules.clone(),
        }
    }

    /// How the optimiser behaves.
    pub fn optimiser(&self) -> AdamWSettings {
        AdamWSettings {
            beta1: self.adam_beta1,
            beta2: self.adam_beta2,
            epsilon: self.adam_epsilon,
            weight_decay: self.weight_decay,
        }
    }

    /// Steps in which the learning rate rises, of so many.
    pub fn n_warmup(&self, n_steps: u64) -> u64 {
        let by_ratio = (self.warmup_ratio * n_steps as f64).ceil() as u64;
        self.warmup_steps.unwrap_or(by_ratio)
    }
}
