//! `mapcoder distill`: example sets from the runs of a teacher, and from exchanges.

mod cast;
mod estimate;
mod export;
mod import;
mod problems;
mod record;
mod run;
mod sets;
mod stages;
mod status;

use std::path::Path;

use datasets::DataSet;
use distill::verify::Export;
use distill::{Log, hold_out};
use serde_json::json;

pub(super) use self::run::{Start, read, work};
use crate::args::{DistillArgs, DistillCommand, HoldOutArgs, VerifyExportArgs};
use crate::assets::io_error;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::settings::{Override, Settings, Surroundings};
use crate::ui::Ui;
use crate::{data, files, wiring};

/// Runs the command.
///
/// # Errors
/// When something cannot be read or written, or the judge cannot be had.
pub(super) fn run(
    args: &DistillArgs,
    surroundings: &Surroundings,
    ui: &Ui,
) -> anyhow::Result<Exit> {
    let load = |overrides: Vec<Override>| super::load(surroundings, &overrides, ui);
    match &args.command {
        DistillCommand::Run(args) => run::run(args, surroundings, ui),
        DistillCommand::Status(args) => status::run(args, &load(args.ledger.overrides())?, ui),
        DistillCommand::HoldOut(args) => choose(args, ui),
        DistillCommand::Import(args) => import::run(args, &load(args.overrides())?, ui),
        DistillCommand::Export(args) => export::run(args, &load(Vec::new())?, ui),
        DistillCommand::Verify(args) => verify(args, &load(args.judge.overrides())?, ui),
    }
}

/// A name in a plan: the path beside the plan where there is something, else the name as it is.
pub(super) fn beside(folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    match std::path::absolute(&path) {
        Ok(path) if !name.is_empty() && path.exists() => path.display().to_string(),
        _ => name.to_string(),
    }
}

fn choose(args: &HoldOutArgs, ui: &Ui) -> anyhow::Result<Exit> {
    let logs = logs(&args.logs)?;
    let text = std::fs::read_to_string(&args.data).map_err(io_error("read", &args.data))?;
    let taken = logs.iter().flat_map(Log::task_ids);
    let name = file_name(&args.data);
    let rows = hold_out(&name, &text, taken, args.most, args.seed)
        .map_err(|error| Failure::new(Exit::Usage, format!("failed to {error}")))?;
    if rows.is_empty() {
        let message = format!("every problem of {name} has an exchange");
        return Err(Failure::new(Exit::NothingSelected, message).into());
    }
    files::write_text(&args.output, &(rows.join("\n") + "\n"))?;
    ui.note(&format!(
        "{} problems that no exchange is about are in {}",
        rows.len(),
        args.output.display()
    ));
    Ok(Exit::Success)
}

fn verify(args: &VerifyExportArgs, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen(ui)?;
    let export = Export::read(&args.folder)
        .map_err(|error| Failure::new(Exit::Usage, format!("failed to {error}")))?;
    let sets = args
        .data
        .iter()
        .map(|name| data::load(name, settings, ui, &interrupt))
        .collect::<anyhow::Result<Vec<DataSet>>>()?;
    for (set, _) in &export.card.sets {
        if !sets.iter().any(|given| given.digest == set.digest) {
            let message = format!(
                "examples come from {}, which `--data` does not give",
                set.name
            );
            return Err(Failure::new(Exit::Usage, message)
                .help("give every data set that the card names; their digests must be the same")
                .into());
        }
    }
    let judge = wiring::judge(settings, ui)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let found = runtime.block_on(export.verify(&sets, &judge, args.sample, args.seed))?;
    if ui.json() {
        let mut line = json!(found);
        line["schema"] = json!("mapcoder.distill.verified/1");
        ui.line(&line.to_string())?;
    } else {
        for fault in &found.faults {
            ui.line(fault)?;
        }
        ui.line(&format!(
            "{} rows, {} programs judged, {} faults",
            found.n_rows,
            found.n_judged,
            found.faults.len()
        ))?;
    }
    Ok(match found.faults.is_empty() {
        true => Exit::Success,
        false => Exit::Failure,
    })
}

fn logs(paths: &[std::path::PathBuf]) -> anyhow::Result<Vec<Log>> {
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).map_err(io_error("read", path))?;
        Ok(Log::read(&file_name(path), &text))
    };
    paths.iter().map(read).collect()
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
