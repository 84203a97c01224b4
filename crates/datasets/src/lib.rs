//! Readers for benchmarks and for a user's own problems.
//!
//! 1. [`load`] reads a file or a folder and tells its [`Format`] by the fields it finds;
//!    [`read`] does the same for bytes that are already here. Both give a [`DataSet`].
//! 2. A [`DataSet`] holds [`domain::Task`]s, the digest of what was read, and an account of what was left out:
//!    rows that could not be read, and samples that are ambiguous or known to be wrong.
//! 3. [`DataSet::select`] narrows it to some problems.
//! 4. [`load_answers`] reads programs that others published for a data set; an [`Answer`] says how it is judged.
//! 5. [`Inventory`], [`duplicates`] and [`split`] say what a set holds and divide it.
//! 6. [`Source`] says where published sets come from.
//! 7. [`references`] gives the published solutions, which are no part of a task: only tests may look at them.
//!
//! Nothing here runs a program, opens a connection, or prints.

mod answers;
mod apps;
mod codecontests;
mod container;
mod data_set;
mod errata;
mod evalplus;
mod format;
mod humaneval;
mod inspect;
mod livecodebench;
mod load;
mod lpw;
mod mbpp;
mod multipl_e;
mod own;
mod pickle;
mod printed;
mod python;
mod rows;
mod samples;
mod sources;
mod split;
mod xcodeeval;

pub use answers::{Answer, AnswerIndex, Answers, ProblemKey, Rules, load_answers};
pub use data_set::{DataSet, DroppedSample, Erratum, Reference, SkippedRow};
pub use format::Format;
pub use inspect::{Inventory, duplicates};
pub use load::{LoadError, load, read, references};
pub use own::{OwnFunction, OwnLimits, OwnProblem, OwnTest, ProblemError};
pub use sources::{How, Source};
pub use split::{Split, is_in_first_part, split};

#[cfg(test)]
mod container_tests;
#[cfg(test)]
mod contest_tests;
#[cfg(test)]
mod inspect_tests;
#[cfg(test)]
mod tests;
