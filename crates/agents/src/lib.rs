//! The four agents: prompts, reply contracts, and the strategies that solve a problem with them.
//!
//! 1. [`Prompts`] turns a problem and an agent's part into messages; all calls about one problem share their beginning.
//! 2. [`contract`] reads replies: strictly, to count format failures, and tolerantly, to recover what is there.
//! 3. A [`Team`] holds a model, a judge and a ledger; [`Team::solve`] runs a [`Strategy`] over one problem.
//! 4. The [`Outcome`] says how it ended and what every call took. Solving the same problem again replays what the
//!    ledger holds, for free, and continues from there.
//! 5. [`Team::transcribe`] tells all that happened. A [`Supervisor`] reads the [`Transcript`] of a run that failed and names the
//!    agent at fault; with that [`Correction`] the run is done again from this agent's question on.

mod assemble;
pub mod contract;
mod correction;
mod dialect;
mod outcome;
mod prompts;
mod report;
mod strategy;
mod supervisor;
mod team;
mod transcript;
mod wording;

pub use assemble::assemble;
pub use contract::Contract;
pub use correction::Correction;
pub use outcome::{CallRecord, Candidate, Format, JudgeRecord, Outcome, Place, Status};
pub use prompts::{Conversation, PromptError, Prompts};
pub use report::report;
pub use strategy::{Strategy, UnknownStrategy, Without};
pub use supervisor::{Reviewed, Supervisor, SupervisorError};
pub use team::{Allowance, OnStep, SolveError, Step, Team};
pub use transcript::{Spot, Transcript, Trial, Turn};
