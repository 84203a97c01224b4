//! One file per subcommand.

mod adapters;
mod bench;
mod compare;
mod completions;
mod config;
mod data;
mod distill;
mod doctor;
mod eval;
mod exports;
mod improve;
mod judge;
mod model;
mod plan;
mod rejudge;
mod report;
mod runs;
mod solve;
mod train;
mod verify;
mod view;

pub(crate) use bench::{COST_TABLE, ENGINE_TABLE, JUDGE_TABLE, REPORT_TABLE, TRAIN_TABLE};

use crate::args::{Command, DataCommand};
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
        Command::Eval(args) if args.plan.is_some() => plan::run(&args, surroundings, ui),
        Command::Eval(args) => {
            let settings = load(surroundings, &args.settings.overrides(), ui)?;
            eval::run(&args, &settings, ui)
        }
        Command::Report(args) => {
            let settings = load(surroundings, &args.choice.ledger.overrides(), ui)?;
            report::run(&args, &settings, ui)
        }
        Command::View(args) => {
            let settings = load(surroundings, &args.choice.ledger.overrides(), ui)?;
            view::run(&args, &settings, ui)
        }
        Command::Data(args) => {
            let overrides = match &args.command {
                DataCommand::Check { judge, .. } => judge.overrides(),
                _ => Vec::new(),
            };
            data::run(&args.command, &load(surroundings, &overrides, ui)?, ui)
        }
        Command::Compare(args) => {
            let settings = load(surroundings, &args.ledger.overrides(), ui)?;
            compare::run(&args, &settings, ui)
        }
        Command::Rejudge(args) => {
            let settings = load(surroundings, &args.judge.overrides(), ui)?;
            rejudge::run(&args, &settings, ui)
        }
        Command::Verify(args) => {
            let overrides = [args.ledger.overrides(), args.judge.overrides()].concat();
            verify::run(&args, &load(surroundings, &overrides, ui)?, ui)
        }
        Command::Judge(args) => judge::run(&args.command, surroundings, ui),
        Command::Bench { command } => bench::run(&command, surroundings, ui),
        Command::Adapters(args) => adapters::run(&args.command, &load(surroundings, &[], ui)?, ui),
        Command::Distill(args) => distill::run(&args, surroundings, ui),
        Command::Improve(args) => improve::run(&args, surroundings, ui),
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
