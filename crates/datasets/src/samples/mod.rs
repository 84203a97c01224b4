//! Visible tests out of what a benchmark shows: documentation strings and lists of asserts.
//!
//! Sound before complete: an example that can be read in two ways is left out,
//! because a strategy that trusts a wrong sample throws right programs away.

mod asserts;
mod docstring;
mod errata;

pub(crate) use asserts::{equality, repair};
pub(crate) use docstring::from_docstring;
pub(crate) use errata::{READINGS, fault};

#[cfg(test)]
mod tests;
