use agents::{SolveError, Team};
use domain::{Submission, Task};
use ledger::{CallError, LedgerError};

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

/// Lets a team solve a problem and judges its program on the hidden tests.
/// Everything asked and judged is in the team's ledger, so doing it again is free and gives the same result.
///
/// # Errors
/// When a prompt cannot be filled or the ledger fails. All other faults are endings.
pub async fn solve_task(team: &Team, task: &Task) -> Result<ProblemResult, ScoreError> {
    let outcome = team.solve(&task.problem).await?;
    let Some(best) = outcome
        .best
        .as_ref()
        .filter(|_| outcome.status.is_final() && !task.hidden.is_empty())
    else {
        return Ok(ProblemResult::unscored(outcome));
    };
    let submission = Submission {
        program: best.program.clone(),
        tests: task.hidden.reveal().to_vec(),
        checker: team.checker,
        limits: task.problem.limits,
        stop_on_first_failure: true,
    };
    match team.judge(&task.problem.id, &submission).await {
        Ok(recorded) => {
            let judging = recorded.value;
            let scoring = Scoring {
                key: recorded.key,
                verdict: judging.verdict,
                wall: judging.cases.iter().map(|case| case.wall).sum(),
            };
            Ok(ProblemResult::scored(outcome, scoring))
        }
        Err(CallError::Call(error)) => Ok(ProblemResult::unjudged(outcome, error.to_string())),
        Err(CallError::Ledger(error)) => Err(error.into()),
    }
}
