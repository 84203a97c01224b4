use domain::Task;
use serde::de::DeserializeOwned;

use crate::{DroppedSample, Format, SkippedRow};

/// What one row gives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) task: Task,
    pub(crate) dropped: Vec<DroppedSample>,
    /// What is known to be wrong with its tests.
    pub(crate) errata: Vec<&'static str>,
    /// A whole program, where the row has one in Python.
    pub(crate) reference: Option<String>,
}

/// One row of JSON as a value; the message of a fault is cut short of serde's own line count, which is always 1 here.
pub(crate) fn parse<T: DeserializeOwned>(line: &str) -> Result<T, String> {
    serde_json::from_str(line).map_err(|error| {
        let message = error.to_string();
        match message.rsplit_once(" at line 1 column ") {
            Some((what, column)) => format!("{what} (column {column})"),
            None => message,
        }
    })
}

/// The format of the first row that tells it.
pub(crate) fn detect(text: &str) -> Option<Format> {
    rows(text).find_map(|(_, line)| Format::detect(&serde_json::from_str(line).ok()?))
}

/// All rows of a file of JSON lines, each read or refused by itself.
pub(crate) fn entries<'a>(
    file: &'a str,
    text: &'a str,
    format: Format,
) -> impl Iterator<Item = Result<(String, usize, Entry), SkippedRow>> + 'a {
    rows(text).map(move |(line, row)| match format.entry(row, file, line) {
        Ok(entry) => Ok((file.to_string(), line, entry)),
        Err(reason) => Err(SkippedRow {
            file: file.to_string(),
            line,
            reason,
        }),
    })
}

/// The lines that are not blank, with their numbers from 1 on.
pub(crate) fn rows(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..)
        .zip(text.trim_start_matches('\u{feff}').lines())
        .filter(|(_, line)| !line.trim().is_empty())
}
