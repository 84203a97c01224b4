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
//! # Python tests
//!
//! They run in a second cell. There, names that the test code does not define stand for the program's,
//! and calls cross a socket. The program never sees an expected value, and a test never sees an object that the
//! program made. Each test loads the program afresh.
//!
//! - Only values of exact built-in types cross (numbers, text, bytes, containers, ranges, a few of the standard
//!   library's such as `Decimal` and `date`). Subclasses lose what they add: a `Counter` arrives as a `dict`.
//! - Generators and other iterators are run to their end, up to a bound, and arrive as iterators.
//! - Objects of the program's own classes stay there. The test holds a handle, through which it may call methods and
//!   get and set attributes, and which equals nothing but itself: the program's `__eq__` is never asked.
//! - What a call changes in its arguments is copied back in place.
//! - Exceptions arrive as the nearest built-in one. One that the test does not expect is [`domain::Verdict::RuntimeError`].
//! - A name that is also a builtin's, such as `sum`, is the program's only in a test that names nothing else of it.
//! - A test that uses helpers which the program defines trusts them; that is a property of the test.
//! - A broken protocol is [`domain::Verdict::Security`].
//!
//! # Checkers
//!
//! - Where an output is not accepted, the report's message says where it first differs, in one line.
//! - testlib's standard checkers are functions with testlib's outcomes; an output in a wrong format is a wrong answer.
//! - A checker that is a program is C++17. `testlib.h` is the judge's own header for checkers, or a testlib that stands
//!   in the source itself. It opens its three files with `fopen`, and ends with a call of `quit` or its kin, or a `return`.
//! - A checker that fails, gives points, or cannot read the accepted answer is [`JudgeError::Checker`].
//! - Rules of published harnesses reproduce published numbers, mistakes included; they should decide nothing.
//! - What a function returned is compared by type and value: tuples are lists, integers are exact, `True` is not 1.

mod bundle;
mod cell;
mod checkers;
mod compile;
mod error;
mod groups;
mod handle;
mod judge;
mod languages;
mod prepare;
mod probe;
mod protocol;
mod queue;
mod settings;
mod sys;
mod verdict;
mod wait;
mod worker;

pub use error::JudgeError;
pub use judge::Judge;
pub use languages::packages;
pub use probe::{Probe, probe};
pub use settings::Settings;

#[cfg(test)]
mod tests;
