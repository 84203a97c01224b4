use std::time::Duration;

use domain::{Agent, Digest, Finish, Program, Usage};
use serde::{Deserialize, Serialize};

use crate::Contract;

/// How a strategy's work on one problem ended, before any hidden test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A program passed every sample.
    Passed,
    /// Programs were written; none passed every sample. The best one is kept.
    Failed,
    /// No reply held a program.
    NoProgram,
    /// The budget was spent before the strategy was through.
    Budget,
    /// The user stopped the work before the strategy was through.
    Stopped,
    /// The judge's own machinery failed; says nothing about a program.
    JudgeFault,
    /// The model's server or engine failed; says nothing about the model.
    EndpointFault,
}

impl Status {
    /// True when the strategy went through to its end, so that the outcome may be recorded as final.
    pub fn is_final(self) -> bool {
        matches!(self, Status::Passed | Status::Failed | Status::NoProgram)
    }

    /// The words used in reports.
    pub fn title(self) -> &'static str {
        match self {
            Status::Passed => "passed the samples",
            Status::Failed => "failed the samples",
            Status::NoProgram => "no program",
            Status::Budget => "budget spent",
            Status::Stopped => "stopped",
            Status::JudgeFault => "judge fault",
            Status::EndpointFault => "endpoint fault",
        }
    }
}

/// How well a reply kept its contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// The strict parser accepted it.
    Strict,
    /// The strict parser refused it (a format failure); the tolerant parser recovered what was asked for.
    Recovered,
    /// A format failure that nothing could be recovered from.
    Failed,
}

/// One question of a run: what it took, and how the reply kept its contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Who was asked.
    pub agent: Agent,
    /// For what.
    pub contract: Contract,
    /// Where the exchange is recorded.
    pub key: Digest,
    /// Tokens.
    pub usage: Usage,
    /// Time of the call when it was made, queueing included.
    pub wall: Duration,
    /// Price of the call, in the unit of the price file.
    pub cost: Option<f64>,
    /// Why the reply ended.
    pub finish: Finish,
    /// How it kept its contract.
    pub format: Format,
}

/// One judging of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgeRecord {
    /// Where the judging is recorded.
    pub key: Digest,
    /// Samples passed.
    pub n_passed: usize,
    /// Time on the clock that the tests took when they were judged.
    pub wall: Duration,
    /// Which program of the run this was.
    pub place: Place,
}

/// Where in the run a program was written.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct Place {
    /// Rank of its plan by confidence, from 0; the number of an independent sample; else 0.
    pub plan_rank: usize,
    /// 0 for the first program of the plan, then the repairs from 1.
    pub debug_round: usize,
}

/// The best program of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The whole program, ready to be judged.
    pub program: Program,
    /// Samples that it passes.
    pub n_passed: usize,
    /// Where it was written.
    pub place: Place,
}

/// What a strategy made of one problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The problem's id.
    pub problem: String,
    /// How it ended.
    pub status: Status,
    /// What went wrong, in one line, when the status is not final; else empty.
    pub fault: String,
    /// The program that passes most samples, the earliest among equals.
    pub best: Option<Candidate>,
    /// Samples that the problem has.
    pub n_samples: usize,
    /// Every question, in the order of the algorithm.
    pub calls: Vec<CallRecord>,
    /// Every judging on the samples, in the order of the algorithm.
    pub judgings: Vec<JudgeRecord>,
}

impl Outcome {
    /// Tokens of all calls.
    pub fn usage(&self) -> Usage {
        let mut total = Usage::default();
        self.calls.iter().for_each(|call| total += call.usage);
        total
    }

    /// Replies that the strict parser refused.
    pub fn n_format_failures(&self) -> usize {
        self.calls
            .iter()
            .filter(|call| call.format != Format::Strict)
            .count()
    }
}
