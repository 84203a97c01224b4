//! What the trainer computes, against derivatives by difference and against `transformers` with `peft`;
//! what a run does with its data, its settings and its checkpoints.

#![expect(
    clippy::unwrap_used,
    reason = "a fault in a test's own set-up may panic"
)]

mod data;
mod engine;
mod gradients;
mod merge;
mod order;
mod plan;
mod reference;
mod run;
mod settings;
