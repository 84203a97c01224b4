use domain::{Agent, Message, Program, Verdict};
use serde::{Deserialize, Serialize};

use crate::{CallRecord, Contract, JudgeRecord, Outcome, Place};

/// Which question of a run: it stays the same when the reply to another one changes.
/// MapCoder alone tells all of its questions apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Spot {
    /// What was asked for.
    pub contract: Contract,
    /// The number of its plan from 0, in the order in which plans are asked for; their ranks follow from confidences,
    /// which another reply may change. 0 where the question belongs to no plan.
    pub plan: usize,
    /// The repair, from 1; else 0.
    pub round: usize,
}

impl Spot {
    /// True when the reply to `other` may depend on the reply to this one.
    pub fn is_upstream_of(&self, other: &Spot) -> bool {
        let is_before = (self.contract, self.round) < (other.contract, other.round);
        is_before && (self.contract == Contract::Recall || self.plan == other.plan)
    }
}

/// A question of a run with its reply, as whoever learns from it should see them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Which question.
    pub spot: Spot,
    /// The question as the agent is asked at any time: where a supervisor's feedback went with it, without the feedback.
    pub messages: Vec<Message>,
    /// The reply, exactly as it came.
    pub reply: String,
    /// What a supervisor had said about earlier replies to it, and the agent was told; never part of an example.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feedback: Vec<String>,
    /// What the call took, and where it is recorded as it was really made.
    pub call: CallRecord,
}

/// A program of a run, judged on the samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Where it was written, how many samples it passes, and where the judging is recorded.
    pub record: JudgeRecord,
    /// The whole program.
    pub program: Program,
    /// Of the samples.
    pub verdict: Verdict,
    /// True when it passes every sample.
    pub passes: bool,
    /// What the debugging agent is told about it.
    pub report: String,
}

/// Everything that happened on one problem in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// How it ended.
    pub outcome: Outcome,
    /// Every question with its reply, in the order of the algorithm.
    pub turns: Vec<Turn>,
    /// Every judging on the samples, in the order of the algorithm.
    pub trials: Vec<Trial>,
    /// The numbers of the plans, the surest first: what a rank stands for.
    pub order: Vec<usize>,
}

impl Transcript {
    /// The number of the plan that a program was written after.
    pub fn plan_of(&self, place: Place) -> usize {
        self.order
            .get(place.plan_rank)
            .copied()
            .unwrap_or(place.plan_rank)
    }

    /// The number of the plan that came furthest: that of the best program, else the surest.
    pub fn main_plan(&self) -> usize {
        let place = self.outcome.best.as_ref().map(|best| best.place);
        self.plan_of(place.unwrap_or_default())
    }

    /// The judging of the program that was written in reply to a question.
    pub fn trial(&self, spot: &Spot) -> Option<&Trial> {
        let is_program = matches!(spot.contract, Contract::Code | Contract::Repair);
        self.trials.iter().find(|trial| {
            let place = trial.record.place;
            is_program && self.plan_of(place) == spot.plan && place.debug_round == spot.round
        })
    }

    /// The question that an agent is to answer again when it is to blame for how the run ended, on the way of the plan
    /// that came furthest; absent when it had no part in that. For the debugging agent that is the repair of the best
    /// program, or the last one when there was none.
    pub fn spot_of(&self, agent: Agent) -> Option<Spot> {
        let plan = self.main_plan();
        let of = |contract| {
            let spots = self.turns.iter().map(|turn| turn.spot);
            spots.filter(move |spot| spot.contract == contract && spot.plan == plan)
        };
        match agent {
            Agent::Retrieval => self
                .turns
                .iter()
                .map(|turn| turn.spot)
                .find(|spot| spot.contract == Contract::Recall),
            Agent::Planning => of(Contract::Plan).next(),
            Agent::Coding => of(Contract::Code).next(),
            Agent::Debugging => {
                let best = self
                    .outcome
                    .best
                    .as_ref()
                    .map(|best| best.place.debug_round);
                let next = best.unwrap_or_default() + 1;
                of(Contract::Repair)
                    .find(|spot| spot.round == next)
                    .or_else(|| of(Contract::Repair).next_back())
            }
        }
    }

    /// The turn of a question.
    pub fn turn(&self, spot: &Spot) -> Option<&Turn> {
        self.turns.iter().find(|turn| turn.spot == *spot)
    }
}
