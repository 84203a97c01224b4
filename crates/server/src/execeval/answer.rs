use domain::{CaseReport, Exit, Judging, Rung, Test, Verdict};
use serde::Serialize;

use crate::lines::Case;

/// ExecEval's answer. It has `data` only; the rest is ours.
#[derive(Serialize)]
pub(super) struct Answer<'a> {
    data: Vec<Element<'a>>,
    /// Fields of the request that have no effect here.
    ignored: &'a [String],
    verdict: Verdict,
    compile_log: &'a str,
    rung: Option<Rung>,
    toolchain: &'a str,
}

/// One test. The first six fields are ExecEval's.
#[derive(Serialize)]
struct Element<'a> {
    input: &'a str,
    output: &'a [String],
    /// What the program wrote, or why it has no outcome of its own.
    result: Option<String>,
    exec_outcome: Option<&'static str>,
    /// In seconds of CPU time.
    time_consumed: Option<f64>,
    peak_memory_consumed: Option<String>,
    evidence: Option<Case<'a>>,
}

impl<'a> Answer<'a> {
    /// There is nothing that could run the program; ExecEval speaks of a compilation error then.
    pub(super) fn no_runtime(reason: &'a str, ignored: &'a [String]) -> Answer<'a> {
        Answer {
            data: vec![Element::not_compiled(reason)],
            ignored,
            verdict: Verdict::LanguageUnavailable,
            compile_log: "",
            rung: None,
            toolchain: "",
        }
    }

    pub(super) fn new(
        tests: &'a [Test],
        judging: &'a Judging,
        ignored: &'a [String],
    ) -> Answer<'a> {
        let data = if judging.verdict == Verdict::CompileError {
            vec![Element::not_compiled(&judging.compile_log)]
        } else {
            let cases = judging.cases.iter().enumerate().map(Some);
            tests
                .iter()
                .zip(cases.chain(std::iter::repeat(None)))
                .map(|(test, case)| Element::new(test, case))
                .collect()
        };
        Answer {
            data,
            ignored,
            verdict: judging.verdict,
            compile_log: &judging.compile_log,
            rung: Some(judging.rung),
            toolchain: &judging.toolchain,
        }
    }
}

impl<'a> Element<'a> {
    fn not_compiled(reason: &str) -> Element<'a> {
        Element {
            input: "",
            output: &[],
            result: Some(reason.to_string()),
            exec_outcome: Some("COMPILATION_ERROR"),
            time_consumed: None,
            peak_memory_consumed: None,
            evidence: None,
        }
    }

    /// A test that was left out after a failure has no outcome.
    fn new(test: &'a Test, case: Option<(usize, &'a CaseReport)>) -> Element<'a> {
        let (input, output): (&str, &[String]) = match test {
            Test::Stdio { input, expected } => (input, expected),
            Test::Python { .. } | Test::Call { .. } => ("", &[]),
        };
        Element {
            input,
            output,
            result: case.and_then(|(_, case)| result(case)),
            exec_outcome: case.map(|(_, case)| outcome(case.verdict)),
            time_consumed: case.map(|(_, case)| case.cpu.as_secs_f64()),
            peak_memory_consumed: case.map(|(_, case)| format!("{} kB", case.memory_bytes >> 10)),
            evidence: case.map(|(index, case)| Case::new(index, case)),
        }
    }
}

/// The nearest of ExecEval's six outcomes; the verdict itself is in the evidence.
fn outcome(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted => "PASSED",
        Verdict::WrongAnswer => "WRONG_ANSWER",
        Verdict::TimeLimit | Verdict::IdleLimit => "TIME_LIMIT_EXCEEDED",
        Verdict::MemoryLimit => "MEMORY_LIMIT_EXCEEDED",
        Verdict::RuntimeError | Verdict::OutputLimit | Verdict::Security => "RUNTIME_ERROR",
        Verdict::CompileError | Verdict::LanguageUnavailable => "COMPILATION_ERROR",
    }
}

/// What it wrote where it ended well, nothing where it ran out of time, else how it ended.
fn result(case: &CaseReport) -> Option<String> {
    match case.verdict {
        Verdict::Accepted | Verdict::WrongAnswer => Some(case.actual.trim().to_string()),
        Verdict::TimeLimit | Verdict::IdleLimit => None,
        verdict => Some(match case.exit {
            Some(Exit::Signal(signal)) => {
                format!("killed by signal {signal}; stderr: {}", case.stderr_tail)
            }
            _ if case.stderr_tail.is_empty() => match case.exit {
                Some(Exit::Code(code)) => format!("{verdict}: exit code {code}"),
                _ => verdict.to_string(),
            },
            _ => case.stderr_tail.clone(),
        }),
    }
}
