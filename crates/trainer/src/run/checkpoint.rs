//! What a run is at one step, in a folder: a PEFT adapter with all that training needs to go on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::Config;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Job, TrainError, files};
use crate::data::{self, Step, hex};
use crate::lora::Places;
use crate::optimiser::AdamW;
use crate::pass::Passes;
use crate::peft;

const STATE: &str = "trainer_state.json";
const OPTIMISER: &str = "optimizer.safetensors";
const SCHEMA: &str = "mapcoder.checkpoint/1";

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// A file cannot be read.
    #[error("go on from {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is not what was written.
    #[error(
        "go on from {path}: {problem}; remove this checkpoint, and the run goes on from the one before"
    )]
    Corrupt {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// It belongs to another run.
    #[error(
        "go on from {path}: it was trained with another {what}; choose another `output_dir`, or remove this one"
    )]
    Other {
        /// The folder.
        path: PathBuf,
        /// What differs.
        what: &'static str,
    },
}

/// What makes a run the same run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    settings: String,
    model: String,
    examples: String,
    order: String,
}

impl Identity {
    pub(super) fn new(job: &Job<'_>, steps: &[Step]) -> Identity {
        // Where and how often a run writes changes nothing in what it computes.
        let mut settings = serde_json::json!(job.settings);
        if let Some(settings) = settings.as_object_mut() {
            for key in [
                "output_dir",
                "save_steps",
                "save_total_limit",
                "gradient_checkpointing",
            ] {
                settings.remove(key);
            }
        }
        let mut model = Sha256::new();
        for (name, bytes) in job.source.files() {
            model.update(format!("{name} {}\n", bytes.len()));
            // Headers and the first weights tell models apart; all bytes would take minutes for large ones.
            model.update(&bytes[..bytes.len().min(1 << 20)]);
        }
        let mut examples = Sha256::new();
        for example in job.examples.iter().chain(job.set_aside) {
            let document = &example.document;
            examples.update((document.tokens.len() as u64).to_le_bytes());
            for (token, trained) in document.tokens.iter().zip(&document.trained) {
                examples.update(token.to_le_bytes());
                examples.update([u8::from(*trained)]);
            }
            examples.update((document.n_prefix as u64).to_le_bytes());
        }
        Identity {
            settings: hex(&Sha256::digest(settings.to_string())),
            model: hex(&model.finalize()),
            examples: hex(&examples.finalize()),
            order: data::digest(steps),
        }
    }

    /// A digest of the examples.
    pub(super) fn examples(&self) -> &str {
        &self.examples
    }

    fn difference(&self, other: &Identity) -> Option<&'static str> {
        [
            (&self.model, &other.model, "model"),
            (&self.settings, &other.settings, "setting"),
            (&self.examples, &other.examples, "set of examples"),
            (&self.order, &other.order, "order of examples"),
        ]
        .into_iter()
        .find(|(ours, theirs, _)| ours != theirs)
        .map(|(_, _, what)| what)
    }
}

/// The adapter that measured best so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Best {
    pub(super) step: u64,
    pub(super) loss: f64,
}

/// A run at one step.
pub(super) struct Checkpoint {
    /// Steps that were taken.
    pub(super) step: u64,
    pub(super) numbers: Vec<f32>,
    pub(super) optimiser: AdamW<f32>,
    pub(super) best: Option<Best>,
    /// Measurements since the best one.
    pub(super) n_without_progress: u64,
}

/// `trainer_state.json`. The order of examples and all chance follow from the seed and the step.
#[derive(Serialize, Deserialize)]
struct State {
    schema: String,
    step: u64,
    n_steps: u64,
    seed: u64,
    identity: Identity,
    best: Option<Best>,
    n_without_progress: u64,
    /// SHA-256 of the other files.
    files: BTreeMap<String, String>,
}

fn corrupt(path: &Path, problem: impl Into<String>) -> CheckpointError {
    CheckpointError::Corrupt {
        path: path.to_path_buf(),
        problem: problem.into(),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    std::fs::read(path).map_err(|source| CheckpointError::Read {
        path: path.to_path_buf(),
        source,
    })
}

/// Checkpoints in a folder, the last first.
fn all(output: &Path) -> Vec<(u64, PathBuf)> {
    let entries = std::fs::read_dir(output).into_iter().flatten().flatten();
    let mut found: Vec<(u64, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name();
            let step = name.to_str()?.strip_prefix("checkpoint-")?.parse().ok()?;
            Some((step, entry.path()))
        })
        .collect();
    found.sort_unstable_by_key(|(step, _)| std::cmp::Reverse(*step));
    found
}

/// The newest checkpoint.
pub(super) fn newest(output: &Path) -> Option<PathBuf> {
    all(output).into_iter().next().map(|(_, path)| path)
}

/// `adapter_config.json` of a job.
pub(super) fn adapter_config(job: &Job<'_>) -> String {
    let settings = job.settings;
    peft::config_json(
        &settings.shape(),
        settings.lora_alpha,
        settings.lora_dropout,
        &settings.base_model,
        &settings.alora_invocation_tokens,
    )
}

fn best_folder(output: &Path, step: u64) -> PathBuf {
    output.join(format!("best-{step}"))
}

