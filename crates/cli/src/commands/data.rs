use std::path::Path;

use datasets::{DataSet, How, Inventory, Reference, Source, duplicates};
use domain::{Isolation, Language, Program, Submission, Verdict};
use serde_json::json;

use crate::args::DataCommand;
use crate::assets::{self, ASSETS, Asset};
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::settings::Settings;
use crate::ui::{Ui, file_size};
use crate::{data, files, hub, wiring};

/// `mapcoder data`.
///
/// # Errors
/// When a data set cannot be had, read or written.
pub(super) fn run(command: &DataCommand, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    match command {
        DataCommand::Pull { name } => pull(name, settings, ui),
        DataCommand::List => list(settings, ui),
        DataCommand::Info { data } => {
            let interrupt = Interrupt::listen(ui)?;
            info(&data::load(data, settings, ui, &interrupt)?, ui)
        }
        DataCommand::Check {
            data, references, ..
        } => {
            let interrupt = Interrupt::listen(ui)?;
            let set = data::load(data, settings, ui, &interrupt)?;
            let solutions = if *references {
                let path = data::path(data, settings, ui, &interrupt)?;
                datasets::references(&path)
                    .map_err(|error| Failure::new(Exit::Usage, format!("failed to {error}")))?
            } else {
                Vec::new()
            };
            check(&set, &solutions, settings, ui)
        }
        DataCommand::Split {
            file,
            share,
            seed,
            first,
            second,
        } => split(file, (*share, *seed), first, second, ui),
    }
}

fn data_assets() -> impl Iterator<Item = &'static Asset> {
    ASSETS
        .iter()
        .filter(|asset| asset.usage == assets::Use::Data)
}

fn pull(name: &str, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    if let Some(reference) = hub::Reference::parse_data(name) {
        let interrupt = Interrupt::listen(ui)?;
        let path = reference
            .and_then(|reference| hub::refresh(&reference, &settings.hub, ui, &interrupt))
            .map_err(assets::Error::from)?;
        ui.line(&path.display().to_string())?;
        return Ok(Exit::Success);
    }
    let Some(asset) = data_assets().find(|asset| asset.name == name) else {
        let known: Vec<&str> = data_assets().map(|asset| asset.name).collect();
        let message = format!("unknown data set `{name}`: expected {}", known.join(" or "));
        return Err(Failure::new(Exit::Usage, message)
            .help("`hf:OWNER/NAME/FILE` fetches from the Hugging Face Hub; other sets are read from files that you have")
            .into());
    };
    let interrupt = Interrupt::listen(ui)?;
    let path = assets::ensure(asset, settings, ui, &interrupt)?;
    ui.line(&path.display().to_string())?;
    Ok(Exit::Success)
}

fn list(settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let mut rows = vec![
        ["NAME", "SIZE", "LICENCE", "STATE"]
            .map(str::to_string)
            .to_vec(),
    ];
    for asset in data_assets() {
        let is_here = asset.is_here(&settings.cache);
        if ui.json() {
            let line = json!({"schema": "mapcoder.data.asset/1", "name": asset.name, "bytes": asset.bytes,
                "licence": asset.licence, "sha256": asset.sha256,
                "path": is_here.then(|| asset.path(&settings.cache))});
            ui.line(&line.to_string())?;
        }
        rows.push(vec![
            asset.name.to_string(),
            file_size(asset.bytes),
            asset.licence.to_string(),
            if is_here { "here" } else { "can be fetched" }.to_string(),
        ]);
    }
    if !ui.json() {
        ui.table(&rows)?;
        ui.line("")?;
    }
    sources(ui)?;
    Ok(Exit::Success)
}

/// Where every published set comes from, and how to have it.
fn sources(ui: &Ui) -> anyhow::Result<()> {
    let mut rows = vec![
        ["SET", "LICENCE", "FROM", "HOW"]
            .map(str::to_string)
            .to_vec(),
    ];
    for source in Source::ALL {
        let licence = source.format.licence().unwrap_or_default();
        if ui.json() {
            let (pull, file) = match source.how {
                How::Pull(names) => (names, None),
                How::File(what) => (&[][..], Some(what)),
            };
            let line = json!({"schema": "mapcoder.data.source/1", "name": source.name, "format": source.format.name(),
                "licence": licence, "from": source.from, "pull": pull, "file": file});
            ui.line(&line.to_string())?;
        }
        let hows: Vec<String> = match source.how {
            How::Pull(names) => names
                .iter()
                .map(|name| format!("mapcoder data pull {name}"))
                .collect(),
            How::File(what) => vec![what.to_string()],
        };
        let mut cells = [source.name, licence, source.from].map(str::to_string);
        for how in hows {
            rows.push([&cells[..], &[how]].concat());
            cells = Default::default();
        }
    }
    if !ui.json() {
        ui.table(&rows)?;
    }
    Ok(())
}

fn info(set: &DataSet, ui: &Ui) -> anyhow::Result<Exit> {
    let found = Inventory::of(set);
    if ui.json() {
        let mut line = json!(found);
        line["schema"] = json!("mapcoder.data/1");
        ui.line(&line.to_string())?;
        return Ok(Exit::Success);
    }
    let difficulties: Vec<String> = found
        .difficulties
        .iter()
        .map(|(name, n)| format!("{name} {n}"))
        .collect();
    let rows = [
        ("data set", found.name),
        ("form", found.format.to_string()),
        ("digest", found.digest.to_string()),
        ("licence", found.licence.unwrap_or("your own").to_string()),
        (
            "problems",
            format!(
                "{}, {} of them distinct",
                found.n_problems, found.n_distinct
            ),
        ),
        ("functions", found.n_functions.to_string()),
        (
            "samples",
            format!(
                "{}; {} problems have none",
                found.n_samples, found.n_without_samples
            ),
        ),
        (
            "hidden tests",
            format!(
                "{}; {} problems have none",
                found.n_hidden, found.n_without_hidden
            ),
        ),
        ("errata", format!("{} problems", found.n_errata)),
        (
            "left out",
            format!("{} rows, {} samples", found.n_skipped, found.n_dropped),
        ),
        ("difficulty", difficulties.join(", ")),
    ];
    let rows = rows.map(|(name, value)| vec![name.to_string(), value]);
    ui.table(&rows)?;
    Ok(Exit::Success)
}

