use std::fmt;
use std::time::Duration;

use agents::{Outcome, Status};
use domain::{Digest, Harness, Verdict};
use serde::{Deserialize, Serialize};

/// How a problem ended: exactly one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The program passed every test that scores.
    Solved,
    /// It did not.
    Failed,
    /// There was no program, because no reply kept its form: counts as not solved.
    FormatFailure,
    /// The budget was spent first; says nothing about the strategy.
    Budget,
    /// The judge could not judge; says nothing about the program.
    JudgeFault,
    /// The model could not answer; says nothing about it.
    EndpointFault,
    /// The user stopped the work on it; the same command continues it.
    Stopped,
}

impl Ending {
    /// All endings, the good one first.
    pub const ALL: [Ending; 7] = [
        Ending::Solved,
        Ending::Failed,
        Ending::FormatFailure,
        Ending::Budget,
        Ending::JudgeFault,
        Ending::EndpointFault,
        Ending::Stopped,
    ];

    /// The words used in reports.
    pub fn title(self) -> &'static str {
        match self {
            Ending::Solved => "solved",
            Ending::Failed => "failed",
            Ending::FormatFailure => "format failure",
            Ending::Budget => "budget",
            Ending::JudgeFault => "judge fault",
            Ending::EndpointFault => "endpoint fault",
            Ending::Stopped => "stopped",
        }
    }

    /// True for solved, failed and format failure: the problem counts in a score, and its result may be recorded as final.
    pub fn is_decided(self) -> bool {
        matches!(
            self,
            Ending::Solved | Ending::Failed | Ending::FormatFailure
        )
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.title())
    }
}

/// The final judging of a program on the tests that score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scoring {
    /// Where the judging is recorded.
    pub key: Digest,
    /// What came out.
    pub verdict: Verdict,
    /// Time on the clock that the tests took when they were judged.
    pub wall: Duration,
    /// Published harnesses whose rule for comparing outputs would decide otherwise on these outputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Harness>,
}

/// What became of one problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProblemResult {
    /// The problem's id.
    pub id: String,
    /// How it ended.
    pub ending: Ending,
    /// What went wrong, in one line, when it is not decided; else empty.
    pub fault: String,
    /// The final judging; absent without a program, without hidden tests, or when it was never reached.
    pub scoring: Option<Scoring>,
    /// What the strategy did.
    pub outcome: Outcome,
}

impl ProblemResult {
    /// The result of an outcome that was not scored by hidden tests: because it never got that far,
    /// because there is no program, or because the problem has no hidden tests.
    /// Without hidden tests, a problem is solved when its samples pass.
    pub fn unscored(outcome: Outcome) -> ProblemResult {
        let ending = match outcome.status {
            Status::Passed if outcome.n_samples > 0 => Ending::Solved,
            Status::Passed | Status::Failed => Ending::Failed,
            Status::NoProgram => Ending::FormatFailure,
            Status::Budget => Ending::Budget,
            Status::JudgeFault => Ending::JudgeFault,
            Status::EndpointFault => Ending::EndpointFault,
            Status::Stopped => Ending::Stopped,
        };
        ProblemResult {
            id: outcome.problem.clone(),
            ending,
            fault: outcome.fault.clone(),
            scoring: None,
            outcome,
        }
    }

    /// The result of an outcome whose program was judged on the hidden tests.
    pub fn scored(outcome: Outcome, scoring: Scoring) -> ProblemResult {
        let (ending, fault) = match scoring.verdict {
            Verdict::Accepted => (Ending::Solved, ""),
            Verdict::LanguageUnavailable => (
                Ending::JudgeFault,
                "this machine has no toolchain for the program's language",
            ),
            _ => (Ending::Failed, ""),
        };
        ProblemResult {
            id: outcome.problem.clone(),
            ending,
            fault: fault.to_string(),
            scoring: Some(scoring),
            outcome,
        }
    }

    /// The result of an outcome whose program could not be judged on the hidden tests.
    pub fn unjudged(outcome: Outcome, fault: String) -> ProblemResult {
        ProblemResult {
            id: outcome.problem.clone(),
            ending: Ending::JudgeFault,
            fault,
            scoring: None,
            outcome,
        }
    }

    /// Time of all model calls, as recorded.
    pub fn model_time(&self) -> Duration {
        self.outcome.calls.iter().map(|call| call.wall).sum()
    }

    /// Time of all judgings, as recorded.
    pub fn judge_time(&self) -> Duration {
        let samples = self.outcome.judgings.iter().map(|judging| judging.wall);
        samples
            .chain(self.scoring.iter().map(|scoring| scoring.wall))
            .sum()
    }
}
