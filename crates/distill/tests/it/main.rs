//! From exchanges to example sets, with a real judge.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests may fail as tests do, and say what is skipped"
)]

mod confirmed;
mod exported;
mod imported;
mod of_run;
mod published_data;
mod school;
