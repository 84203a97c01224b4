//! Compiles and runs untrusted programs in sandboxed cells and compares what they say.
//!
//! 1. [`Judge::start`] finds interpreters and compilers, builds a first sandbox, and so learns the strongest
//!    [`domain::Rung`] that this machine gives.
//! 2. [`Judge::judge`] takes a [`domain::Submission`] and answers with a [`domain::Judging`]; many may wait at once.
//! 3. A wrong program is a verdict. A [`JudgeError`] means that the machine, not the program, is at fault.
//! 4. [`probe`] exercises each part of the sandbox and says in words what works and what does not.
//!
//! A *cell* is a process of its own, started once and used for many runs: the program that links this crate,
//! started again, diverted before its `main`. It owns namespaces, a file system, limits and filters,
//! and every run inside inherits them.
//!
//! Python tests run in a second cell. There, names that the test code does not define stand for the program's,
//! and calls cross a socket as values of built-in types. The program never sees an expected value,
//! and a test never sees an object of the program's making.

mod cell;
mod compare;
mod cpp;
mod error;
mod handle;
mod header;
mod judge;
mod probe;
mod protocol;
mod python;
mod queue;
mod settings;
mod sys;
mod toolchain;
mod verdict;
mod worker;

pub use error::JudgeError;
pub use judge::Judge;
pub use probe::{Probe, probe};
pub use settings::Settings;

#[cfg(test)]
mod tests;
