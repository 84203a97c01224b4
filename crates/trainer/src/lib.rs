//! Low-rank adapters for the decoder of `model`, trained with a backward pass that is written by hand, layer by layer.
//!
//! 1. [`Base::load`] maps a model's weights, which stay frozen and are decoded when they are needed.
//! 2. [`Passes`] computes the loss of some [`Document`]s and its gradient with regard to an adapter's numbers.
//!
//! Every pass is generic over [`Real`]: training computes in 32 bits, derivatives are checked in 64.

mod adapter;
mod attention;
mod base;
mod block;
mod chance;
mod data;
mod dropout;
mod elementwise;
mod handover;
mod head;
mod linear;
mod lora;
mod optimiser;
mod parity;
mod pass;
pub mod peft;
mod product;
mod real;
mod rows;
mod run;
mod settings;

pub use adapter::{MergeError, Precision, StoredAdapter, StoredError, StoredSettings};
pub use base::{Base, Residence};
pub use data::{DataError, Document, Encoding, Example, Order, Row, RowError, Step, Tally, order};
pub use handover::{Handover, HandoverError, TextFile, Tool};
pub use lora::LoraShape;
pub use model::Target;
pub use optimiser::{AdamW, AdamWSettings, Schedule, clip};
pub use parity::Parity;
pub use pass::{Drops, Keep, Passes};
pub use real::Real;
pub use run::{
    CheckpointError, Ending, Event, Job, Longest, Plan, PlanRow, StepReport, TrainError, Watch,
    operations_per_second, rehearse, set_aside, steps, train,
};
pub use settings::{DataSource, SetAside, Settings, SettingsError};
