//! One file per subcommand.

mod adapters;
mod bench;
mod completions;
mod config;
mod doctor;
mod eval;
mod judge;
mod model;
mod runs;
mod solve;
mod train;

pub(crate) use bench::{JUDGE_TABLE, TRAIN_TABLE};

use crate::args::Command;
use crate::exit::Exit;
use crate::settings::{Override, Settings, Surroundings};
use crate::ui::Ui;

/// Runs a subcommand.
///
/// # Errors
/// Whatever it met; [`crate::exit::report`] turns that into words and an exit code.
pub(crate) fn run(command: Command, surroundings: &Surroundings, ui: &Ui) -> anyhow::Result<Exit> {
    match command {
        Command::Solve(args) => {
            let settings = load(surroundings, &args.settings.overrides(), ui)?;
            solve::run(&args, &settings, ui)
        }
        Command::Eval(args) => {
            let settings = load(surroundings, &args.settings.overrides(), ui)?;
            eval::run(&args, &settings, ui)
        }
        Command::Judge(args) => judge::run(&args.command, surroundings, ui),
        Command::Bench { command } => bench::run(&command, surroundings, ui),
        Command::Adapters(args) => adapters::run(&args.command, &load(surroundings, &[], ui)?, ui),
        Command::Train(args) => train::run(&args, &load(surroundings, &[], ui)?, ui),
        Command::Model(args) => {
            let settings = load(surroundings, &args.overrides(), ui)?;
            model::run(args.command, &settings, ui)
        }
        Command::Runs(args) => {
            let settings = load(surroundings, &args.ledger.overrides(), ui)?;
            runs::run(args.command, &settings, ui)
        }
        Command::Doctor => doctor::run(&load(surroundings, &[], ui)?, ui),
        Command::Config(args) => config::run(args.command, surroundings, ui),
        Command::Completions { shell } => completions::run(shell),
    }
}

/// Loads the settings and prints their warnings.
fn load(surroundings: &Surroundings, overrides: &[Override], ui: &Ui) -> anyhow::Result<Settings> {
    let settings = Settings::load(surroundings, overrides)?;
    for warning in &settings.warnings {
        ui.warn(warning);
    }
    Ok(settings)
}
