mod show;

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use agents::{Outcome, Strategy};
use anyhow::Context as _;
use domain::Digest;
use evaluation::{Header, ProblemResult};
use ledger::{Ledger, RunId, RunSummary};
use serde_json::{Value, json};

use crate::args::RunsCommand;
use crate::exit::{Exit, Failure};
use crate::files;
use crate::settings::Settings;
use crate::ui::Ui;

/// `mapcoder runs`.
pub(super) fn run(command: RunsCommand, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let path = &settings.ledger;
    // Only what is taken in may create a ledger.
    if !path.exists() {
        let nothing = format!(
            "nothing is recorded: there is no ledger at {}",
            path.display()
        );
        match &command {
            RunsCommand::List => {
                ui.note(&nothing);
                return Ok(Exit::Success);
            }
            RunsCommand::Import { .. } => {}
            RunsCommand::Show { .. } | RunsCommand::Export { .. } => {
                return Err(Failure::new(Exit::NothingSelected, nothing).into());
            }
        }
    }
    let open = || Ledger::open(path);
    match command {
        RunsCommand::List => list(&open()?, ui),
        RunsCommand::Show { run } => {
            let ledger = open()?;
            show::show(&ledger, &find(&ledger, &run)?, ui)
        }
        RunsCommand::Export { run, output } => {
            let ledger = open()?;
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
        RunsCommand::Import { file: place } => {
            let file = File::open(&place)
                .with_context(|| format!("failed to read {}", place.display()))?;
            import(&open()?, BufReader::new(file), &place, ui)
        }
    }
}

/// The ledger of the settings and a run in it.
///
/// # Errors
/// When nothing is recorded, or the name fits no run or several.
pub(super) fn open(name: &str, settings: &Settings) -> anyhow::Result<(Ledger, RunSummary)> {
    if !settings.ledger.exists() {
        let message = format!(
            "nothing is recorded: there is no ledger at {}",
            settings.ledger.display()
        );
        return Err(Failure::new(Exit::NothingSelected, message).into());
    }
    let ledger = Ledger::open(&settings.ledger)?;
    let run = find(&ledger, name)?;
    Ok((ledger, run))
}

/// The results of a run in the order of their ids: they are recorded as problems end, which is another order each time.
///
/// # Errors
/// When there are none, or they have the form of another version.
pub(super) fn results(ledger: &Ledger, run: &RunSummary) -> anyhow::Result<Vec<ProblemResult>> {
    refuse_other_work(run)?;
    let read = |outcome: Value| match run.spec.command.as_str() {
        // One problem, which counts by its samples.
        "solve" => serde_json::from_value::<Outcome>(outcome).map(ProblemResult::unscored),
        _ => serde_json::from_value(outcome),
    };
    let results = ledger.outcomes(&run.id, |problem, outcome| {
        read(outcome).map_err(|error| {
            let message = format!("the result of {problem} has another form: {error}");
            Failure::new(Exit::Failure, message)
                .help("the same command records it anew, from the recorded calls")
        })
    })?;
    let mut results: Vec<ProblemResult> = results.into_iter().collect::<Result<_, _>>()?;
    if results.is_empty() {
        let message = format!("run {} has no finished problem", run.id);
        return Err(Failure::new(Exit::NothingSelected, message).into());
    }
    results.sort_by_cached_key(|result| words_and_numbers(&result.id));
    Ok(results)
}

/// An error for a run that recorded something else than results of problems, which says where to look instead.
///
/// # Errors
/// When it did.
fn refuse_other_work(run: &RunSummary) -> Result<(), Failure> {
    let id = &run.id;
    let (what, help) = match run.spec.command.as_str() {
        "distill reviews" => {
            let corrected = run.spec.settings["corrections"].as_str().unwrap_or("RUN");
            (
                "reviews of failed runs",
                format!(
                    "`mapcoder view {corrected}` shows what came of them, `mapcoder runs show {id}` the reviews"
                ),
            )
        }
        "distill import" => (
            "judgings of published programs",
            format!("`mapcoder runs show {id}` counts their verdicts"),
        ),
        _ => return Ok(()),
    };
    let message = format!("run {id} holds {what}, and no results of problems");
    Err(Failure::new(Exit::Usage, message).help(help))
}

/// The parts of an id, so that `p/2` comes before `p/10`.
fn words_and_numbers(id: &str) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    let mut rest = id;
    while !rest.is_empty() {
        let is_digit = |c: char| c.is_ascii_digit();
        let (word, after) = rest.split_at(rest.find(is_digit).unwrap_or(rest.len()));
        let n_digits = after.find(|c| !is_digit(c)).unwrap_or(after.len());
        let (digits, after) = after.split_at(n_digits);
        parts.push((word.to_string(), digits.parse().unwrap_or(u64::MAX)));
        rest = after;
    }
    parts
}

