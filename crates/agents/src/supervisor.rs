use std::sync::Arc;

use domain::{Agent, Ask, Language, Problem, Reply, Sampling, Verdict};
use ledger::{CallError, Ledger, LedgerError, Recorded, RunId};
use llm::{ChatError, ChatModel};

use crate::contract::{Parsed, Review, review, review_shape};
use crate::prompts::{PromptError, Prompts, Section};
use crate::{Contract, Format, Spot, Transcript};

/// The role in which a supervisor is asked: one of four has to be named, and the debugging agent reads evidence too.
/// Its model serves no other agent.
const ROLE: Agent = Agent::Debugging;

/// Reads what a team did on a problem that it did not solve, and says who is at fault.
pub struct Supervisor {
    /// Answers for it.
    pub model: Arc<dyn ChatModel>,
    /// Remembers every call.
    pub ledger: Ledger,
    /// The run under which its calls are recorded.
    pub run: RunId,
    /// How replies are drawn.
    pub sampling: Sampling,
    /// The longest account of the team's work, in characters; of longer ones the middles of the longest parts are left out.
    pub max_chars: usize,
}

/// What a supervisor said.
#[derive(Debug, Clone, PartialEq)]
pub struct Reviewed {
    /// What it found; absent when its reply holds no review.
    pub review: Option<Review>,
    /// How its reply kept the contract.
    pub format: Format,
    /// The reply, with the key of the question.
    pub reply: Recorded<Reply>,
}

/// Why a supervisor said nothing.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// Its model could not answer.
    #[error("ask the supervisor: {0}")]
    Model(ChatError),
    /// A user's template cannot be filled.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The record cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Supervisor {
    /// Asks who is at fault. `hidden` is the verdict on the tests that no agent sees, where the program got that far;
    /// of these tests the supervisor learns nothing else, so that its feedback cannot give them away.
    ///
    /// # Errors
    /// When the model cannot answer, a prompt cannot be filled or the ledger fails.
    pub async fn review(
        &self,
        prompts: &Prompts,
        problem: &Problem,
        language: Language,
        transcript: &Transcript,
        hidden: Option<Verdict>,
    ) -> Result<Reviewed, SupervisorError> {
        let account = Account::of(transcript, hidden, self.max_chars);
        let messages = prompts.open(problem, language)?.review(
            &account.scope,
            &account.sections,
            &account.ending,
            &account.agents,
        )?;
        let ask = Ask {
            agent: ROLE,
            model: self.model.identity(ROLE),
            messages,
            sampling: self.sampling.clone(),
            sample_idx: 0,
            shape: self.model.keeps_shapes(ROLE).then(review_shape),
        };
        let reply = self
            .ledger
            .ask(&self.run, &problem.id, &ask, || self.model.chat(&ask))
            .await
            .map_err(|error| match error {
                CallError::Call(error) => SupervisorError::Model(error),
                CallError::Ledger(error) => error.into(),
            })?;
        let Parsed { value, format } = review(&reply.value.text);
        Ok(Reviewed {
            review: value,
            format,
            reply,
        })
    }
}

/// A run as a supervisor reads it: the way of the plan that came furthest.
struct Account {
    scope: String,
    sections: Vec<Section>,
    ending: String,
    /// Who had a part in it, and so can be named.
    agents: Vec<Agent>,
}

impl Account {
    fn of(transcript: &Transcript, hidden: Option<Verdict>, max_chars: usize) -> Account {
        let plan = transcript.main_plan();
        let is_on_the_way = |spot: &Spot| spot.contract == Contract::Recall || spot.plan == plan;
        let mut sections = Vec::new();
        for turn in transcript
            .turns
            .iter()
            .filter(|turn| is_on_the_way(&turn.spot))
        {
            let spot = turn.spot;
            sections.push(Section {
                title: title(&spot),
                text: turn.reply.trim().to_string(),
            });
            if let Some(trial) = transcript.trial(&spot) {
                sections.push(Section {
                    title: format!("The tests after {}", title(&spot)),
                    text: trial.report.clone(),
                });
            }
        }
        shorten(&mut sections, max_chars);
        let n_plans = transcript.order.len().max(1);
        let scope = if n_plans > 1 {
            format!("It wrote {n_plans} plans. This is the way of the one that came furthest.")
        } else {
            "This is all of it.".to_string()
        };
        let agents = Agent::ALL.into_iter();
        Account {
            scope,
            sections,
            ending: ending(transcript, hidden),
            agents: agents
                .filter(|agent| transcript.spot_of(*agent).is_some())
                .collect(),
        }
    }
}

fn title(spot: &Spot) -> String {
    match spot.contract {
        Contract::Recall => "Retrieval".to_string(),
        Contract::Plan => "Planning".to_string(),
        Contract::Confidence => "Planning: how sure it is".to_string(),
        Contract::Code => "Coding".to_string(),
        Contract::Repair => format!("Debugging, repair {}", spot.round),
        other => other.name().to_string(),
    }
}

fn ending(transcript: &Transcript, hidden: Option<Verdict>) -> String {
    let n_samples = transcript.outcome.n_samples;
    match (&transcript.outcome.best, hidden) {
        (None, _) => "No reply held a program.".to_string(),
        (Some(best), Some(verdict)) if best.n_passed == n_samples => format!(
            "The last program passes what the team could test it on. On further tests, which the team does not know, the \
             verdict is: {}.",
            verdict.title()
        ),
        (Some(best), _) => {
            let n_passed = best.n_passed;
            format!("No program passes all {n_samples} samples; the best one passes {n_passed}.")
        }
    }
}

/// Shortens the longest texts until all of them together have at most `max_chars` characters.
fn shorten(sections: &mut [Section], max_chars: usize) {
    let lengths: Vec<usize> = sections
        .iter()
        .map(|section| section.text.chars().count())
        .collect();
    let mut sorted = lengths.clone();
    sorted.sort_unstable();
    // What each of the longer ones gets when the shorter ones are whole.
    let mut left = max_chars;
    let mut share = usize::MAX;
    for (at, length) in sorted.iter().enumerate() {
        let equal = left / (sorted.len() - at);
        if *length > equal {
            share = equal;
            break;
        }
        left -= length;
    }
    for (section, length) in sections.iter_mut().zip(lengths) {
        if length > share {
            section.text = ends(&section.text, length, share);
        }
    }
}

/// The two ends of a text, with a mark between them, in `share` characters.
fn ends(text: &str, length: usize, share: usize) -> String {
    const MARK: &str = "\n[…]\n";
    let kept = share.saturating_sub(MARK.chars().count());
    let head: String = text.chars().take(kept.div_ceil(2)).collect();
    let tail: String = text.chars().skip(length - kept / 2).collect();
    head + MARK + &tail
}

#[cfg(test)]
mod tests;
