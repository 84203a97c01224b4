use agents::{Contract, Place, Transcript, Turn};
use domain::{Language, Task};
use evaluation::{Ending, ProblemResult};
use ledger::RunId;

use crate::trace::{Evidence, SetRef, Source, Step, Trace};

impl Trace {
    /// The trace of a run whose transcript is at hand, and so of one with corrections: its questions are those without
    /// feedback.
    pub fn of_transcript(
        run: &RunId,
        set: &SetRef,
        task: &Task,
        language: Language,
        transcript: &Transcript,
        result: &ProblemResult,
    ) -> Trace {
        let solved = match result.ending {
            Ending::Solved => Some(true),
            Ending::Failed => Some(false),
            _ => None,
        };
        let turns = transcript.turns.iter();
        Trace {
            source: Source::Run {
                run: run.as_str().to_string(),
            },
            set: set.clone(),
            problem: task.problem.id.clone(),
            difficulty: task.problem.difficulty.clone(),
            language,
            steps: turns.map(|turn| step(transcript, turn, solved)).collect(),
            solved,
        }
    }
}

fn step(transcript: &Transcript, turn: &Turn, solved: Option<bool>) -> Step {
    let spot = turn.spot;
    let rank = transcript.order.iter().position(|plan| *plan == spot.plan);
    let is_plan = matches!(spot.contract, Contract::Plan | Contract::Confidence);
    Step {
        contract: spot.contract,
        place: Place {
            // A plan that could not be read has no rank, and stands behind all others.
            plan_rank: match spot.contract {
                Contract::Recall => 0,
                _ => rank.unwrap_or(transcript.order.len()),
            },
            debug_round: spot.round,
        },
        plan_idx: if is_plan { spot.plan } else { 0 },
        messages: turn.messages.clone(),
        reply: turn.reply.clone(),
        format: turn.call.format,
        exchange: turn.call.key.clone(),
        usage: turn.call.usage,
        cost: turn.call.cost,
        feedback: (!turn.feedback.is_empty()).then(|| turn.feedback.join("\n")),
        evidence: evidence(transcript, turn, solved),
    }
}

fn evidence(transcript: &Transcript, turn: &Turn, solved: Option<bool>) -> Option<Evidence> {
    let trial = transcript.trial(&turn.spot)?;
    let best = transcript.outcome.best.as_ref();
    Some(Evidence {
        program: trial.program.clone(),
        n_passed: trial.record.n_passed,
        n_samples: transcript.outcome.n_samples,
        report: trial.report.clone(),
        // The best program was scored, and no other; one that fails a sample solves nothing.
        solves: if best.is_some_and(|best| best.program == trial.program) {
            solved
        } else {
            (!trial.passes).then_some(false)
        },
    })
}
