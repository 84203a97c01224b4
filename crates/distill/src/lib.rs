//! From recorded or imported exchanges to verified example sets, one per agent.
//!
//! 1. A [`Trace`] is all that happened on one problem in one run: [`Trace::of_run`] reads it from our own ledger.
//!
//! Nothing here asks a model, starts a process, or prints.

mod trace;

pub use trace::{Evidence, SetRef, Source, Step, Trace, TraceError};
