//! The languages: one row of data each, and what is done with a row.

mod classes;
mod header;
mod public_class;
mod python;
mod row;
mod rows;
mod search;
mod toolchain;

pub(crate) use classes::main_class;
pub(crate) use header::Header;
pub(crate) use public_class::public_class;
pub(crate) use python::{Interpreter, Warm};
pub(crate) use row::{Leaves, Run, Source};
pub(crate) use rows::row;
pub(crate) use toolchain::{Toolchain, Toolchains, compile_limits};

/// Debian's packages that bring the compiler or interpreter of a language.
pub fn packages(language: domain::Language) -> &'static str {
    row(language).packages
}

#[cfg(test)]
mod tests;
