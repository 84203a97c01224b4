use std::fmt;
use std::io;
use std::process::ExitCode;

use judge::JudgeError;
use ledger::{ExportError, ImportError, LedgerError};
use serde_json::json;
use trainer::{DataError, MergeError, StoredError, TrainError};

use crate::settings::Surroundings;
use crate::ui::Ui;
use crate::{assets, settings};

/// How a command ended. The numbers are part of the interface and never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// What was asked for is done.
    Success = 0,
    /// It could not be done, or no program passed.
    Failure = 1,
    /// The command line or the settings are wrong. `clap` uses the same number.
    Usage = 2,
    /// The user's budget is spent.
    Budget = 3,
    /// The selection holds nothing to work on.
    NothingSelected = 4,
    /// Part of the work is left; the same command resumes.
    Incomplete = 5,
    /// No sandbox that is strong enough.
    JudgeUnavailable = 6,
    /// The work is done, and a threshold that the user set was missed.
    GateFailed = 100,
    /// Stopped by Ctrl-C or SIGTERM, as shells count it (128 + SIGINT).
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// An error that knows its exit code and what the user can do about it.
/// For errors that start in this crate; those of libraries are mapped in [`report`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    help: Option<String>,
}

impl Failure {
    /// An error with its exit code.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure {
            exit,
            message: message.into(),
            help: None,
        }
    }

    /// Adds what the user can do about it, in one line.
    pub(crate) fn help(self, help: impl Into<String>) -> Failure {
        Failure {
            help: Some(help.into()),
            ..self
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// What an error comes to: its exit code, and what the user can do about it.
fn classify(error: &anyhow::Error) -> (Exit, Option<String>) {
    for cause in error.chain() {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return (failure.exit, failure.help.clone());
        }
        if let Some(error) = cause.downcast_ref::<settings::Error>() {
            return (Exit::Usage, error.help());
        }
        if let Some(error) = cause.downcast_ref::<assets::Error>() {
            return (error.exit(), error.help());
        }
        if cause.is::<JudgeError>() {
            let help = "`mapcoder doctor` says what the judge needs and what works here";
            return (Exit::JudgeUnavailable, Some(help.to_string()));
        }
        if let Some(error) = cause.downcast_ref::<LedgerError>() {
            return of_ledger(error);
        }
        if let Some(TrainError::Write { .. }) = cause.downcast_ref::<TrainError>() {
            let help = "the last checkpoint is whole; free some space or choose another `output_dir`, \
                        and the same command goes on";
            return (Exit::Failure, Some(help.to_string()));
        }
        if let Some(error) = cause.downcast_ref::<io::Error>()
            && error.kind() == io::ErrorKind::StorageFull
        {
            let help = "free some space, or point `cache` and `ledger` at another disk";
            return (Exit::Failure, Some(help.to_string()));
        }
    }
    (Exit::Failure, None)
}

fn of_ledger(error: &LedgerError) -> (Exit, Option<String>) {
    match error {
        LedgerError::UnknownRun(_) | LedgerError::SeveralRuns(_) => (
            Exit::Usage,
            Some("`mapcoder runs list` lists the runs".to_string()),
        ),
        _ => (Exit::Failure, None),
    }
}

/// The error and its causes in one line.
/// The messages of our libraries are made to stand after "failed to"; a cause that its effect tells already is left out.
fn sentence(error: &anyhow::Error) -> String {
    let mut sentence = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        let is_fragment = cause.is::<LedgerError>()
            || cause.is::<ExportError>()
            || cause.is::<ImportError>()
            || cause.is::<TrainError>()
            || cause.is::<DataError>()
            || cause.is::<StoredError>()
            || cause.is::<MergeError>();
        if sentence.ends_with(&text) {
            continue;
        }
        if !sentence.is_empty() {
            sentence.push_str(": ");
        }
        if is_fragment {
            sentence.push_str("failed to ");
        }
        sentence.push_str(&text);
    }
    one_line(&sentence)
}

/// Prints an error in one line, with a second line that says what to do where that is known.
/// A reader that closed standard output early is no error.
pub(crate) fn report(error: &anyhow::Error, surroundings: &Surroundings, ui: &Ui) -> Exit {
    if is_broken_pipe(error) {
        return Exit::Success;
    }
    let (exit, help) = classify(error);
    let message = surroundings.redact(&sentence(error));
    let help = help.map(|help| surroundings.redact(&help));
    if ui.json() {
        let line = json!({
            "schema": "mapcoder.error/1",
            "error": message,
            "help": help,
            "exit": exit as u8,
        });
        // The error goes to standard error below in any case, so a reader that is gone changes nothing.
        drop(ui.line(&line.to_string()));
    }
    ui.error(&message, help.as_deref());
    exit
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines.join(" ")
}
