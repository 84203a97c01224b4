use std::sync::Arc;

use agents::{Allowance, Contract, Format, Place, Prompts, Strategy, Team, Without};
use distill::{SetRef, Source, Tally, Trace, examples};
use domain::{Ask, Checker, Language, Sampling};
use evaluation::solve_task;
use ledger::{Ledger, RunSpec};
use llm::{Scripted, text_reply};

use crate::school::{JUDGE, lesson};

/// Two plans, of which the second is the surer one; its program is repaired once.
fn answer(prompt: &str) -> String {
    let is = |mark: &str| prompt.contains(mark);
    let text = if is("Recall 2 other problems") {
        "<example><description>d</description><plan>first</plan></example>\n\
         <example><description>e</description><plan>second</plan></example>\n<algorithm>Multiply.</algorithm>"
    } else if is("# Your part: debugging") {
        "<plan>Times four.</plan>\n```python\ndef fourfold(n):\n    return 4 * n\n```"
    } else if is("# Your part: checking") && is("after second") {
        "<explanation>Good.</explanation>\n<confidence>80</confidence>"
    } else if is("# Your part: checking") {
        "<explanation>Bad.</explanation>\n<confidence>20</confidence>"
    } else if is("# Your part: planning") && is("A similar problem: e") {
        "<plan>after second</plan>"
    } else if is("# Your part: planning") {
        "<plan>after first</plan>"
    } else {
        "It is:\n```python\ndef fourfold(n):\n    return 5 * n\n```"
    };
    text.to_string()
}

#[test]
fn a_run_of_our_own_is_read_from_its_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&folder.path().join("ledger.db")).unwrap();
    let run = ledger
        .begin_run(&RunSpec {
            command: "test".into(),
            settings: serde_json::json!({}),
        })
        .unwrap();
    let model = Scripted::new(|ask: &Ask| Ok(text_reply(ask, answer(&ask.messages[1].content))));
    let team = Team {
        model: Arc::new(model),
        judge: JUDGE.clone(),
        ledger,
        run,
        prompts: Prompts::built_in(),
        strategy: Strategy::MapCoder {
            k: 2,
            t: 2,
            without: Without::default(),
        },
        language: Language::Python,
        sampling: Sampling::default(),
        checker: Checker::Lines,
        allowance: Allowance::default(),
        is_stopped: Box::new(|| false),
        on_step: Box::new(|_, _| {}),
    };
    let lesson = lesson();
    let (set, task) = (SetRef::of(&lesson.set), &lesson.set.tasks[1]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let result = runtime.block_on(solve_task(&team, task)).unwrap();
    let trace = Trace::of_run(
        &team.ledger,
        &team.run,
        &set,
        task,
        Language::Python,
        &result,
    )
    .unwrap();
    let told: Vec<(Contract, usize, Place, Format)> = trace
        .steps
        .iter()
        .map(|step| (step.contract, step.plan_idx, step.place, step.format))
        .collect();
    let place = |plan_rank, debug_round| Place {
        plan_rank,
        debug_round,
    };
    let expect = [
        (Contract::Recall, 0, place(0, 0), Format::Strict),
        (Contract::Plan, 0, place(1, 0), Format::Strict),
        (Contract::Confidence, 0, place(1, 0), Format::Strict),
        (Contract::Plan, 1, place(0, 0), Format::Strict),
        (Contract::Confidence, 1, place(0, 0), Format::Strict),
        (Contract::Code, 0, place(0, 0), Format::Strict),
        (Contract::Repair, 0, place(0, 1), Format::Strict),
    ];
    assert_eq!(told, expect);
    let run = team.run.as_str().to_string();
    assert_eq!(
        (trace.solved, &trace.source),
        (Some(true), &Source::Run { run })
    );
    let evidence = |at: usize| trace.steps[at].evidence.as_ref().unwrap();
    assert_eq!(
        (evidence(5).solves, evidence(6).solves),
        (Some(false), Some(true))
    );
    let asked = &trace.steps[6].messages[1].content;
    assert!(asked.contains(&evidence(5).report));

    // The untried plan teaches nothing, and neither does the program that failed.
    let taught: Vec<(Contract, usize)> = examples(&[trace], &mut Tally::default())
        .iter()
        .map(|one| (one.contract, one.reply.len()))
        .collect();
    let expect = [
        (Contract::Recall, answer("Recall 2 other problems").len()),
        (Contract::Plan, "<plan>after second</plan>".len()),
        (
            Contract::Confidence,
            "<explanation>Good.</explanation>\n<confidence>95</confidence>".len(),
        ),
        (Contract::Repair, answer("# Your part: debugging").len()),
    ];
    assert_eq!(taught, expect);
}
