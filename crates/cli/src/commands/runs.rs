mod show;

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use ledger::{Ledger, RunSummary};
use serde_json::json;

use crate::args::RunsCommand;
use crate::exit::{Exit, Failure};
use crate::settings::Settings;
use crate::ui::Ui;

/// `mapcoder runs`.
pub(super) fn run(command: RunsCommand, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let path = &settings.ledger;
    // Looking must not create a ledger.
    if !path.exists() {
        let nothing = format!(
            "nothing is recorded: there is no ledger at {}",
            path.display()
        );
        if matches!(command, RunsCommand::List) {
            ui.note(&nothing);
            return Ok(Exit::Success);
        }
        return Err(Failure::new(Exit::NothingSelected, nothing).into());
    }
    let ledger = Ledger::open(path)?;
    match command {
        RunsCommand::List => list(&ledger, ui),
        RunsCommand::Show { run } => show::show(&ledger, &find(&ledger, &run)?, ui),
        RunsCommand::Export { run, output } => {
            let run = find(&ledger, &run)?;
            match output {
                Some(place) => export_to(&ledger, &run, &place, ui)?,
                None => {
                    let mut stdout = BufWriter::new(io::stdout().lock());
                    ledger.export(&run.id, &mut stdout)?;
                    stdout.flush()?;
                }
            }
            Ok(Exit::Success)
        }
    }
}

/// The run with this name, or beginning, or the last started one.
fn find(ledger: &Ledger, name: &str) -> anyhow::Result<RunSummary> {
    if name != "latest" {
        return Ok(ledger.run(name)?);
    }
    let latest = ledger.runs()?.into_iter().next();
    let nothing = || Failure::new(Exit::NothingSelected, "nothing is recorded in this ledger");
    Ok(latest.ok_or_else(nothing)?)
}

fn list(ledger: &Ledger, ui: &Ui) -> anyhow::Result<Exit> {
    let runs = ledger.runs()?;
    if ui.json() {
        for run in &runs {
            ui.line(
                &json!({"schema": "mapcoder.run/1", "run": run.id, "summary": run}).to_string(),
            )?;
        }
        return Ok(Exit::Success);
    }
    let heading = [
        "RUN", "COMMAND", "STARTED", "PROBLEMS", "CALLS", "JUDGED", "REUSED", "TOKENS", "COST",
    ];
    let mut rows = vec![heading.map(str::to_string).to_vec()];
    rows.extend(runs.iter().map(|run| {
        vec![
            run.id.to_string(),
            run.spec.command.clone(),
            age(run.last_started_at),
            run.n_outcomes.to_string(),
            run.n_asks.to_string(),
            run.n_judgings.to_string(),
            run.n_reused.to_string(),
            (run.usage.prompt_tokens + run.usage.completion_tokens).to_string(),
            cost(run.cost),
        ]
    }));
    ui.table(&rows)?;
    Ok(Exit::Success)
}

/// Writes to a temporary file beside the place and renames it, so that the place never holds half an export.
fn export_to(ledger: &Ledger, run: &RunSummary, place: &Path, ui: &Ui) -> anyhow::Result<()> {
    let draft = draft_of(place);
    let written = write_draft(ledger, run, &draft)
        .and_then(|()| std::fs::rename(&draft, place).map_err(Into::into));
    if written.is_err() {
        // There may be none; the error that led here is the one to tell.
        let _ = std::fs::remove_file(&draft);
    }
    written.with_context(|| format!("failed to write {}", place.display()))?;
    ui.note(&format!("run {} is in {}", run.id, place.display()));
    Ok(())
}

fn write_draft(ledger: &Ledger, run: &RunSummary, draft: &Path) -> anyhow::Result<()> {
    let mut file = BufWriter::new(File::create(draft)?);
    ledger.export(&run.id, &mut file)?;
    file.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()?;
    Ok(())
}

fn draft_of(place: &Path) -> PathBuf {
    let mut name = place.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    place.with_file_name(name)
}

/// A cost in the unit of the user's price file; nothing without prices.
fn cost(cost: Option<f64>) -> String {
    cost.map(|cost| format!("{cost:.4}")).unwrap_or_default()
}

/// How long ago something was, in the largest unit that fits.
fn age(time: SystemTime) -> String {
    // A clock that was set back makes it now.
    let seconds = time.elapsed().unwrap_or_default().as_secs();
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86_400 => format!("{} h ago", seconds / 3600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

/// A duration in seconds.
fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
