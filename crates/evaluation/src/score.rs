use agents::{Outcome, SolveError, Team};
use domain::{Checker, Harness, Isolation, Judging, Program, Submission, Task, Verdict};
use judge::JudgeError;
use ledger::{CallError, LedgerError, Recorded};

use crate::{ProblemResult, Scoring};

/// Why a problem has no result at all.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    /// The strategy could not work on it.
    #[error(transparent)]
    Solve(#[from] SolveError),
    /// The record cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Judges a program on a task's hidden tests, or reads from the record how it was judged.
/// Only this module, [`crate::rejudge`] and [`crate::verify`] reveal hidden tests.
///
/// # Errors
/// When the judge's own machinery or the ledger fails.
pub async fn judge_hidden(
    team: &Team,
    task: &Task,
    program: &Program,
    stop_on_first_failure: bool,
) -> Result<Recorded<Judging>, CallError<JudgeError>> {
    let submission = Submission {
        stop_on_first_failure,
        ..hidden_submission(task, program, &team.checker)
    };
    team.judge(&task.problem.id, &submission).await
}

/// What scores a program: all hidden tests up to the first that fails, each run in namespaces of its own.
pub fn hidden_submission(task: &Task, program: &Program, checker: &Checker) -> Submission {
    Submission {
        program: program.clone(),
        tests: task.hidden.reveal().to_vec(),
        checker: checker.clone(),
        limits: task.problem.limits,
        isolation: Isolation::Fresh,
        stop_on_first_failure: true,
    }
}

/// Lets a team solve a problem and judges its program on the hidden tests.
/// Everything asked and judged is in the team's ledger, so doing it again is free and gives the same result.
///
/// # Errors
/// When a prompt cannot be filled or the ledger fails. All other faults are endings.
pub async fn solve_task(team: &Team, task: &Task) -> Result<ProblemResult, ScoreError> {
    let outcome = team.solve(&task.problem).await?;
    score_outcome(team, task, outcome).await
}

/// Judges what a team made of a problem on the hidden tests.
///
/// # Errors
/// When the ledger fails. All other faults are endings.
pub async fn score_outcome(
    team: &Team,
    task: &Task,
    outcome: Outcome,
) -> Result<ProblemResult, ScoreError> {
    let Some(best) = outcome
        .best
        .as_ref()
        .filter(|_| outcome.status.is_final() && !task.hidden.is_empty())
    else {
        return Ok(ProblemResult::unscored(outcome));
    };
    match score(team, task, &best.program).await {
        Ok(scoring) => Ok(ProblemResult::scored(outcome, scoring)),
        Err(CallError::Call(error)) => Ok(ProblemResult::unjudged(outcome, error.to_string())),
        Err(CallError::Ledger(error)) => Err(error.into()),
    }
}

/// The first test that fails ends it, unless a harness takes what we refuse: then the others are run as well.
async fn score(
    team: &Team,
    task: &Task,
    program: &Program,
) -> Result<Scoring, CallError<JudgeError>> {
    let n_tests = task.hidden.len();
    let recorded = judge_hidden(team, task, program, true).await?;
    let judging = &recorded.value;
    let is_open = |harness: &Harness| judging.is_accepted_by(*harness, n_tests).is_none();
    let is_judged = judging.verdict != Verdict::LanguageUnavailable;
    let whole = match is_judged && Harness::ALL.iter().any(is_open) {
        true => Some(judge_hidden(team, task, program, false).await?.value),
        false => None,
    };
    let all = whole.as_ref().unwrap_or(judging);
    let is_solved = judging.verdict == Verdict::Accepted;
    let differs =
        |harness: &Harness| all.is_accepted_by(*harness, n_tests).unwrap_or(is_solved) != is_solved;
    Ok(Scoring {
        key: recorded.key,
        verdict: judging.verdict,
        wall: judging.cases.iter().map(|case| case.wall).sum(),
        otherwise: Harness::ALL.into_iter().filter(differs).collect(),
    })
}
