use std::io;

use domain::Task;
use evaluation::export::Solution;
use evaluation::html::{Page, Story, tell};
use evaluation::rows::{write_csv, write_parquet};
use evaluation::{Header, ProblemResult, Summary};
use ledger::{Ledger, LedgerError};

use super::exports::{self, Share};
use super::runs;
use crate::args::{ReportArgs, RunChoice};
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::settings::Settings;
use crate::ui::Ui;
use crate::{data, files};

/// A recorded run with its measures.
pub(super) struct Recorded {
    pub(super) ledger: Ledger,
    pub(super) name: String,
    pub(super) results: Vec<ProblemResult>,
    pub(super) tasks: Vec<Task>,
    pub(super) summary: Summary,
}

impl Recorded {
    /// Reads the run that the command line names.
    ///
    /// # Errors
    /// When there is none, its results have another form, or its data cannot be read.
    pub(super) fn read(
        choice: &RunChoice,
        settings: &Settings,
        ui: &Ui,
    ) -> anyhow::Result<Recorded> {
        let tasks = match &choice.data {
            None => Vec::new(),
            Some(name) => data::load(name, settings, ui, &Interrupt::listen(ui)?)?.tasks,
        };
        let mut results = Vec::new();
        let mut first = None;
        let mut names = Vec::new();
        for name in choice.run.split(',') {
            let (ledger, run) = runs::open(name, settings)?;
            results.extend(runs::results(&ledger, &run)?);
            names.push(run.id.to_string());
            first.get_or_insert((ledger, run));
        }
        let Some((ledger, run)) = first else {
            return Err(Failure::new(Exit::Usage, "no run is named").into());
        };
        let n_draws = names.len();
        let ids: std::collections::HashSet<&str> =
            results.iter().map(|result| result.id.as_str()).collect();
        let header = Header {
            n_selected: ids.len(),
            n_draws,
            ..runs::header(&run)
        };
        let mut summary = Summary::new(header, &results).with_groups(&tasks, &results);
        // What was selected is not recorded, so that nothing can be missing.
        summary.n_missing = 0;
        Ok(Recorded {
            ledger,
            name: names.join(","),
            results,
            tasks,
            summary,
        })
    }

    /// The page about it.
    pub(super) fn page(&self) -> Page<'_> {
        Page::new(&self.summary, &self.name, &self.tasks, &self.results)
    }

    /// The programs of all decided results.
    fn solutions(&self) -> anyhow::Result<Vec<Solution>> {
        let results = self.results.iter();
        let solutions = results.map(|result| Solution::of_result(&self.ledger, result));
        Ok(solutions
            .filter_map(Result::transpose)
            .collect::<Result<_, LedgerError>>()?)
    }

    /// The share of the decided results that are solved.
    fn share(&self) -> Share {
        let Summary {
            header,
            endings,
            interval,
            ..
        } = &self.summary;
        Share {
            n_right: endings.solved,
            n: endings.decided(),
            interval: *interval,
            of: format!("{}, {}", header.strategy, header.model),
        }
    }
}

/// Writes the report of a recorded run: its table, or files.
///
/// # Errors
/// When the run cannot be read or a file not be written.
pub(super) fn run(args: &ReportArgs, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let recorded = Recorded::read(&args.choice, settings, ui)?;
    let mut n_files = 0;
    if let Some(place) = &args.html {
        let stories = recorded.results.iter().map(|result| {
            Ok(Some(
                tell(&recorded.ledger, result).map_err(WriteError::Ledger)?,
            ))
        });
        files::write_whole(place, |file| {
            Ok(recorded.page().write_file::<WriteError>(file, stories)?)
        })?;
        ui.note(&format!("the report is in {}", place.display()));
        n_files += 1;
    }
    if let Some(place) = &args.csv {
        files::write_whole(place, |file| {
            Ok(write_csv(file, &recorded.tasks, &recorded.results)?)
        })?;
        ui.note(&format!("the rows are in {}", place.display()));
        n_files += 1;
    }
    if let Some(place) = &args.parquet {
        files::write_whole(place, |file| {
            Ok(write_parquet(file, &recorded.tasks, &recorded.results)?)
        })?;
        ui.note(&format!("the rows are in {}", place.display()));
        n_files += 1;
    }
    if let Some(place) = &args.jsonl {
        files::write_whole(place, |file| {
            for result in &recorded.results {
                io::Write::write_all(file, (evaluation::problem_line(result) + "\n").as_bytes())?;
            }
            Ok(())
        })?;
        ui.note(&format!("the lines are in {}", place.display()));
        n_files += 1;
    }
    n_files += exports::write(
        &args.exports,
        &recorded.summary.header.digest,
        || recorded.solutions(),
        || Ok(recorded.share()),
        ui,
    )?;
    if ui.json() {
        ui.line(&evaluation::summary_line(&recorded.summary))?;
    } else if n_files == 0 {
        ui.line(recorded.summary.render().trim_end())?;
    }
    Ok(Exit::Success)
}

/// The story of a row as JSON, for a page that is served; absent when there is no such row or it cannot be read.
pub(super) fn story(recorded: &Recorded, row: usize) -> Option<String> {
    let story: Story = tell(&recorded.ledger, recorded.results.get(row)?).ok()?;
    serde_json::to_string(&story).ok()
}

/// Why the report could not be written.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Ledger(LedgerError),
}
