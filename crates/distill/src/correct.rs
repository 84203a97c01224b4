use agents::{
    Correction, Format, Outcome, Spot, Status, Supervisor, SupervisorError, Team, Transcript,
};
use domain::{Agent, Digest, Task, Usage};
use evaluation::{Ending, ProblemResult, ScoreError, score_outcome};
use llm::ChatError;
use serde::{Deserialize, Serialize};

/// The longest feedback that is handed on, in characters.
const MOST_FEEDBACK: usize = 1500;

/// What a supervisor made of a run that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Each review, and what came of it.
    pub rounds: Vec<Round>,
    /// How it ended.
    pub end: End,
    /// The corrections of the last run; with them the run is told again from the record.
    pub corrections: Vec<Correction>,
    /// What came of the last run.
    pub result: ProblemResult,
}

/// One review, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// Where the review is recorded.
    pub review: Digest,
    /// How the supervisor's reply kept its contract.
    pub format: Format,
    /// What it took in tokens.
    pub usage: Usage,
    /// What it cost; absent without a price.
    pub cost: Option<f64>,
    /// Whom it blames; absent for nobody and for a broken reply.
    pub blame: Option<Agent>,
    /// Why.
    pub reason: String,
    /// The question that was asked again; absent when there was none.
    pub spot: Option<Spot>,
    /// How the corrected run ended; absent when there was none.
    pub ending: Option<Ending>,
}

/// How a correction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// A corrected run passes all tests.
    Solved,
    /// None did in as many rounds as were allowed.
    Unsolved,
    /// The supervisor's reply held no review.
    BrokenReview,
    /// The account of the run does not fit into the supervisor's context.
    TooLong,
    /// The supervisor blames nobody.
    Nobody,
    /// The supervisor blames an agent that had no part in it.
    NoPart,
    /// The blamed agent gave the same reply again.
    Unchanged,
    /// The blamed agent's reply repeats the feedback, so that nobody may learn from it.
    Echo,
}

impl End {
    /// All ends, the good one first.
    pub const ALL: [End; 8] = [
        End::Solved,
        End::Unsolved,
        End::BrokenReview,
        End::TooLong,
        End::Nobody,
        End::NoPart,
        End::Unchanged,
        End::Echo,
    ];

    /// The words used in reports.
    pub fn title(self) -> &'static str {
        match self {
            End::Solved => "solved",
            End::Unsolved => "not solved",
            End::BrokenReview => "review out of form",
            End::TooLong => "too long for the supervisor",
            End::Nobody => "nobody at fault",
            End::NoPart => "blamed without a part",
            End::Unchanged => "same reply again",
            End::Echo => "reply repeats the feedback",
        }
    }
}

/// Why a correction came to no end. It is not recorded as done, and goes on when it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum CorrectError {
    /// A budget, a fault, or the user stopped it first.
    #[error("{}: {fault}", .status.title())]
    Undecided {
        /// What of these.
        status: Status,
        /// In one line.
        fault: String,
    },
    /// A prompt cannot be filled.
    #[error(transparent)]
    Supervisor(SupervisorError),
    /// The record cannot be read or written, or a prompt cannot be filled.
    #[error(transparent)]
    Score(#[from] ScoreError),
}

/// Lets a supervisor correct a run of a team that failed, in up to `n_rounds` rounds: it names an agent, the agent's
/// question is asked again with its feedback, and all that follows from the reply is done again. What came before stays
/// byte for byte, since its questions are the same and the record answers them.
///
/// # Errors
/// When it came to no end.
pub async fn correct(
    team: &Team,
    supervisor: &Supervisor,
    task: &Task,
    failed: (Transcript, ProblemResult),
    n_rounds: usize,
) -> Result<Account, CorrectError> {
    let (mut transcript, mut result) = failed;
    let mut corrections = Vec::new();
    let mut rounds = Vec::new();
    let mut end = End::Unsolved;
    while rounds.len() < n_rounds {
        if (team.is_stopped)() {
            return Err(undecided(Status::Stopped, "stopped by the user"));
        }
        let hidden = result.scoring.as_ref().map(|scoring| scoring.verdict);
        let reviewed = supervisor
            .review(
                &team.prompts,
                &task.problem,
                team.language,
                &transcript,
                hidden,
            )
            .await;
        let reviewed = match reviewed {
            Ok(reviewed) => reviewed,
            Err(SupervisorError::Model(ChatError::PromptTooLong { .. })) => {
                end = End::TooLong;
                break;
            }
            Err(SupervisorError::Model(ChatError::Budget(what))) => {
                return Err(undecided(Status::Budget, what));
            }
            Err(SupervisorError::Model(error)) => {
                return Err(undecided(Status::EndpointFault, error.to_string()));
            }
            Err(error) => return Err(CorrectError::Supervisor(error)),
        };
        let review = reviewed.review.as_ref();
        let blame = review.and_then(|review| review.blame);
        let spot = blame.and_then(|agent| transcript.spot_of(agent));
        let mut round = Round {
            review: reviewed.reply.key,
            format: reviewed.format,
            usage: reviewed.reply.value.usage,
            cost: reviewed.reply.value.cost,
            blame,
            reason: review
                .map(|review| review.reason.clone())
                .unwrap_or_default(),
            spot,
            ending: None,
        };
        let (Some(review), Some(spot)) = (review, spot) else {
            end = match (review, blame) {
                (None, _) => End::BrokenReview,
                (_, None) => End::Nobody,
                _ => End::NoPart,
            };
            rounds.push(round);
            break;
        };
        let correction = Correction {
            spot,
            feedback: review.feedback.chars().take(MOST_FEEDBACK).collect(),
        };
        corrections = Correction::adopt(&corrections, correction);
        let next = team
            .transcribe(&task.problem, &corrections)
            .await
            .map_err(ScoreError::from)?;
        let Outcome { status, fault, .. } = &next.outcome;
        if !status.is_final() {
            return Err(undecided(*status, fault.clone()));
        }
        let is_echo = |reply: &str| corrections.iter().any(|one| one.is_echoed_in(reply));
        let stop = match (next.turn(&spot), transcript.turn(&spot)) {
            (Some(new), Some(old)) if new.reply == old.reply => Some(End::Unchanged),
            (Some(new), _) if is_echo(&new.reply) => Some(End::Echo),
            _ => None,
        };
        if let Some(stop) = stop {
            rounds.push(round);
            end = stop;
            break;
        }
        let next_result = score_outcome(team, task, next.outcome.clone()).await?;
        if !next_result.ending.is_decided() {
            return Err(undecided(Status::JudgeFault, next_result.fault));
        }
        round.ending = Some(next_result.ending);
        rounds.push(round);
        (transcript, result) = (next, next_result);
        if result.ending == Ending::Solved {
            end = End::Solved;
            break;
        }
    }
    Ok(Account {
        rounds,
        end,
        corrections,
        result,
    })
}

fn undecided(status: Status, fault: impl Into<String>) -> CorrectError {
    CorrectError::Undecided {
        status,
        fault: fault.into(),
    }
}

#[cfg(test)]
mod tests;
