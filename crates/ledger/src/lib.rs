//! The durable record of every model call and every judging.
//!
//! 1. [`Ledger::open`] opens or creates the file, an ordinary SQLite database.
//! 2. [`Ledger::begin_run`] names a run by its content: the same [`RunSpec`] continues the same run.
//! 3. [`Ledger::ask`] and [`Ledger::judge`] answer from the record, or make the call and record it.
//!    Keys are content digests, so an answer serves every run that asks the same question.
//! 4. [`Ledger::record_outcome`] keeps the final result of a problem.
//! 5. [`Ledger::runs`], [`Ledger::calls`], [`Ledger::ambiguous`] and [`Ledger::export`] read it all back;
//!    [`Ledger::import`] takes an export into another ledger.
//!
//! What "once" means. A recorded answer is unique: the first one stands and everyone gets it.
//! A call is made again only when nothing was recorded for it. The attempt is committed before the call is sent,
//! so when a process dies between sending and recording, the attempt is left without an end:
//! [`Ledger::ambiguous`] lists it, and says whether the question was asked again;
//! a call that was cancelled is listed there too once its question is asked again.
//!
//! What "recorded" means. Commits wait for the disk (write-ahead log, `synchronous=FULL`): what was acknowledged
//! survives a killed process and a power cut. Many callers share one commit.

mod answers;
mod attempts;
mod calls;
mod columns;
mod error;
mod export;
mod flight;
mod import;
mod ledger;
mod memo;
mod outcomes;
mod process;
mod question;
mod readers;
mod runs;
mod schema;
mod stored;
mod texts;
mod writer;

pub use attempts::AmbiguousCall;
pub use calls::{AgentTotals, Call, CallSummary};
pub use error::{CallError, ExportError, ImportError, LedgerError};
pub use import::Imported;
pub use ledger::Ledger;
pub use memo::Recorded;
pub use process::Process;
pub use runs::{RunId, RunSpec, RunSummary};

#[cfg(test)]
mod tests;
