use std::cell::Cell;
use std::time::Duration;

use datasets::DataSet;
use distill::{
    Header, HeldOut, Import, Imported, Lesson, Referee, SetRef, TRACES_SCHEMA, import, write_traces,
};
use domain::Digest;
use ledger::{Ledger, RunSpec};
use serde_json::json;

use super::{file_name, logs};
use crate::args::DistillImportArgs;
use crate::assets::io_error;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::settings::Settings;
use crate::ui::Ui;
use crate::{data, files, wiring};

/// Programs in work for each cell of the judge.
const PER_CELL: usize = 4;

/// Makes traces of what others published.
///
/// # Errors
/// When something cannot be read or written, or the judge cannot be had.
pub(super) fn run(args: &DistillImportArgs, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let mut interrupt = Interrupt::listen(ui)?;
    let logs = logs(&args.logs)?;
    let mut held_out = HeldOut::default();
    let mut names = Vec::new();
    for name in &args.hold_out {
        let set = data::load(name, settings, ui, &interrupt)?;
        held_out.add(&set);
        names.push(SetRef::of(&set));
    }
    let lessons = lessons(args, settings, ui, &interrupt)?;
    let prompts = wiring::prompts(settings)?;
    let k: Vec<usize> = args.k.iter().map(|k| *k as usize).collect();
    let work = Import {
        lessons: &lessons,
        logs: &logs,
        held_out: &held_out,
        with_noncommercial: args.noncommercial,
        k: &k,
        n_broken: args.broken,
        prompts: &prompts,
        concurrency: settings.for_judge().n_cells.max(1) * PER_CELL,
    };
    let digests: Vec<&Digest> = logs
        .iter()
        .map(|log| &log.digest)
        .chain(lessons.iter().map(|lesson| &lesson.set.digest))
        .collect();
    let referee = referee(&digests, settings, ui)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let line = ui.live();
    let done = Cell::new((0, 0));
    let said = || format!("{} of {} programs judged", done.get().0, done.get().1);
    let mut on_judged = |n, of| {
        done.set((n, of));
        ui.detail(&said());
    };
    let imported: Option<Imported> = runtime.block_on(async {
        let importing = import(&work, &referee, &mut on_judged);
        tokio::pin!(importing);
        let mut ticks = tokio::time::interval(Duration::from_millis(200));
        loop {
            tokio::select! {
                imported = &mut importing => {
                    line.close(&said());
                    return Ok::<_, anyhow::Error>(Some(imported?));
                }
                _ = ticks.tick() => line.show(&said()),
                () = interrupt.wait() => return Ok(None),
            }
        }
    })?;
    let Some(Imported { traces, tally }) = imported else {
        ui.note("stopped; what was judged is recorded, the same command goes on");
        return Ok(Exit::Interrupted);
    };
    if ui.json() {
        let line = json!({"schema": "mapcoder.distill.imported/1", "traces": traces.len(), "counts": tally});
        ui.line(&line.to_string())?;
    } else {
        ui.line(tally.to_string().trim_end())?;
    }
    let header = Header {
        schema: TRACES_SCHEMA.to_string(),
        prompts: prompts.digest().clone(),
        held_out: names,
        distilled: Vec::new(),
        tally,
    };
    files::write_whole(&args.output, |file| {
        Ok(write_traces(file, &header, &traces)?)
    })?;
    ui.note(&format!(
        "{} traces are in {}",
        traces.len(),
        args.output.display()
    ));
    Ok(match traces.is_empty() {
        true => Exit::NothingSelected,
        false => Exit::Success,
    })
}

/// Judges programs under a run of its own, so that what is recorded is found again.
fn referee(files: &[&Digest], settings: &Settings, ui: &Ui) -> anyhow::Result<Referee> {
    if let Some(folder) = settings.ledger.parent() {
        std::fs::create_dir_all(folder).map_err(io_error("create", folder))?;
    }
    let ledger = Ledger::open(&settings.ledger)?;
    let run = ledger.begin_run(&RunSpec {
        command: "distill import".to_string(),
        settings: json!({"files": files}),
    })?;
    Ok(Referee {
        judge: wiring::judge(settings, ui)?,
        ledger,
        run,
    })
}

/// The data sets with their published solutions and the answers to them.
fn lessons(
    args: &DistillImportArgs,
    settings: &Settings,
    ui: &Ui,
    interrupt: &Interrupt,
) -> anyhow::Result<Vec<Lesson>> {
    let mut lessons = Vec::new();
    for name in &args.data {
        let set: DataSet = data::load(name, settings, ui, interrupt)?;
        let path = data::path(name, settings, ui, interrupt)?;
        let references = match path.is_dir() {
            true => Vec::new(),
            false => datasets::references(&path)
                .map_err(|error| Failure::new(Exit::Usage, format!("failed to {error}")))?,
        };
        lessons.push(Lesson {
            set,
            references,
            answers: Vec::new(),
        });
    }
    for (name, path) in &args.answers {
        let lesson = lessons.iter_mut().find(|lesson| lesson.set.name == *name);
        let Some(lesson) = lesson else {
            let message = format!("`--answers {name}=...` names no data set that `--data` gives");
            let help = "a data set is called as its file, without the ending";
            return Err(Failure::new(Exit::Usage, message).help(help).into());
        };
        let answers = datasets::load_answers(path)
            .map_err(|error| Failure::new(Exit::Usage, format!("failed to {error}")))?;
        data::warn_of_skipped(&answers.skipped, ui);
        let bytes = std::fs::read(path).map_err(io_error("read", path))?;
        let named = (file_name(path), Digest::of(bytes), answers);
        lesson.answers.push(named);
    }
    Ok(lessons)
}
