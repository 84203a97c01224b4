use std::path::PathBuf;

use model::ModelError;

use super::CheckpointError;

/// Why a run ended without an adapter.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The model cannot be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The example's tokens are not the model's.
    #[error("train on {example}: token {token} is not in the model's vocabulary")]
    Vocabulary {
        /// The example.
        example: String,
        /// The token.
        token: u32,
    },
    /// The loss or its gradient is infinite or undefined.
    #[error("take step {step}: {what} is not a finite number; the examples are {examples}; {last}")]
    NotFinite {
        /// The step, from 1.
        step: u64,
        /// What is not finite.
        what: &'static str,
        /// The examples of the pass or step.
        examples: String,
        /// Which checkpoint is the last good one.
        last: String,
    },
    /// A file cannot be written.
    #[error("write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A checkpoint cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Threads cannot be started.
    #[error("start the threads: {0}")]
    Threads(String),
}
