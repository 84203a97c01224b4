use serde_json::{Map, Value};

use crate::rows::Entry;
use crate::{humaneval, lpw, mbpp, multipl_e, own};

/// How the rows of a data set are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// OpenAI's HumanEval, also with MapCoder's `sample_io`.
    HumanEval,
    /// HumanEval-ET: HumanEval with `test_case_list`.
    HumanEvalEt,
    /// Google's MBPP, also its sanitized form.
    Mbpp,
    /// MBPP as MultiPL-E rewrote it for Python.
    MultiplE,
    /// The function-form sets of LPW.
    Lpw,
    /// A user's own problems, in Markdown or JSON.
    Own,
}

impl Format {
    /// The name used in listings.
    pub fn name(self) -> &'static str {
        match self {
            Format::HumanEval => "HumanEval",
            Format::HumanEvalEt => "HumanEval-ET",
            Format::Mbpp => "MBPP",
            Format::MultiplE => "MultiPL-E",
            Format::Lpw => "LPW",
            Format::Own => "own problems",
        }
    }

    /// The format that a row's keys belong to.
    pub(crate) fn detect(row: &Map<String, Value>) -> Option<Format> {
        let has = |keys: &[&str]| keys.iter().all(|key| row.contains_key(*key));
        [
            (
                Format::HumanEvalEt,
                &["prompt", "entry_point", "test_case_list"][..],
            ),
            (
                Format::Lpw,
                &["prompt", "entry_point", "given_tests", "test"],
            ),
            (
                Format::MultiplE,
                &["name", "language", "prompt", "entry_point", "test"],
            ),
            (
                Format::HumanEval,
                &["task_id", "prompt", "entry_point", "test"],
            ),
            (Format::Mbpp, &["task_id", "test_list", "code"]),
            (Format::Own, &["title", "statement"]),
        ]
        .into_iter()
        .find(|(_, keys)| has(keys))
        .map(|(format, _)| format)
    }

    pub(crate) fn entry(self, row: &str, file: &str, line: usize) -> Result<Entry, String> {
        match self {
            Format::HumanEval => humaneval::entry(row),
            Format::HumanEvalEt => humaneval::et_entry(row),
            Format::Mbpp => mbpp::entry(row),
            Format::MultiplE => multipl_e::entry(row),
            Format::Lpw => lpw::entry(row),
            Format::Own => own::row_entry(row, file, line),
        }
    }
}
