//! Models as their callers see them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod budget;
mod faults;
mod mock;
mod real;
mod replay;
mod requests;
