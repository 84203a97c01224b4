//! `trainer_log.jsonl`: a line for every step and every measurement.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{StepReport, TrainError};

/// The file's name.
const NAME: &str = "trainer_log.jsonl";

/// An open log.
pub(super) struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// Opens the log of a run that goes on after a step: what was logged later is dropped, since it happens again.
    pub(super) fn open(output: &Path, step: u64) -> Result<Log, TrainError> {
        let path = output.join(NAME);
        let open = || -> io::Result<File> {
            let old = match std::fs::read_to_string(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
                read => read?,
            };
            let kept: String = old
                .lines()
                .filter(|line| {
                    let line: Option<Value> = serde_json::from_str(line).ok();
                    line.and_then(|line| line["step"].as_u64())
                        .is_some_and(|of_line| of_line <= step)
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
        Ok(Log { path, file })
    }

    /// Logs a step.
    pub(super) fn step(&mut self, report: &StepReport) -> Result<(), TrainError> {
        self.line(json!(report))
    }

    /// Logs a measurement.
    pub(super) fn measured(
        &mut self,
        step: u64,
        loss: f64,
        is_best: bool,
    ) -> Result<(), TrainError> {
        self.line(json!({ "step": step, "eval_loss": loss, "is_best": is_best }))
    }

    fn line(&mut self, value: Value) -> Result<(), TrainError> {
        writeln!(self.file, "{value}").map_err(|source| TrainError::Write {
            path: self.path.clone(),
            source,
        })
    }
}
