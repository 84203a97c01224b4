//! A record of runs that never were.

use std::convert::Infallible;
use std::future::ready;
use std::path::Path;
use std::time::Duration;

use agents::{
    CallRecord, Candidate, Contract, Format, JudgeRecord, Outcome, Place, Status, Strategy,
};
use domain::{
    Ask, CaseReport, Checker, Digest, Exit, Finish, Isolation, Judging, Language, Message, Problem,
    Program, Reply, Rung, Sampling, Submission, Usage, Verdict,
};
use evaluation::{ProblemResult, Scoring};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use ledger::{Ledger, RunId, RunSpec};
use serde_json::json;

use crate::commands::bench::pipeline;

/// Problems that are recorded at once, so that they share commits.
const AT_ONCE: usize = 512;

/// Records a run of so many problems. What another run recorded of the same problems is reused.
///
/// # Errors
/// When the ledger fails.
pub(super) async fn record(path: &Path, n_problems: usize) -> anyhow::Result<RunId> {
    let ledger = Ledger::open(path)?;
    let strategy = Strategy::MapCoder {
        k: 1,
        t: 1,
        without: agents::Without::default(),
    };
    let run = ledger.begin_run(&RunSpec {
        command: "eval".to_string(),
        settings: json!({
            "strategy": strategy,
            "models": ["made-up"],
            "data": {"name": format!("made-up-{n_problems}"), "digest": Digest::of("made up")},
        }),
    })?;
    let work = |at: usize| {
        let (ledger, run) = (&ledger, &run);
        async move {
            let result = solve(ledger, run, at).await?;
            let value = serde_json::to_value(&result)?;
            ledger.record_outcome(run, &result.id, &value).await?;
            anyhow::Ok(())
        }
    };
    stream::iter(0..n_problems)
        .map(work)
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    Ok(run)
}

/// The story of a problem: a plan, a program that is wrong, its repair; every second repair passes the hidden tests.
async fn solve(ledger: &Ledger, run: &RunId, at: usize) -> anyhow::Result<ProblemResult> {
    let problem = pipeline::problem(at);
    let mut calls = Vec::new();
    let mut judgings = Vec::new();
    for contract in [
        Contract::Recall,
        Contract::Plan,
        Contract::Confidence,
        Contract::Code,
        Contract::Repair,
    ] {
        let ask = ask(&problem, contract);
        let reply = reply(contract, at);
        let call = || ready(Ok::<_, Infallible>(reply.clone()));
        let recorded = ledger.ask(run, &problem.id, &ask, call).await?;
        calls.push(CallRecord {
            agent: ask.agent,
            contract,
            key: recorded.key,
            usage: reply.usage,
            wall: reply.wall,
            cost: None,
            finish: reply.finish,
            format: Format::Strict,
        });
    }
    for (debug_round, contract) in [Contract::Code, Contract::Repair].into_iter().enumerate() {
        let submission = submission(&problem, contract, Isolation::Pooled);
        let (key, judging) = judge(ledger, run, &problem, &submission, debug_round == 1).await?;
        judgings.push(JudgeRecord {
            key,
            n_passed: judging.n_passed(),
            wall: judging.cases[0].wall,
            place: Place {
                plan_rank: 0,
                debug_round,
            },
        });
    }
    let hidden = submission(&problem, Contract::Repair, Isolation::Fresh);
    let (key, judging) = judge(ledger, run, &problem, &hidden, at.is_multiple_of(2)).await?;
    let outcome = Outcome {
        problem: problem.id.clone(),
        status: Status::Passed,
        fault: String::new(),
        best: Some(Candidate {
            program: hidden.program,
            n_passed: 1,
            place: Place {
                plan_rank: 0,
                debug_round: 1,
            },
        }),
        n_samples: 1,
        calls,
        judgings,
    };
    let scoring = Scoring {
        key,
        verdict: judging.verdict,
        wall: judging.cases[0].wall,
        otherwise: Vec::new(),
    };
    Ok(ProblemResult::scored(outcome, scoring))
}

fn ask(problem: &Problem, contract: Contract) -> Ask {
    let part = format!("# Your part: {}\n\nDo it well.", contract.name());
    Ask {
        agent: contract.agent(),
        model: "made-up".to_string(),
        messages: vec![
            Message::system("You are one of a team that solves programming problems."),
            Message::user(format!("{}\n\n{part}", problem.statement)),
        ],
        sampling: Sampling::default(),
        sample_idx: 0,
        shape: None,
    }
}

fn reply(contract: Contract, at: usize) -> Reply {
    let text = match contract {
        Contract::Code | Contract::Repair => format!("```python\n{}```", program(contract)),
        _ => format!("Of problem {at}, a line that says what is done next, and why.\n").repeat(6),
    };
    Reply {
        usage: Usage {
            prompt_tokens: 350,
            cached_tokens: 300,
            completion_tokens: 90,
        },
        text,
        finish: Finish::Stop,
        wall: Duration::from_millis(40),
        cost: None,
    }
}

fn program(contract: Contract) -> String {
    let sign = match contract {
        Contract::Repair => '+',
        _ => '-',
    };
    format!("def add(a, b):\n    # Both are numbers.\n    return a {sign} b\n")
}

fn submission(problem: &Problem, contract: Contract, isolation: Isolation) -> Submission {
    Submission {
        program: Program {
            language: Language::Python,
            source: program(contract),
        },
        tests: problem.samples.clone(),
        checker: Checker::Lines,
        limits: problem.limits,
        isolation,
        stop_on_first_failure: false,
    }
}

/// Records the word of a judge.
async fn judge(
    ledger: &Ledger,
    run: &RunId,
    problem: &Problem,
    submission: &Submission,
    is_right: bool,
) -> anyhow::Result<(Digest, Judging)> {
    let verdict = match is_right {
        true => Verdict::Accepted,
        false => Verdict::WrongAnswer,
    };
    let toolchain = "Python 3".to_string();
    let case = CaseReport {
        verdict,
        cpu: Duration::from_millis(10),
        wall: Duration::from_millis(12),
        memory_bytes: 10 << 20,
        exit: Some(Exit::Code(0)),
        actual: "3".to_string(),
        n_output_bytes: 1,
        stderr_tail: String::new(),
        message: String::new(),
        otherwise: Vec::new(),
    };
    let judging = Judging {
        verdict,
        cases: vec![case],
        compile_log: String::new(),
        rung: Rung::Userns,
        toolchain: toolchain.clone(),
    };
    let call = || ready(Ok::<_, Infallible>(judging.clone()));
    let recorded = ledger
        .judge(run, &problem.id, submission, &toolchain, call)
        .await?;
    Ok((recorded.key, judging))
}
