//! What is said about a submission, in lines of JSON.

use std::time::Duration;

use domain::{CaseReport, Exit, Harness, Judging, Rung, Verdict};
use serde::Serialize;
use serde_json::value::RawValue;

/// What a line is about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Row<'a> {
    /// The number of the line that the submission was on, from 1 on.
    pub line: Option<u64>,
    /// The name that its sender gave it.
    pub id: Option<&'a RawValue>,
}

/// The evidence of one test.
#[derive(Serialize)]
pub(crate) struct Case<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'static str>,
    test: usize,
    verdict: Verdict,
    cpu_ms: f64,
    wall_ms: f64,
    memory_bytes: u64,
    exit: Option<Exit>,
    actual: &'a str,
    n_output_bytes: u64,
    stderr_tail: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    otherwise: &'a [Harness],
}

impl Case<'_> {
    pub(crate) fn new(index: usize, case: &CaseReport) -> Case<'_> {
        Case {
            schema: None,
            test: index,
            verdict: case.verdict,
            cpu_ms: milliseconds(case.cpu),
            wall_ms: milliseconds(case.wall),
            memory_bytes: case.memory_bytes,
            exit: case.exit,
            actual: &case.actual,
            n_output_bytes: case.n_output_bytes,
            stderr_tail: &case.stderr_tail,
            message: &case.message,
            otherwise: &case.otherwise,
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}

/// The evidence of one test, as one line of JSON without a line end.
/// `test` is its place among the tests, from 0 on.
pub fn case_line(test: usize, case: &CaseReport) -> String {
    text(&Case {
        schema: Some("mapcoder.judge.case/1"),
        ..Case::new(test, case)
    })
}

/// A judging, as one line of JSON without a line end.
/// With `cases` it holds the evidence of every test; without, that has been said before.
pub fn result_line(row: Row<'_>, n_tests: usize, judging: &Judging, cases: bool) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        schema: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        line: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a RawValue>,
        verdict: Verdict,
        n_passed: usize,
        n_run: usize,
        n_tests: usize,
        compile_log: &'a str,
        rung: Rung,
        toolchain: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        cases: Option<Vec<Case<'a>>>,
    }
    text(&Line {
        schema: "mapcoder.judge.result/1",
        line: row.line,
        id: row.id,
        verdict: judging.verdict,
        n_passed: judging.n_passed(),
        n_run: judging.cases.len(),
        n_tests,
        compile_log: &judging.compile_log,
        rung: judging.rung,
        toolchain: &judging.toolchain,
        cases: cases.then(|| {
            let cases = judging.cases.iter().enumerate();
            cases.map(|(index, case)| Case::new(index, case)).collect()
        }),
    })
}

/// Why there is no judging, as one line of JSON without a line end.
pub fn error_line(row: Row<'_>, error: &str) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        schema: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        line: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a RawValue>,
        error: &'a str,
    }
    text(&Line {
        schema: "mapcoder.judge.error/1",
        line: row.line,
        id: row.id,
        error,
    })
}

fn text(line: &impl Serialize) -> String {
    serde_json::to_string(line).expect("plain data has a JSON form")
}
