//! The judge as its users see it: programs in, verdicts out, on every rung that this machine gives.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "test helpers may panic and say what they skip"
)]

mod behaviour;
mod calls;
mod canonical;
mod checkers;
mod common;
mod compile;
mod compile_bombs;
mod environment;
mod faults;
mod groups;
mod isolation;
mod languages;
mod load;
mod numpy;
mod rejudge;
mod replies;
mod required;
mod samples;
mod suite;
