//! Results by hand, for tests.

use std::time::Duration;

use agents::{CallRecord, Candidate, Contract, Format, JudgeRecord, Outcome, Place, Status};
use domain::{
    Digest, Finish, Form, HiddenTests, Language, Limits, Problem, Program, Task, Usage, Verdict,
};

use crate::{Header, ProblemResult, Scoring};

pub(crate) fn task(id: &str) -> Task {
    Task {
        problem: Problem {
            id: id.to_string(),
            statement: String::new(),
            form: Form::Stdio,
            samples: Vec::new(),
            limits: Limits::default(),
            difficulty: None,
            tags: Vec::new(),
        },
        hidden: HiddenTests::default(),
    }
}

pub(crate) fn header() -> Header {
    Header {
        data: "humaneval".to_string(),
        digest: Digest::of("humaneval"),
        n_selected: 9,
        n_draws: 1,
        strategy: "mapcoder (k = 3, t = 5)".to_string(),
        model: "smollm2-135m".to_string(),
        held: Vec::new(),
    }
}

fn call(contract: Contract, format: Format) -> CallRecord {
    CallRecord {
        agent: contract.agent(),
        contract,
        key: Digest::of("call"),
        usage: Usage {
            prompt_tokens: 1200,
            cached_tokens: 800,
            completion_tokens: 150,
        },
        wall: Duration::from_millis(2500),
        cost: Some(0.002),
        finish: Finish::Stop,
        format,
    }
}

pub(crate) fn outcome(id: &str, status: Status, place: Option<(usize, usize)>) -> Outcome {
    let place = place.map(|(plan_rank, debug_round)| Place {
        plan_rank,
        debug_round,
    });
    let mut calls = vec![
        call(Contract::Recall, Format::Strict),
        call(Contract::Plan, Format::Strict),
        call(Contract::Confidence, Format::Recovered),
        call(Contract::Code, Format::Strict),
    ];
    if status == Status::NoProgram {
        calls[3].format = Format::Failed;
    }
    if place.is_some_and(|place| place.debug_round > 0) {
        calls.push(call(Contract::Repair, Format::Recovered));
    }
    let best = place.map(|place| Candidate {
        program: Program {
            language: Language::Python,
            source: "print(1)".to_string(),
        },
        n_passed: 2,
        place,
    });
    Outcome {
        problem: id.to_string(),
        status,
        fault: if status.is_final() {
            String::new()
        } else {
            format!("{}: gone", status.title())
        },
        judgings: best
            .iter()
            .map(|best| JudgeRecord {
                key: Digest::of("judging"),
                n_passed: best.n_passed,
                wall: Duration::from_millis(40),
                place: best.place,
            })
            .collect(),
        best,
        n_samples: 2,
        calls,
    }
}

pub(crate) fn scored(id: &str, place: (usize, usize), verdict: Verdict) -> ProblemResult {
    let scoring = Scoring {
        key: Digest::of("scoring"),
        verdict,
        wall: Duration::from_millis(60),
        otherwise: Vec::new(),
    };
    ProblemResult::scored(outcome(id, Status::Passed, Some(place)), scoring)
}

/// One problem for every way to end.
pub(crate) fn results() -> Vec<ProblemResult> {
    vec![
        scored("p/0", (0, 0), Verdict::Accepted),
        scored("p/1", (1, 2), Verdict::Accepted),
        scored("p/2", (0, 1), Verdict::WrongAnswer),
        ProblemResult::unscored(outcome("p/3", Status::NoProgram, None)),
        ProblemResult::unscored(outcome("p/4", Status::Budget, None)),
        ProblemResult::unscored(outcome("p/5", Status::JudgeFault, Some((0, 0)))),
        ProblemResult::unscored(outcome("p/6", Status::EndpointFault, None)),
        ProblemResult::unjudged(
            outcome("p/7", Status::Passed, Some((0, 0))),
            "no sandbox".to_string(),
        ),
    ]
}