/// The numbers of the adapter that measured best.
pub(super) fn best_weights(output: &Path, step: u64) -> Result<Vec<u8>, CheckpointError> {
    read(&best_folder(output, step).join(peft::WEIGHTS))
}

impl Checkpoint {
    /// The last checkpoint of a run, where there is one.
    pub(super) fn last(
        job: &Job<'_>,
        identity: &Identity,
        places: &Places,
        config: &Config,
    ) -> Result<Option<Checkpoint>, CheckpointError> {
        let Some(path) = newest(job.output) else {
            return Ok(None);
        };
        let state: State = serde_json::from_slice(&read(&path.join(STATE))?)
            .map_err(|error| corrupt(&path, format!("{STATE} is damaged: {error}")))?;
        if state.schema != SCHEMA {
            return Err(corrupt(
                &path,
                format!("it has the format `{}`", state.schema),
            ));
        }
        if let Some(what) = state.identity.difference(identity) {
            return Err(CheckpointError::Other { path, what });
        }
        let read_whole = |name: &str| -> Result<Vec<u8>, CheckpointError> {
            let bytes = read(&path.join(name))?;
            let digest = hex(&Sha256::digest(&bytes));
            match state.files.get(name) {
                Some(written) if *written == digest => Ok(bytes),
                _ => Err(corrupt(&path, format!("{name} is not what was written"))),
            }
        };
        let numbers = peft::of_bytes(&read_whole(peft::WEIGHTS)?, places, config)
            .map_err(|problem| corrupt(&path, problem))?;
        let [means, squares] = moments_of_bytes(&read_whole(OPTIMISER)?, places.len)
            .map_err(|problem| corrupt(&path, problem))?;
        Ok(Some(Checkpoint {
            step: state.step,
            numbers,
            optimiser: AdamW {
                settings: job.settings.optimiser(),
                n_steps: state.step,
                means,
                squares,
            },
            best: state.best,
            n_without_progress: state.n_without_progress,
        }))
    }

    /// Writes this checkpoint, and removes old ones.
    pub(super) fn save(
        &self,
        job: &Job<'_>,
        identity: &Identity,
        n_steps: u64,
        passes: &Passes<'_, '_, f32>,
    ) -> Result<PathBuf, TrainError> {
        let config = adapter_config(job);
        let weights = passes.to_peft(&self.numbers);
        let moments = moments_to_bytes(&self.optimiser);
        let digests = [
            (peft::CONFIG, config.as_bytes()),
            (peft::WEIGHTS, &weights),
            (OPTIMISER, &moments),
        ]
        .map(|(name, bytes)| (name.to_string(), hex(&Sha256::digest(bytes))));
        let state = State {
            schema: SCHEMA.to_string(),
            step: self.step,
            n_steps,
            seed: job.settings.seed,
            identity: identity.clone(),
            best: self.best,
            n_without_progress: self.n_without_progress,
            files: digests.into(),
        };
        let state = format!("{:#}\n", serde_json::json!(state));
        let path = job.output.join(format!("checkpoint-{}", self.step));
        files::write_folder(
            &path,
            &[
                (peft::CONFIG, config.as_bytes()),
                (peft::WEIGHTS, &weights),
                (OPTIMISER, &moments),
                (STATE, state.as_bytes()),
            ],
        )?;
        for (_, old) in all(job.output)
            .into_iter()
            .skip(job.settings.save_total_limit)
        {
            files::remove(&old).map_err(|source| TrainError::Write { path: old, source })?;
        }
        Ok(path)
    }

    /// Writes the adapter that measured best, and removes the one before.
    pub(super) fn save_best(
        &self,
        job: &Job<'_>,
        passes: &Passes<'_, '_, f32>,
        before: Option<Best>,
    ) -> Result<(), TrainError> {
        let path = best_folder(job.output, self.step);
        let (config, weights) = (adapter_config(job), passes.to_peft(&self.numbers));
        let files = [
            (peft::CONFIG, config.as_bytes()),
            (peft::WEIGHTS, &weights[..]),
        ];
        files::write_folder(&path, &files)?;
        if let Some(before) = before.filter(|before| before.step != self.step) {
            let path = best_folder(job.output, before.step);
            files::remove(&path).map_err(|source| TrainError::Write { path, source })?;
        }
        Ok(())
    }
}

/// What torch calls the optimiser's two means.
const MOMENTS: [&str; 2] = ["exp_avg", "exp_avg_sq"];

fn moments_to_bytes(optimiser: &AdamW<f32>) -> Vec<u8> {
    let moments = [&optimiser.means, &optimiser.squares].map(|numbers| peft::to_bytes(numbers));
    let views = MOMENTS.iter().zip(&moments).map(|(name, bytes)| {
        let view = TensorView::new(Dtype::F32, vec![bytes.len() / 4], bytes);
        (name, view.expect("shapes and bytes agree"))
    });
    serialize(views, None).expect("names and shapes can be written")
}

fn moments_of_bytes(bytes: &[u8], len: usize) -> Result<[Vec<f32>; 2], String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let read = |name: &str| match file.tensor(name) {
        Ok(tensor) if tensor.shape() == [len] && tensor.dtype() == Dtype::F32 => {
            Ok(peft::numbers(tensor.data()))
        }
        _ => Err(format!("`{name}` is not of the adapter's length")),
    };
    Ok([read(MOMENTS[0])?, read(MOMENTS[1])?])
}
