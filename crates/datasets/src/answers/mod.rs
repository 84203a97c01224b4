//! Programs that others published for the problems of a data set, and how each is judged.

mod language;
mod read;
mod rows;

use std::collections::HashMap;
use std::time::Duration;

use domain::{
    Checker, Form, Harness, Isolation, Language, Limits, Program, Submission, Task, Test,
};

pub use read::{Answers, load_answers};

use crate::{DataSet, Format};

/// A program that somebody published for a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The file that it was published in, as the row says it; else the file that it was read from.
    pub origin: String,
    /// Its line in the file that it was read from, from 1 on; 1 in a folder of programs.
    pub line: usize,
    /// Which problem it answers.
    pub problem: ProblemKey,
    /// What it is written in.
    pub language: Language,
    /// Its text, as it was published.
    pub code: String,
    /// True when the text goes on where the problem's own beginning of the program ends.
    pub is_continuation: bool,
    /// True for rows of MapCoder's results: their harness ran every Python program behind `from typing import *`.
    pub imports_typing: bool,
    /// Whether it was recorded as right; absent where nothing is recorded.
    pub recorded: Option<bool>,
    /// Python statements that it was really tested with, where the row carries them.
    pub test: Option<String>,
}

/// How an answer names its problem.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ProblemKey {
    /// By the problem's id, or its last part.
    Id(String),
    /// By its row in the data set's file, from 0 on.
    Row(usize),
}

impl std::fmt::Display for ProblemKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ProblemKey::Id(id) => f.pad(id),
            ProblemKey::Row(row) => f.pad(&format!("row {row}")),
        }
    }
}

/// By whose rules an answer is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rules {
    /// Ours: the problem's own limits, and outputs compared as [`Format::checker`] says.
    Strict,
    /// Those of a published harness, its mistakes in comparing outputs included.
    Compat(Harness),
}

impl Answer {
    /// What is sent to the judge. A problem without hidden tests is judged by its samples.
    pub fn submission(&self, format: Format, task: &Task, rules: Rules) -> Submission {
        let problem = &task.problem;
        let execeval = rules == Rules::Compat(Harness::ExecEval);
        let tests = match (&self.test, &problem.form) {
            (Some(test), Form::Function { entry_point, .. }) => vec![Test::Python {
                code: format!("{test}\ncheck({entry_point})"),
            }],
            _ if task.hidden.is_empty() => problem.samples.clone(),
            _ => task.hidden.reveal().to_vec(),
        };
        Submission {
            program: Program {
                language: self.language,
                source: self.source(format, task, execeval),
            },
            tests,
            checker: match rules {
                Rules::Strict => format.checker(),
                Rules::Compat(harness) => Checker::Compat { harness },
            },
            limits: if execeval && problem.form == Form::Stdio {
                // It is never told a problem's own limits.
                Limits::with_cpu(Duration::from_secs(2))
            } else {
                problem.limits
            },
            isolation: Isolation::Pooled,
            stop_on_first_failure: true,
        }
    }

    /// The same, on top of what other answers leave behind when they run before it in one namespace, as in MapCoder's
    /// harness for functions: what passes only there rests on definitions and imports of others.
    pub fn in_one_namespace<'a>(
        &self,
        format: Format,
        task: &Task,
        others: impl IntoIterator<Item = &'a Answer>,
    ) -> Submission {
        let others: Vec<&str> = others
            .into_iter()
            .map(|other| other.code.as_str())
            .collect();
        let others = serde_json::to_string(&others).unwrap_or_default();
        let mut submission = self.submission(format, task, Rules::Strict);
        submission.program.source = format!(
            "from typing import *\nfor source in {others}:\n    try: exec(source, globals())\n    \
             except BaseException: pass\n{}",
            self.code
        );
        submission
    }

    /// The whole program, as the harness that recorded the answer put it together.
    fn source(&self, format: Format, task: &Task, execeval: bool) -> String {
        let code = self.code.replace('\r', "");
        match &task.problem.form {
            Form::Function { prompt, .. } => {
                let typing = if self.imports_typing {
                    "from typing import *\n"
                } else {
                    ""
                };
                // The harness of HumanEval-ET puts the prompt before every answer.
                let prompt = if self.is_continuation || format == Format::HumanEvalEt {
                    prompt.as_str()
                } else {
                    ""
                };
                format!("{typing}{prompt}{code}")
            }
            // The flags of ExecEval's compilers include these.
            Form::Stdio if execeval && matches!(self.language, Language::C | Language::Cpp) => {
                format!("#include <limits.h>\n#include <math.h>\n{code}")
            }
            Form::Stdio => code,
        }
    }
}

/// Finds the tasks that answers speak of.
#[derive(Debug)]
pub struct AnswerIndex<'a> {
    set: &'a DataSet,
    /// By whole id, in plain letters.
    whole: HashMap<String, usize>,
    /// By the part of the id behind the last `/`; absent where two tasks share it.
    last: HashMap<String, Option<usize>>,
}

impl<'a> AnswerIndex<'a> {
    /// An index over the tasks of a data set.
    pub fn new(set: &'a DataSet) -> AnswerIndex<'a> {
        let mut whole = HashMap::new();
        let mut last: HashMap<String, Option<usize>> = HashMap::new();
        for (at, task) in set.tasks.iter().enumerate() {
            let id = &task.problem.id;
            whole.insert(plain(id), at);
            let part = plain(id.rsplit('/').next().unwrap_or(id));
            last.entry(part)
                .and_modify(|at| *at = None)
                .or_insert(Some(at));
        }
        AnswerIndex { set, whole, last }
    }

    /// The task that an answer speaks of; absent when the data set has none of that name.
    pub fn find(&self, key: &ProblemKey) -> Option<&'a Task> {
        let at = match key {
            ProblemKey::Id(id) => self.by_id(&plain(id)),
            ProblemKey::Row(row) if self.set.format == Format::AppsSubset => {
                self.by_id(&row.to_string())
            }
            // Where a row was left out, the others have moved.
            ProblemKey::Row(row) => self.set.skipped.is_empty().then_some(*row),
        }?;
        self.set.tasks.get(at)
    }

    fn by_id(&self, id: &str) -> Option<usize> {
        let whole = self.whole.get(id).copied();
        whole.or_else(|| self.last.get(id).copied().flatten())
    }
}

/// An id in lowercase, with everything but letters and digits as `_`: as folders of programs spell it.
fn plain(id: &str) -> String {
    id.chars()
        .map(|c| {
            if c.is_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
