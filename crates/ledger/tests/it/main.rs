//! The ledger as its callers see it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod asks;
mod crash;
mod files;
mod import;
mod listing;
mod questions;
