use agents::Team;
use domain::{Task, Verdict};
use evaluation::{ProblemResult, hidden_submission};
use judge::JudgeError;
use ledger::CallError;

/// Whether the program of a solved problem passes all tests a second time. The second judging is recorded beside the
/// first one, so that it is made once, and a program whose tests pass now and then is told from one that is right.
///
/// # Errors
/// When the judge's own machinery or the ledger fails.
pub async fn confirmed(
    team: &Team,
    task: &Task,
    result: &ProblemResult,
) -> Result<bool, CallError<JudgeError>> {
    let Some(best) = &result.outcome.best else {
        return Ok(false);
    };
    let submission = hidden_submission(task, &best.program, &team.checker);
    let toolchain = team
        .judge
        .toolchain(submission.program.language)
        .unwrap_or_else(|| "none".to_string());
    let again = format!("{toolchain}, second judging");
    let recorded = team
        .ledger
        .judge(&team.run, &task.problem.id, &submission, &again, || {
            team.judge.judge(&submission)
        })
        .await?;
    Ok(recorded.value.verdict == Verdict::Accepted)
}
