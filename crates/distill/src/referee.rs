use domain::{Checker, Isolation, Judging, Problem, Program, Submission, Task, Verdict};
use evaluation::hidden_submission;
use judge::{Judge, JudgeError};
use ledger::{CallError, Ledger, RunId};

use crate::Evidence;

/// Judges programs, each once: what is recorded is read, so that the same record gives the same examples to the byte.
pub struct Referee {
    /// Runs programs.
    pub judge: Judge,
    /// Remembers how they fared.
    pub ledger: Ledger,
    /// The run under which judgings are recorded.
    pub run: RunId,
}

impl Referee {
    /// How a program fares: on the samples, and on all tests, hidden ones included, each in namespaces of its own.
    /// A task without hidden tests decides nothing, nor does a machine without the program's language.
    ///
    /// # Errors
    /// When the judge's own machinery or the ledger fails.
    pub async fn evidence(
        &self,
        task: &Task,
        program: Program,
        checker: &Checker,
    ) -> Result<Evidence, CallError<JudgeError>> {
        let judge = async |submission: Submission| {
            let toolchain = self
                .judge
                .toolchain(submission.program.language)
                .unwrap_or_else(|| "none".to_string());
            let recorded = self
                .ledger
                .judge(&self.run, &task.problem.id, &submission, &toolchain, || {
                    self.judge.judge(&submission)
                })
                .await?;
            Ok::<_, CallError<JudgeError>>(recorded.value)
        };
        evidence(task, program, checker, judge).await
    }
}

/// How a program fares: on the samples, and on all tests, hidden ones included, each in namespaces of its own.
/// A task without hidden tests decides nothing, nor does a machine without the program's language.
///
/// # Errors
/// What `judge` fails with.
pub(crate) async fn evidence<E>(
    task: &Task,
    program: Program,
    checker: &Checker,
    judge: impl AsyncFn(Submission) -> Result<Judging, E>,
) -> Result<Evidence, E> {
    let problem = &task.problem;
    let samples = judge(sample_submission(problem, &program, checker)).await?;
    let mut evidence = Evidence::new(problem, program, &samples);
    if samples.verdict == Verdict::LanguageUnavailable {
        return Ok(evidence);
    }
    let passes_samples = evidence.n_passed == evidence.n_samples;
    evidence.solves = match (passes_samples, task.hidden.is_empty()) {
        (false, _) => Some(false),
        (true, true) => None,
        (true, false) => {
            let judging = judge(hidden_submission(task, &evidence.program, checker)).await?;
            Some(judging.verdict == Verdict::Accepted)
        }
    };
    Ok(evidence)
}

/// What a strategy sends to the judge while it works.
fn sample_submission(problem: &Problem, program: &Program, checker: &Checker) -> Submission {
    Submission {
        program: program.clone(),
        tests: problem.samples.clone(),
        checker: checker.clone(),
        limits: problem.limits,
        isolation: Isolation::Pooled,
        stop_on_first_failure: false,
    }
}