fn check(
    set: &DataSet,
    solutions: &[Reference],
    settings: &Settings,
    ui: &Ui,
) -> anyhow::Result<Exit> {
    let mut rows = vec![["WHAT", "WHERE", "WHY"].map(str::to_string).to_vec()];
    let mut n_faults = 0;
    let mut add = |what: &str, place: String, why: String, is_fault: bool| {
        n_faults += usize::from(is_fault);
        if ui.json() {
            let line = json!({"schema": "mapcoder.data.finding/1", "what": what, "where": place, "why": why,
                "is_fault": is_fault});
            return ui.line(&line.to_string());
        }
        rows.push(vec![what.to_string(), place, why]);
        Ok(())
    };
    for row in &set.skipped {
        add(
            "row",
            format!("{}, line {}", row.file, row.line),
            row.reason.clone(),
            true,
        )?;
    }
    for sample in &set.dropped {
        let why = format!("{}: {}", sample.reason, sample.sample.replace('\n', " "));
        add("sample left out", sample.id.clone(), why, false)?;
    }
    for erratum in &set.errata {
        add(
            "erratum",
            erratum.id.clone(),
            erratum.what.to_string(),
            false,
        )?;
    }
    for group in duplicates(&set.tasks) {
        add(
            "duplicates",
            group.join(", "),
            "they are stated alike".to_string(),
            true,
        )?;
    }
    for task in &set.tasks {
        let id = &task.problem.id;
        if task.hidden.is_empty() {
            add(
                "no hidden tests",
                id.clone(),
                "it is scored by its samples".to_string(),
                true,
            )?;
        }
        if task.problem.samples.is_empty() {
            add(
                "no samples",
                id.clone(),
                "no program can be repaired".to_string(),
                false,
            )?;
        }
    }
    for (id, why) in refused(set, solutions, settings, ui)? {
        add("solution refused", id, why, true)?;
    }
    if !ui.json() && rows.len() > 1 {
        ui.table(&rows)?;
    }
    ui.note(&format!(
        "{}: {} problems, {} faults",
        set.name,
        set.tasks.len(),
        n_faults
    ));
    Ok(match n_faults {
        0 => Exit::Success,
        _ => Exit::Failure,
    })
}

/// The published solutions that do not pass all tests of their problems, and why.
fn refused(
    set: &DataSet,
    solutions: &[Reference],
    settings: &Settings,
    ui: &Ui,
) -> anyhow::Result<Vec<(String, String)>> {
    let mut refused = Vec::new();
    if solutions.is_empty() {
        return Ok(refused);
    }
    let judge = wiring::judge(settings, ui)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let line = ui.live();
    for (at, solution) in solutions.iter().enumerate() {
        line.show(&format!("{at} of {} solutions judged", solutions.len()));
        let task = set.tasks.iter().find(|task| task.problem.id == solution.id);
        let Some(task) = task else { continue };
        let tests = [&task.problem.samples[..], task.hidden.reveal()].concat();
        let submission = Submission {
            program: Program {
                language: Language::Python,
                source: solution.source.clone(),
            },
            tests,
            checker: set.format.checker(),
            limits: task.problem.limits,
            isolation: Isolation::Pooled,
            stop_on_first_failure: true,
        };
        let judging = runtime.block_on(judge.judge(&submission))?;
        if judging.verdict != Verdict::Accepted {
            let message = judging
                .cases
                .last()
                .map_or("", |case| case.message.as_str());
            refused.push((
                solution.id.clone(),
                format!(
                    "{}: {}",
                    judging.verdict,
                    message.lines().next().unwrap_or("")
                ),
            ));
        }
    }
    line.close(&format!("{} solutions judged", solutions.len()));
    Ok(refused)
}

fn split(
    file: &Path,
    (share, seed): (f64, u64),
    first: &Path,
    second: &Path,
    ui: &Ui,
) -> anyhow::Result<Exit> {
    let usage = |message: String| Failure::new(Exit::Usage, message);
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if ![".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet"]
        .iter()
        .any(|ending| name.to_lowercase().ends_with(ending))
    {
        return Err(usage(format!(
            "{} is no file of JSON lines or Parquet",
            file.display()
        ))
        .into());
    }
    let bytes = std::fs::read(file)
        .map_err(|error| usage(format!("failed to read {}: {error}", file.display())))?;
    let parts = datasets::split(&name, &bytes, share, seed)
        .map_err(|error| usage(format!("failed to {error}")))?;
    data::warn_of_skipped(&parts.skipped, ui);
    for (place, rows) in [(first, &parts.first), (second, &parts.second)] {
        files::write_text(
            place,
            &rows
                .iter()
                .map(|row| format!("{row}\n"))
                .collect::<String>(),
        )?;
        ui.note(&format!(
            "{} problems are in {}",
            rows.len(),
            place.display()
        ));
    }
    Ok(Exit::Success)
}
