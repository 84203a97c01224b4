//! Judges a finished run again, and holds its results against its records.

use domain::{Checker, Task, Verdict};
use judge::{Judge, JudgeError};
use ledger::{Ledger, LedgerError};
use serde::Serialize;

use crate::{ProblemResult, hidden_submission};

/// What was found out about one result of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verified {
    /// The problem's id.
    pub id: String,
    /// Calls whose records were read.
    pub n_calls: usize,
    /// What the program comes to now; absent where there was none to judge.
    pub verdict: Option<Verdict>,
    /// Everything in which result, records and judge contradict each other; empty when they agree.
    pub faults: Vec<String>,
}

/// Why a result could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The record cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The judge's own machinery failed.
    #[error(transparent)]
    Judge(#[from] JudgeError),
}

/// Verifies a result:
///
/// 1. Every call and judging that it counts is in the ledger, with the same tokens and verdicts.
/// 2. The recorded judging is of this program, on the hidden tests of this task.
/// 3. Its ending follows from what is recorded.
/// 4. The program gets the same verdict when it is judged now, without looking at the record.
///
/// # Errors
/// When the ledger cannot be read or the judge's own machinery fails.
pub async fn verify(
    ledger: &Ledger,
    judge: &Judge,
    checker: &Checker,
    task: &Task,
    result: &ProblemResult,
) -> Result<Verified, VerifyError> {
    let mut faults = Vec::new();
    for call in &result.outcome.calls {
        match ledger.exchange(&call.key)? {
            None => faults.push(format!("call {} is not in the ledger", call.key.short())),
            Some(exchange) if exchange.reply.usage != call.usage => {
                faults.push(format!("call {} took other tokens", call.key.short()));
            }
            Some(_) => {}
        }
    }
    for judged in &result.outcome.judgings {
        match ledger.judged(&judged.key)? {
            None => faults.push(format!(
                "judging {} is not in the ledger",
                judged.key.short()
            )),
            Some((_, judging)) if judging.n_passed() != judged.n_passed => {
                faults.push(format!(
                    "judging {} passed other samples",
                    judged.key.short()
                ));
            }
            Some(_) => {}
        }
    }
    let verdict = match (&result.scoring, &result.outcome.best) {
        (Some(scoring), Some(best)) => {
            let submission = hidden_submission(task, &best.program, checker);
            match ledger.judged(&scoring.key)? {
                None => faults.push("its scoring is not in the ledger".to_string()),
                Some((recorded, judging)) => {
                    if recorded != submission {
                        faults
                            .push("it was scored with another program or other tests".to_string());
                    }
                    if judging.verdict != scoring.verdict {
                        faults.push(format!(
                            "its record says {}, its result {}",
                            judging.verdict, scoring.verdict
                        ));
                    }
                }
            }
            if ProblemResult::scored(result.outcome.clone(), scoring.clone()).ending
                != result.ending
            {
                faults.push(format!(
                    "{} does not follow from {}",
                    result.ending, scoring.verdict
                ));
            }
            let now = judge.judge(&submission).await?.verdict;
            if now != scoring.verdict {
                faults.push(format!(
                    "judged again, it is {now}, not {}",
                    scoring.verdict
                ));
            }
            Some(now)
        }
        (Some(_), None) => {
            faults.push("it was scored without a program".to_string());
            None
        }
        (None, _) => {
            let follows = ProblemResult::unscored(result.outcome.clone()).ending;
            let is_scored = result.outcome.best.is_some() && !task.hidden.is_empty();
            if follows != result.ending || is_scored {
                faults.push(format!(
                    "{} does not follow from its outcome",
                    result.ending
                ));
            }
            None
        }
    };
    Ok(Verified {
        id: result.id.clone(),
        n_calls: result.outcome.calls.len(),
        verdict,
        faults,
    })
}
