//! The model crate at its boundary, against reference values (`tests/reference/make.py`).

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests may fail and speak as tests do"
)]

mod adapters;
mod chat;
mod decoder;
mod device;
mod folder;
mod gguf;
mod memory;
mod rope;
mod support;
mod tokenizer;
