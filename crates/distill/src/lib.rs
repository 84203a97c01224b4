//! From recorded or imported exchanges to verified example sets, one per agent.
//!
//! 1. A [`Trace`] is all that happened on one problem in one run: [`Trace::of_run`] reads it from our own ledger,
//!    [`import`] rebuilds it from exchanges and programs that others published. [`write_traces`] keeps them in a file.
//! 2. A [`plan::Plan`] says what is distilled from what. [`correct`] lets a supervisor correct a run that failed;
//!    [`Trace::of_transcript`] is the trace of a run, corrected or not, without a word of feedback.
//! 3. [`examples`] takes what teaches from traces, [`Decontamination`] drops what evaluation sets hold,
//!    and [`select`] what is too long, too much or said already.
//! 4. [`mod@export`] writes them for trainers, with a [`Card`] that says where everything comes from; [`verify`] reads
//!    them back and judges their programs again.
//!
//! Models are asked by a team and a supervisor alone, and whatever they say is recorded. A [`Referee`] sends programs to
//! the judge and remembers how they fared, so that the same record gives the same bytes. Nothing here starts a process or
//! prints.

mod blame;
mod bundle;
mod card;
mod confirm;
mod contamination;
mod correct;
mod distilled;
mod drafts;
pub mod estimate;
mod example;
pub mod export;
mod held_out;
mod import;
pub mod plan;
mod referee;
mod select;
mod similar;
mod tally;
mod trace;
mod transcript;
pub mod verify;
mod words;

pub use blame::{BlameCounts, Blamed};
pub use bundle::{BundleError, Header, TRACES_SCHEMA, read_traces, write_traces};
pub use card::{AgentCard, CARD_SCHEMA, Card, Made, Spent};
pub use confirm::confirmed;
pub use contamination::{Decontamination, Finding, TOKENS, WORDS};
pub use correct::{Account, CorrectError, End, Round, correct};
pub use distilled::{Cast, Distilled};
pub use drafts::{clear_drafts, draft};
pub use example::{Example, LABELS, examples};
pub use held_out::{HeldOut, hold_out, identity};
pub use import::{Import, ImportError, Imported, Lesson, Log, import};
pub use referee::Referee;
pub use select::{Measured, Selection, select};
pub use tally::Tally;
pub use trace::{Evidence, SetRef, Source, Step, Trace, TraceError};
