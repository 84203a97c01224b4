//! Plain data that every other crate speaks.
//!
//! Nothing here does I/O, waits, or knows another crate.
//!
//! 1. A [`Problem`] is what a strategy may see: the statement, the samples, the limits.
//!    Its hidden tests travel beside it in a [`Task`], as [`HiddenTests`], a type that no strategy receives.
//! 2. A model is asked with an [`Ask`] and answers with a [`Reply`]; both together are an [`Exchange`].
//! 3. A [`Program`] is judged by sending a [`Submission`] to the judge, which answers with a [`Judging`]:
//!    a [`Verdict`] and the evidence behind it.
//! 4. [`Ask::key`] and [`Submission::key`] are content digests: equal keys mean equal questions,
//!    which is how a run resumes without paying twice.

mod agent;
mod digest;
mod exchange;
mod judging;
mod language;
mod problem;
mod shape;

pub use agent::{Agent, UnknownAgent};
pub use digest::Digest;
pub use exchange::{Ask, Exchange, Finish, Message, Reply, Role, Sampling, Usage};
pub use judging::{
    CaseReport, Checker, Exit, Harness, Isolation, Judging, Rung, Submission, Verdict,
};
pub use language::{Language, Program, UnknownLanguage};
pub use problem::{Form, HiddenTests, Limits, Problem, Task, Test};
pub use shape::{Body, FENCE, Part, Place, Shape};

#[cfg(test)]
mod tests;