/// The strategy of a run with its parameters; empty when it had none.
pub(super) fn strategy(run: &RunSummary) -> String {
    let strategy = run.spec.settings["strategy"].clone();
    serde_json::from_value::<Strategy>(strategy)
        .map_or(String::new(), |strategy| strategy.to_string())
}

/// What a run was made of, as far as it is recorded; how many problems were selected is not.
pub(super) fn header(run: &RunSummary) -> Header {
    let settings = &run.spec.settings;
    let text = |value: &Value| value.as_str().unwrap_or("unknown").to_string();
    let mut models: Vec<String> = settings["models"]
        .as_array()
        .map_or(Vec::new(), |models| models.iter().map(text).collect());
    models.dedup();
    let data = &settings["data"];
    let digest = [&data["digest"], &data["problem"]]
        .into_iter()
        .find_map(Value::as_str)
        .and_then(Digest::from_hex);
    Header {
        data: match run.spec.command.as_str() {
            "solve" => "one problem".to_string(),
            _ => text(&data["name"]),
        },
        digest: digest.unwrap_or_else(|| Digest::of("")),
        n_selected: 0,
        n_draws: 1,
        strategy: strategy(run),
        model: models.join(", "),
        held: serde_json::from_value(settings["grammar"].clone()).unwrap_or_default(),
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

/// Writes a run's records to a file.
fn export_to(ledger: &Ledger, run: &RunSummary, place: &Path, ui: &Ui) -> anyhow::Result<()> {
    files::write_whole(place, |file| Ok(ledger.export(&run.id, file)?))?;
    ui.note(&format!("run {} is in {}", run.id, place.display()));
    Ok(())
}

/// Takes in what an export holds.
fn import(
    ledger: &Ledger,
    mut export: impl BufRead,
    place: &Path,
    ui: &Ui,
) -> anyhow::Result<Exit> {
    let imported = ledger.import(&mut export)?;
    for (line, reason) in &imported.left_out {
        ui.warn(&format!(
            "left out {}, line {line}: {reason}",
            place.display()
        ));
    }
    if imported.runs.is_empty() {
        let message = format!("{} holds no run", place.display());
        return Err(Failure::new(Exit::Usage, message)
            .help("`mapcoder runs export` writes such files")
            .into());
    }
    if ui.json() {
        ui.line(&json!({"schema": "mapcoder.import/1", "imported": imported}).to_string())?;
    } else {
        let runs: Vec<&str> = imported.runs.iter().map(RunId::as_str).collect();
        ui.line(&format!(
            "run {}: {} records are new here, {} were here",
            runs.join(", "),
            imported.n_new,
            imported.n_known
        ))?;
    }
    if imported.n_different > 0 {
        ui.warn(&format!(
            "{} questions had another answer here, which stands; `mapcoder verify` says which results still follow",
            imported.n_different
        ));
    }
    match imported.left_out.len() {
        0 => Ok(Exit::Success),
        n => {
            let message = format!("{n} lines of {} could not be used", place.display());
            Err(Failure::new(Exit::Failure, message)
                .help("the others are recorded; what is missing is asked again")
                .into())
        }
    }
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
