//! Readers for benchmarks and for a user's own problems.
//!
//! 1. [`load`] reads a file or a folder and tells its [`Format`] by the fields it finds;
//!    [`read`] does the same for bytes that are already here. Both give a [`DataSet`].
//! 2. A [`DataSet`] holds [`domain::Task`]s, the digest of what was read, and an account of what was left out:
//!    rows that could not be read, and samples that are ambiguous or known to be wrong.
//! 3. [`DataSet::select`] narrows it to some problems.
//! 4. [`references`] gives the published solutions, which are no part of a task: only tests may look at them.
//!
//! Nothing here runs a program, opens a connection, or prints.

mod data_set;
mod format;
mod humaneval;
mod load;
mod lpw;
mod mbpp;
mod multipl_e;
mod own;
mod python;
mod rows;
mod samples;

pub use data_set::{DataSet, DroppedSample, Reference, SkippedRow};
pub use format::Format;
pub use load::{LoadError, load, read, references};
pub use own::{OwnFunction, OwnLimits, OwnProblem, OwnTest, ProblemError};

#[cfg(test)]
mod tests;
