//! What a run leaves for those who follow it: `trainer_log.jsonl` with a line for every step and every measurement,
//! event files for TensorBoard, and a picture of the loss.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::plot::{self, Curves};
use super::tensorboard::Events;
use super::{StepReport, TrainError, files};

/// The file of lines.
const LINES: &str = "trainer_log.jsonl";
/// The picture.
const PICTURE: &str = "loss.svg";

/// An open log.
pub(super) struct Log {
    output: PathBuf,
    file: File,
    /// Opened with the first event, so that a finished run that is started again leaves nothing.
    events: Option<Events>,
    curves: Curves,
}

impl Log {
    /// Opens the log of a run that goes on after a step: what was logged later is dropped, since it happens again.
    pub(super) fn open(output: &Path, step: u64) -> Result<Log, TrainError> {
        let path = output.join(LINES);
        let mut curves = Curves::default();
        let mut open = || -> io::Result<File> {
            let old = match std::fs::read_to_string(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
                read => read?,
            };
            let kept: String = old
                .lines()
                .filter(|line| {
                    let line: Option<Value> = serde_json::from_str(line).ok();
                    line.is_some_and(|line| curves.add(&line, step))
                })
                .flat_map(|line| [line, "\n"])
                .collect();
            std::fs::write(&path, kept)?;
            OpenOptions::new().append(true).open(&path)
        };
        let file = open().map_err(|source| TrainError::Write {
            path: path.clone(),
            source,
        })?;
        Ok(Log {
            output: output.to_path_buf(),
            file,
            events: None,
            curves,
        })
    }

    /// Logs a step.
    pub(super) fn step(&mut self, report: &StepReport) -> Result<(), TrainError> {
        self.curves.trained.push((report.step, report.loss));
        self.events(report.step)?.step(report)?;
        self.line(json!(report))
    }

    /// Logs a measurement.
    pub(super) fn measured(
        &mut self,
        step: u64,
        loss: f64,
        is_best: bool,
    ) -> Result<(), TrainError> {
        self.curves.measured.push((step, loss));
        self.events(step)?.measured(step, loss)?;
        self.line(json!({ "step": step, "eval_loss": loss, "is_best": is_best }))
    }

    /// Draws what was logged so far.
    pub(super) fn draw(&self) -> Result<(), TrainError> {
        let picture = plot::svg(&self.curves);
        files::write(&self.output.join(PICTURE), picture.as_bytes())
    }

    /// The event file of this process, whose first event is of a step.
    fn events(&mut self, step: u64) -> Result<&mut Events, TrainError> {
        let events = match self.events.take() {
            Some(events) => events,
            None => Events::open(&self.output, step)?,
        };
        Ok(self.events.insert(events))
    }

    fn line(&mut self, value: Value) -> Result<(), TrainError> {
        writeln!(self.file, "{value}").map_err(|source| TrainError::Write {
            path: self.output.join(LINES),
            source,
        })
    }
}

impl Curves {
    /// Adds a line of the log, unless it is of a later step than the last one; says whether it was added.
    fn add(&mut self, line: &Value, last: u64) -> bool {
        let Some(step) = line["step"].as_u64().filter(|step| *step <= last) else {
            return false;
        };
        for (key, points) in [
            ("loss", &mut self.trained),
            ("eval_loss", &mut self.measured),
        ] {
            points.extend(line[key].as_f64().map(|loss| (step, loss)));
        }
        true
    }
}
