use domain::{Checker, Harness};
use serde_json::{Map, Value};

use crate::rows::Entry;
use crate::{
    apps, codecontests, evalplus, humaneval, livecodebench, lpw, mbpp, multipl_e, own, xcodeeval,
};

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
    /// HumanEval+ and MBPP+ of EvalPlus.
    EvalPlus,
    /// APPS as it was published.
    Apps,
    /// The 150 rows of APPS that MapCoder chose, in its form.
    AppsSubset,
    /// DeepMind's CodeContests.
    CodeContests,
    /// CodeContests in MapCoder's form.
    CodeContestsSubset,
    /// LiveCodeBench.
    LiveCodeBench,
    /// xCodeEval's program synthesis; its hidden tests stand in `unittest_db.json`.
    XCodeEval,
    /// A user's own problems, in Markdown or JSON.
    Own,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 13] = [
        Format::HumanEval,
        Format::HumanEvalEt,
        Format::EvalPlus,
        Format::Mbpp,
        Format::MultiplE,
        Format::Apps,
        Format::AppsSubset,
        Format::CodeContests,
        Format::CodeContestsSubset,
        Format::XCodeEval,
        Format::LiveCodeBench,
        Format::Lpw,
        Format::Own,
    ];

    /// The name used in listings.
    pub fn name(self) -> &'static str {
        match self {
            Format::HumanEval => "HumanEval",
            Format::HumanEvalEt => "HumanEval-ET",
            Format::Mbpp => "MBPP",
            Format::MultiplE => "MultiPL-E",
            Format::Lpw => "LPW",
            Format::EvalPlus => "EvalPlus",
            Format::Apps => "APPS",
            Format::AppsSubset => "APPS (MapCoder's rows)",
            Format::CodeContests => "CodeContests",
            Format::CodeContestsSubset => "CodeContests (MapCoder's rows)",
            Format::LiveCodeBench => "LiveCodeBench",
            Format::XCodeEval => "xCodeEval",
            Format::Own => "own problems",
        }
    }

    /// How outputs are compared, as strictly as the statements allow: problems from contests accept numbers that are
    /// a little off, other sets say what they want to the letter.
    pub fn checker(self) -> Checker {
        match self {
            Format::Apps
            | Format::AppsSubset
            | Format::CodeContests
            | Format::CodeContestsSubset
            | Format::LiveCodeBench
            | Format::XCodeEval => Checker::Float { tolerance: 1e-6 },
            _ => Checker::Lines,
        }
    }

    /// The harness with which most numbers on this set were published, where it compares outputs in a way of its own.
    pub fn harness(self) -> Option<Harness> {
        match self {
            Format::AppsSubset | Format::CodeContestsSubset | Format::XCodeEval => {
                Some(Harness::ExecEval)
            }
            Format::Apps => Some(Harness::Apps),
            Format::CodeContests => Some(Harness::CodeContests),
            Format::LiveCodeBench => Some(Harness::LiveCodeBench),
            _ => None,
        }
    }

    /// The licence under which the data was published, as an SPDX expression; absent for a user's own.
    pub fn licence(self) -> Option<&'static str> {
        Some(match self {
            Format::HumanEval | Format::HumanEvalEt | Format::Apps | Format::AppsSubset => "MIT",
            Format::EvalPlus | Format::Lpw => "Apache-2.0",
            Format::Mbpp | Format::CodeContests | Format::CodeContestsSubset => "CC-BY-4.0",
            Format::MultiplE => "MIT AND CC-BY-4.0",
            Format::LiveCodeBench => "CC-BY-4.0",
            Format::XCodeEval => "CC-BY-NC-4.0",
            Format::Own => return None,
        })
    }

    /// The format that a row's keys belong to.
    pub(crate) fn detect(row: &Map<String, Value>) -> Option<Format> {
        let has = |keys: &[&str]| keys.iter().all(|key| row.contains_key(*key));
        [
            (
                Format::EvalPlus,
                &["base_input", "plus_input", "entry_point"][..],
            ),
            (
                Format::LiveCodeBench,
                &["question_content", "private_test_cases"],
            ),
            (Format::Apps, &["question", "input_output"]),
            (
                Format::CodeContests,
                &["name", "description", "public_tests"],
            ),
            (
                Format::HumanEvalEt,
                &["prompt", "entry_point", "test_case_list"],
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
            (
                Format::AppsSubset,
                &["id", "description", "test_list", "starter_code"],
            ),
            (
                Format::CodeContestsSubset,
                &["name", "description", "sample_io", "test_list"],
            ),
            (
                Format::XCodeEval,
                &["src_uid", "description", "sample_inputs"],
            ),
            (
                Format::XCodeEval,
                &["src_uid", "prob_desc_description", "hidden_unit_tests"],
            ),
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
            Format::EvalPlus => evalplus::entry(row),
            Format::Apps => apps::entry(row),
            Format::AppsSubset => apps::subset_entry(row, line),
            Format::CodeContests => codecontests::entry(row),
            Format::CodeContestsSubset => codecontests::mapcoder_entry(row),
            Format::LiveCodeBench => livecodebench::entry(row),
            Format::XCodeEval => xcodeeval::entry(row),
            Format::Own => own::row_entry(row, file, line),
        }
    }
}
