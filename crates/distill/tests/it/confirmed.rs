//! A program that passes all tests now and then.

use std::convert::Infallible;
use std::sync::Arc;

use agents::{Allowance, Prompts, Strategy, Team};
use distill::confirmed;
use domain::{Ask, Checker, Judging, Language, Program, Sampling, Verdict};
use evaluation::{Ending, hidden_submission, solve_task};
use ledger::{Call, Ledger, RunSpec};
use llm::{Scripted, text_reply};

use crate::school::{JUDGE, lesson};

const RIGHT: &str = "def triple(n):\n    return n * 3\n";
/// Passes the sample, which is the first of two tests.
const LUCKY: &str = "def triple(n):\n    return 6\n";

/// A team whose only agent writes this program.
fn team(ledger: Ledger, program: &'static str) -> Team {
    let spec = RunSpec {
        command: "test".into(),
        settings: serde_json::json!({}),
    };
    let run = ledger.begin_run(&spec).unwrap();
    let reply = format!("```python\n{program}```");
    let answer = move |ask: &Ask| Ok(text_reply(ask, reply.clone()));
    Team {
        model: Arc::new(Scripted::new(answer)),
        judge: JUDGE.clone(),
        ledger,
        run,
        prompts: Prompts::built_in(),
        strategy: Strategy::Direct,
        language: Language::Python,
        sampling: Sampling::default(),
        checker: Checker::Lines,
        allowance: Allowance::default(),
        is_stopped: Box::new(|| false),
        on_step: Box::new(|_, _| {}),
    }
}

/// Verdicts on both tests, in the order in which they were recorded.
fn verdicts(team: &Team) -> Vec<Verdict> {
    let calls = team.ledger.calls(&team.run).unwrap();
    let verdict = |call: &Call| match call {
        Call::Judge {
            verdict,
            n_cases: 2,
            ..
        } => Some(*verdict),
        _ => None,
    };
    calls.iter().filter_map(|one| verdict(&one.call)).collect()
}

#[tokio::test(flavor = "current_thread")]
async fn a_program_that_passes_now_and_then_is_found_out_by_a_second_judging() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = |name: &str| Ledger::open(&folder.path().join(name)).unwrap();
    let task = &lesson().set.tasks[0];
    let program = |source: &str| Program {
        language: Language::Python,
        source: source.to_string(),
    };

    // The first judging is on record: by chance, all went well.
    let team_of = team(ledger("lucky.db"), LUCKY);
    let of = |source| hidden_submission(task, &program(source), &team_of.checker);
    let passed: Judging = JUDGE.judge(&of(RIGHT)).await.unwrap();
    let toolchain = JUDGE.toolchain(Language::Python).unwrap();
    let lucky = || async { Ok::<_, Infallible>(passed) };
    team_of
        .ledger
        .judge(
            &team_of.run,
            &task.problem.id,
            &of(LUCKY),
            &toolchain,
            lucky,
        )
        .await
        .unwrap();
    let result = solve_task(&team_of, task).await.unwrap();
    assert_eq!(result.ending, Ending::Solved);
    let twice = [Verdict::Accepted, Verdict::WrongAnswer];
    // It is judged a second time, once and for all.
    for _ in 0..2 {
        assert!(!confirmed(&team_of, task, &result).await.unwrap());
        assert_eq!(verdicts(&team_of), twice);
    }

    let team_of = team(ledger("right.db"), RIGHT);
    let result = solve_task(&team_of, task).await.unwrap();
    assert!(confirmed(&team_of, task, &result).await.unwrap());
    assert_eq!(verdicts(&team_of), [Verdict::Accepted; 2]);
}
