use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::time::Instant;

use domain::{Isolation, Verdict};
use futures_util::future::Either;
use futures_util::stream::{self, StreamExt as _};
use judge::Judge;
use server::Row;
use tokio::sync::mpsc;

use super::lines::{self, Line};
use crate::args::BatchArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::settings::Settings;
use crate::ui::Ui;
use crate::wiring;

/// Submissions in work for each cell: enough that no cell waits for a line to be read or printed.
const PER_CELL: usize = 4;

/// Judges the submissions of a file, a line each.
///
/// # Errors
/// When the file cannot be read, holds nothing, or the judge cannot be had.
pub(super) fn run(args: &BatchArgs, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let lines = open(args)?;
    let mut interrupt = Interrupt::listen(ui)?;
    let judge = wiring::judge(settings, ui)?;
    let n_at_once = settings.for_judge().n_cells.max(1) * PER_CELL;
    let isolation = super::isolation(args.fresh);
    let started = Instant::now();
    let mut tally = Tally::default();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let asked = interrupt.clone();
        let lines = stream::unfold(lines, |mut lines: mpsc::Receiver<Line>| async {
            Some((lines.recv().await?, lines))
        });
        let rows = lines
            .take_until(Box::pin(async move { interrupt.wait().await }))
            .map(|line| answer(&judge, line, isolation));
        let rows = if args.unordered {
            Either::Left(rows.buffer_unordered(n_at_once))
        } else {
            Either::Right(rows.buffered(n_at_once))
        };
        tokio::pin!(rows);
        while let Some(answer) = rows.next().await {
            ui.line(&answer.text)?;
            tally.count(answer.verdict);
        }
        let seconds = started.elapsed().as_secs_f64();
        if asked.is_set() {
            ui.note(&format!(
                "stopped: {tally} in {seconds:.1} s; the rest was not read"
            ));
            return Ok(Exit::Interrupted);
        }
        if tally.n_rows() == 0 {
            let message = format!("{} holds no submission", args.file.display());
            return Err(Failure::new(Exit::NothingSelected, message).into());
        }
        ui.note(&format!("{tally} in {seconds:.1} s"));
        Ok(match tally.n_failed {
            0 => Exit::Success,
            _ => Exit::Failure,
        })
    })
}

fn open(args: &BatchArgs) -> Result<mpsc::Receiver<Line>, Failure> {
    if args.file.as_os_str() == "-" {
        return Ok(lines::read(io::stdin()));
    }
    File::open(&args.file).map(lines::read).map_err(|error| {
        let message = format!("failed to read {}: {error}", args.file.display());
        Failure::new(Exit::Usage, message)
    })
}

/// What is said about a line; without a verdict when it could not be read or judged.
struct Answer {
    text: String,
    verdict: Option<Verdict>,
}

async fn answer(judge: &Judge, line: Line, isolation: Isolation) -> Answer {
    let number = Some(line.number);
    let failed = |id, error: String| {
        let row = Row { line: number, id };
        Answer {
            text: server::error_line(row, &error),
            verdict: None,
        }
    };
    let text = match line.text {
        Ok(text) => text,
        Err(error) => return failed(None, format!("failed to read the line: {error}")),
    };
    let request = match server::decode(&text, isolation) {
        Ok(request) => request,
        Err(error) => {
            let id = server::id(&text);
            return failed(id.as_deref(), format!("failed to {error}"));
        }
    };
    let id = request.id.as_deref();
    match judge.judge(&request.submission).await {
        Ok(judging) => {
            let row = Row { line: number, id };
            let n_tests = request.submission.tests.len();
            Answer {
                text: server::result_line(row, n_tests, &judging, true),
                verdict: Some(judging.verdict),
            }
        }
        Err(error) => failed(id, error.to_string()),
    }
}

/// How many submissions came to what.
#[derive(Default)]
struct Tally {
    by_verdict: BTreeMap<&'static str, u64>,
    n_failed: u64,
}

impl Tally {
    fn count(&mut self, verdict: Option<Verdict>) {
        match verdict {
            Some(verdict) => *self.by_verdict.entry(verdict.title()).or_default() += 1,
            None => self.n_failed += 1,
        }
    }

    fn n_judged(&self) -> u64 {
        self.by_verdict.values().sum()
    }

    fn n_rows(&self) -> u64 {
        self.n_judged() + self.n_failed
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} judged", self.n_judged())?;
        for (index, (verdict, n)) in self.by_verdict.iter().enumerate() {
            let separator = if index == 0 { ": " } else { ", " };
            write!(f, "{separator}{n} {verdict}")?;
        }
        if self.n_failed > 0 {
            write!(f, "; {} could not be read or judged", self.n_failed)?;
        }
        Ok(())
    }
}
