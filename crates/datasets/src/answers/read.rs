use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::language::of_ending;
use super::rows::answers;
use super::{Answer, ProblemKey};
use crate::container::{plain_name, text_of};
use crate::load::{file_name, read_bytes};
use crate::rows::{parse, rows};
use crate::{LoadError, SkippedRow};

/// What a result file holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answers {
    /// In the order of the file.
    pub answers: Vec<Answer>,
    /// Rows that hold no answer, and why. They never stop the others.
    pub skipped: Vec<SkippedRow>,
}

/// Reads published answers: a `.jsonl` or `.json` file, packed with gzip or not, of HumanEval's, EvalPlus',
/// MapCoder's or LiveCodeBench's tools, or plain rows with `task_id` or `row`, `language`, `code` and, where known,
/// `is_solved`; or a folder of programs, named `ID.py` or `ID/0.py` with `_` for what file names cannot hold.
///
/// # Errors
/// When the file or folder cannot be read, is no text, or has an ending that says nothing.
pub fn load_answers(path: &Path) -> Result<Answers, LoadError> {
    if path.is_dir() {
        return folder(path);
    }
    let file = file_name(path);
    let text = text_of(&file, read_bytes(path)?)?;
    let mut found = Answers::default();
    match plain_name(&file).as_str() {
        name if name.ends_with(".jsonl") || name.ends_with(".parquet") => {
            for (line, row) in rows(&text) {
                found.add(parse(row), &file, line);
            }
        }
        name if name.ends_with(".json") => match parse::<Vec<Value>>(&text) {
            Ok(list) => {
                for (number, row) in (1..).zip(list) {
                    let row = serde_json::from_value(row).map_err(|error| error.to_string());
                    found.add(row, &file, number);
                }
            }
            Err(reason) => found.skip(&file, 1, format!("it is no list of answers: {reason}")),
        },
        _ => return Err(LoadError::UnknownEnding { file }),
    }
    Ok(found)
}

impl Answers {
    fn add(&mut self, row: Result<Map<String, Value>, String>, file: &str, line: usize) {
        match row.and_then(|row| answers(&row, file, line)) {
            Ok(answers) => self.answers.extend(answers),
            Err(reason) => self.skip(file, line, reason),
        }
    }

    fn skip(&mut self, file: &str, line: usize, reason: String) {
        self.skipped.push(SkippedRow {
            file: file.to_string(),
            line,
            reason,
        });
    }
}

/// A folder with a program for each problem, or with a folder of samples for each.
fn folder(path: &Path) -> Result<Answers, LoadError> {
    let origin = file_name(&path.canonicalize().unwrap_or_else(|_| path.to_path_buf()));
    let mut found = Answers::default();
    for entry in sorted(path)? {
        let samples = if entry.is_dir() {
            sorted(&entry)?
        } else {
            vec![entry.clone()]
        };
        let id = entry
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default();
        for file in samples {
            let ending = file
                .extension()
                .and_then(|ending| ending.to_str())
                .unwrap_or_default();
            // Notes and results lie beside programs.
            let Some(language) = of_ending(&ending.to_ascii_lowercase()) else {
                continue;
            };
            let name = file_name(&file);
            match read_bytes(&file).and_then(|bytes| text_of(&name, bytes)) {
                Ok(code) => found.answers.push(Answer {
                    origin: origin.clone(),
                    line: 1,
                    problem: ProblemKey::Id(id.clone()),
                    language,
                    code,
                    is_continuation: false,
                    imports_typing: false,
                    recorded: None,
                    test: None,
                }),
                Err(error) => found.skip(&name, 1, error.to_string()),
            }
        }
    }
    Ok(found)
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let entries = fs::read_dir(folder)
        .and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<io::Result<Vec<_>>>()
        })
        .map_err(|source| LoadError::Io {
            path: folder.to_path_buf(),
            source,
        });
    let mut entries = entries?;
    entries.sort();
    Ok(entries)
}
