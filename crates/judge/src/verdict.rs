//! From evidence to a verdict.
//!
//! In this order: output limit, memory, CPU time, time on the clock, how the program ended, what it said.

use std::time::Duration;

use domain::{CaseReport, Exit, Harness, Limits, Verdict};
use serde::Deserialize;

use crate::checkers::Opinion;
use crate::error::Failure;
use crate::handle::Run;
use crate::protocol::{Hit, Outcome};

/// What is kept of outputs in a report.
const KEPT: usize = 4 << 10;

/// What test code found, as its interpreter reports it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Finding {
    status: Status,
    message: String,
    actual: String,
    trace: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// Every statement held.
    Passed,
    /// A statement did not hold.
    Failed,
    /// The program raised an exception that the test did not expect, or defines nothing of that name.
    Raised,
    /// The program's process ended, or hung up.
    Gone,
    /// The program broke the protocol.
    Violation,
    /// The test makes no sense.
    Malformed,
}

/// The report of a whole program's run. `check` looks at the output, where that decides, and says as well which
/// harnesses see it otherwise.
pub(crate) fn of_stdio<E>(
    run: &Run,
    check: impl FnOnce(&[u8]) -> Result<(Opinion, Vec<Harness>), E>,
) -> Result<CaseReport, E> {
    let (verdict, reason, otherwise) = match of_evidence(&run.outcome, &run.stderr) {
        Some(verdict) => (verdict, String::new(), Vec::new()),
        None => match check(&run.stdout)? {
            (Opinion::Right, otherwise) => (Verdict::Accepted, String::new(), otherwise),
            (Opinion::Wrong(reason), otherwise) => (Verdict::WrongAnswer, reason, otherwise),
        },
    };
    let mut case = report(verdict, &run.outcome, &run.stderr);
    case.actual = head(&run.stdout);
    case.otherwise = otherwise;
    if case.message.is_empty() {
        case.message = reason;
    }
    Ok(case)
}

/// The report of test code's run against a program.
pub(crate) fn of_test(program: &Run, test: &Run, limits: &Limits) -> Result<CaseReport, Failure> {
    let finding = match test.outcome.hit {
        Some(_) => None,
        None => Some(finding(test)?),
    };
    let verdict = of_evidence(&program.outcome, &program.stderr);
    let test_cpu = Duration::from_micros(test.outcome.cpu_us);
    let (verdict, message) = match (verdict, finding.as_ref()) {
        // The program waited while its answers were looked at.
        (Some(Verdict::IdleLimit), _) if test_cpu >= limits.cpu => (Verdict::TimeLimit, SLOW),
        (Some(verdict), _) => (verdict, ""),
        (None, None) => match test.outcome.hit {
            Some(Hit::Memory) => (
                Verdict::MemoryLimit,
                "the returned values are too large to check",
            ),
            _ => (Verdict::TimeLimit, SLOW),
        },
        (None, Some(finding)) => match finding.status {
            Status::Passed => (Verdict::Accepted, ""),
            Status::Failed => (Verdict::WrongAnswer, ""),
            Status::Raised if is_out_of_memory(finding.message.as_bytes()) => {
                (Verdict::MemoryLimit, "")
            }
            Status::Raised => (Verdict::RuntimeError, ""),
            Status::Gone => (
                Verdict::RuntimeError,
                "the program ended before its tests did",
            ),
            Status::Violation => (Verdict::Security, ""),
            Status::Malformed => {
                return Err(Failure::Checker(format!(
                    "the test is malformed: {}",
                    finding.message
                )));
            }
        },
    };
    let mut case = report(verdict, &program.outcome, &program.stderr);
    if let Some(finding) = finding {
        if !finding.trace.is_empty() {
            case.stderr_tail = tail(format!("{}{}", case.stderr_tail, finding.trace).as_bytes());
        }
        case.message = head(finding.message.as_bytes());
        case.actual = head(finding.actual.as_bytes());
    }
    if case.message.is_empty() {
        case.message = message.to_string();
    }
    Ok(case)
}

const SLOW: &str = "the test code ran out of time on the returned values";

/// The report of the interpreter that ran the test code.
fn finding(test: &Run) -> Result<Finding, String> {
    serde_json::from_slice(&test.stdout).map_err(|error| {
        let stderr = String::from_utf8_lossy(&test.stderr);
        format!(
            "the test interpreter gave no report ({error}): {}",
            stderr.trim()
        )
    })
}

/// The verdict that needs no look at the output, if there is one.
fn of_evidence(outcome: &Outcome, stderr: &[u8]) -> Option<Verdict> {
    match (outcome.hit, outcome.exit) {
        (Some(Hit::Output), _) => Some(Verdict::OutputLimit),
        (Some(Hit::Memory), _) => Some(Verdict::MemoryLimit),
        _ if outcome.oom => Some(Verdict::MemoryLimit),
        (Some(Hit::Cpu), _) => Some(Verdict::TimeLimit),
        (Some(Hit::Wall), _) => Some(Verdict::IdleLimit),
        _ if outcome.broke_launcher => Some(Verdict::RuntimeError),
        (None, Some(Exit::Signal(libc::SIGXFSZ))) => Some(Verdict::OutputLimit),
        (None, None | Some(Exit::Code(0))) => None,
        (None, Some(_)) if is_out_of_memory(last_line(stderr)) => Some(Verdict::MemoryLimit),
        (None, Some(_)) => Some(Verdict::RuntimeError),
    }
}

/// True for what the languages say when an allocation fails.
fn is_out_of_memory(line: &[u8]) -> bool {
    line.starts_with(b"MemoryError") || line.ends_with(b"std::bad_alloc")
}

fn last_line(text: &[u8]) -> &[u8] {
    let text = text.trim_ascii_end();
    text.rsplit(|&byte| byte == b'\n').next().unwrap_or(text)
}

fn report(verdict: Verdict, outcome: &Outcome, stderr: &[u8]) -> CaseReport {
    CaseReport {
        verdict,
        cpu: Duration::from_micros(outcome.cpu_us),
        wall: Duration::from_micros(outcome.wall_us),
        memory_bytes: outcome.memory_bytes,
        exit: outcome.exit,
        actual: String::new(),
        n_output_bytes: outcome.stdout_bytes as u64,
        stderr_tail: tail(stderr),
        message: if outcome.broke_launcher {
            "the program ended the process that had started it".into()
        } else {
            String::new()
        },
        otherwise: Vec::new(),
    }
}

/// The beginning of some output as text.
pub(crate) fn head(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(KEPT)];
    String::from_utf8_lossy(cut).into_owned()
}

fn tail(bytes: &[u8]) -> String {
    let cut = &bytes[bytes.len().saturating_sub(KEPT)..];
    String::from_utf8_lossy(cut).into_owned()
}

/// True when the program has hung up, so that its own end will say why.
pub(crate) fn waits_for_exit(test: &Run) -> bool {
    finding(test).is_ok_and(|finding| finding.status == Status::Gone)
}
