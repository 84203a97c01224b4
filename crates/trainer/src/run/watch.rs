use std::path::Path;

use serde::Serialize;

/// What one step did, as it stands in `trainer_log.jsonl`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StepReport {
    /// The step, from 1.
    pub step: u64,
    /// Steps of the whole run.
    pub n_steps: u64,
    /// Epochs, parts included.
    pub epoch: f64,
    /// Mean loss of the trained tokens, in nats.
    pub loss: f64,
    /// Length of the gradient, before it was shortened.
    pub grad_norm: f64,
    /// The learning rate.
    pub learning_rate: f64,
    /// Tokens that passed through the model.
    pub tokens: usize,
    /// Tokens that were trained.
    pub trained_tokens: usize,
    /// Seconds that the step took.
    pub seconds: f64,
}

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// The run goes on after a checkpoint of this step.
    Resumed {
        /// The step, from 1.
        step: u64,
    },
    /// A step was taken.
    Step(StepReport),
    /// The examples set aside were measured.
    Measured {
        /// The step, from 1.
        step: u64,
        /// Mean loss of their trained tokens, in nats.
        loss: f64,
        /// Whether none was better before.
        is_best: bool,
    },
    /// A checkpoint was written.
    Saved(&'a Path),
}

/// Who follows a run, and may end it.
pub trait Watch {
    /// Something happened.
    fn event(&mut self, event: Event<'_>);

    /// True once the run should save a checkpoint and end.
    fn should_stop(&self) -> bool;
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ending {
    /// All steps were taken.
    Finished,
    /// No progress was measured for too long.
    Stopped {
        /// The last step, from 1.
        step: u64,
    },
    /// The watch asked for it; the same run goes on from here.
    Interrupted {
        /// The last step, from 1.
        step: u64,
    },
}
