//! From recorded or imported exchanges to verified example sets, one per agent.
//!
//! 1. A [`Trace`] is all that happened on one problem in one run: [`Trace::of_run`] reads it from our own ledger.
//! 2. A [`plan::Plan`] says what is distilled from what. [`correct`] lets a supervisor correct a run that failed;
//!    [`Trace::of_transcript`] is the trace of a run, corrected or not, without a word of feedback.
//!
//! Models are asked by a team and a supervisor alone, and whatever they say is recorded. Nothing here starts a process or
//! prints.

mod blame;
mod confirm;
mod correct;
pub mod estimate;
pub mod plan;
mod trace;
mod transcript;

pub use blame::{BlameCounts, Blamed};
pub use confirm::confirmed;
pub use correct::{Account, CorrectError, End, Round, correct};
pub use trace::{Evidence, SetRef, Source, Step, Trace, TraceError};
