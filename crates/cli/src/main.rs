//! The `mapcoder` command: parse, wire, print, exit.
//!
//! 1. [`args`] turns the command line into typed values.
//! 2. [`settings`] lays flags, environment and files over each other.
//! 3. One file per subcommand in [`commands`] does the work; [`wiring`] builds what `solve` and `eval` work with.
//! 4. [`exit`] turns whatever happened into one line of clear error and an exit code.
//!
//! This crate alone prints, reads the environment, and picks an exit code.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "the command line alone talks to the terminal, the environment and the package client"
)]

mod adapters;
mod args;
mod assets;
mod commands;
mod data;
mod draft;
mod exit;
mod fetch;
mod files;
mod hub;
mod interrupt;
mod memory;
mod settings;
mod ui;
mod wiring;

use clap::Parser as _;

use crate::args::Cli;
use crate::settings::Surroundings;
use crate::ui::Ui;

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    let ui = Ui::new(&cli.global);
    let surroundings = Surroundings::of_this_process(cli.global.config.clone());
    let exit = commands::run(cli.command, &surroundings, &ui)
        .unwrap_or_else(|error| exit::report(&error, &surroundings, &ui));
    exit.into()
}
