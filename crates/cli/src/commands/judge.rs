//! `mapcoder judge`: the judge by itself.

mod batch;
mod lines;
mod run;
mod serve;
mod show;
mod tests_folder;

use domain::Isolation;

use crate::args::JudgeCommand;
use crate::exit::Exit;
use crate::settings::Surroundings;
use crate::ui::Ui;

/// Runs one of its commands.
///
/// # Errors
/// When files cannot be read, make no sense, or no sandbox is strong enough.
pub(super) fn run(
    command: &JudgeCommand,
    surroundings: &Surroundings,
    ui: &Ui,
) -> anyhow::Result<Exit> {
    let flags = match command {
        JudgeCommand::Run(args) => &args.judge,
        JudgeCommand::Batch(args) => &args.judge,
        JudgeCommand::Serve(args) => &args.judge,
    };
    let settings = super::load(surroundings, &flags.overrides(), ui)?;
    match command {
        JudgeCommand::Run(args) => run::run(args, &settings, ui),
        JudgeCommand::Batch(args) => batch::run(args, &settings, ui),
        JudgeCommand::Serve(args) => serve::run(args, &settings, ui),
    }
}

fn isolation(fresh: bool) -> Isolation {
    if fresh {
        Isolation::Fresh
    } else {
        Isolation::Pooled
    }
}
