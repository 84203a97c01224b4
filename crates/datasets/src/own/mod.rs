//! A user's own problems, in Markdown or in JSON with the same content.

mod json;
mod markdown;
mod problem;
mod quantity;

use domain::Limits;

pub use problem::{OwnFunction, OwnLimits, OwnProblem, OwnTest};

use crate::python::{is_balanced, last_function};
use crate::rows::{Entry, parse};

/// A file that holds no readable problem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read {file}{}: {what}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct ProblemError {
    /// The file's name.
    pub file: String,
    /// Counted from 1; absent where the fault lies in no single line.
    pub line: Option<usize>,
    /// What is wrong and what to do about it.
    pub what: String,
}

/// A fault before its file is known.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    line: Option<usize>,
    what: String,
}

impl Fault {
    fn at(line: usize, what: impl Into<String>) -> Fault {
        Fault {
            line: Some(line),
            what: what.into(),
        }
    }

    fn in_file(self, file: &str) -> ProblemError {
        ProblemError {
            file: file.to_string(),
            line: self.line,
            what: self.what,
        }
    }
}

/// A function that is given by its beginning; the last one at the left margin is the one that is wanted.
fn function(prompt: &str) -> Result<OwnFunction, String> {
    let name = last_function(prompt).ok_or(
        "the function's head is missing; write `def name(parameters):` at the left margin",
    )?;
    Ok(OwnFunction {
        name: name.to_string(),
        prompt: prompt.to_string(),
    })
}

/// One test for each assert statement at the left margin;
/// a block that begins otherwise, or does anything else between, is one test.
fn asserts(code: &str) -> Vec<OwnTest> {
    let mut statements: Vec<String> = Vec::new();
    for line in code.lines() {
        let is_new =
            line.starts_with("assert") && statements.last().is_none_or(|last| is_balanced(last));
        match statements.last_mut() {
            Some(last) if !is_new => {
                last.push('\n');
                last.push_str(line);
            }
            _ => statements.push(line.to_string()),
        }
    }
    let is_plain = |statement: &String| {
        let mut lines = statement.trim_end().lines();
        lines
            .next()
            .is_some_and(|first| first.starts_with("assert"))
            && lines
                .all(|line| line.is_empty() || line.starts_with([' ', '\t', ')', ']', '}', '#']))
    };
    if !statements.iter().all(is_plain) {
        statements = vec![code.to_string()];
    }
    statements
        .into_iter()
        .map(|statement| OwnTest::python(statement.trim()))
        .collect()
}

/// A problem from one Markdown file.
pub(crate) fn markdown_entry(text: &str, file: &str) -> Result<Entry, ProblemError> {
    let problem = markdown::parse(text).map_err(|fault| fault.in_file(file))?;
    entry(problem, stem(file)).map_err(|what| Fault { line: None, what }.in_file(file))
}

/// All problems of one JSON file: an object, or a list of objects.
pub(crate) fn json_entries(text: &str, file: &str) -> Result<Vec<Entry>, ProblemError> {
    let problems = json::problems(text).map_err(|fault| fault.in_file(file))?;
    let is_single = problems.len() == 1;
    (1..)
        .zip(problems)
        .map(|(number, problem)| {
            let default_id = if is_single {
                stem(file).to_string()
            } else {
                format!("{}/{number}", stem(file))
            };
            entry(problem, &default_id).map_err(|what| {
                let what = if is_single {
                    what
                } else {
                    format!("problem {number}: {what}")
                };
                Fault { line: None, what }.in_file(file)
            })
        })
        .collect()
}

/// A problem from one line of JSON.
pub(crate) fn row_entry(row: &str, file: &str, line: usize) -> Result<Entry, String> {
    entry(parse(row)?, &format!("{}/{line}", stem(file)))
}

fn entry(problem: OwnProblem, default_id: &str) -> Result<Entry, String> {
    Ok(Entry {
        task: problem.into_task(default_id)?,
        dropped: Vec::new(),
        errata: Vec::new(),
        reference: None,
    })
}

/// The file's name without folder and ending.
fn stem(file: &str) -> &str {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.split_once('.')
        .map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem })
}

fn limits(limits: &OwnLimits) -> Result<Limits, String> {
    let mut result = Limits::default();
    if let Some(seconds) = limits.time_seconds {
        result = Limits::with_cpu(quantity::seconds(seconds)?);
    }
    if let Some(mib) = limits.memory_mib {
        result.memory_bytes = quantity::mebibytes(mib)?;
    }
    Ok(result)
}

#[cfg(test)]
mod tests;
