//! A part of the real exchanges, when they are here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use agents::{Contract, Prompts};
use distill::estimate::{CHARS_PER_TOKEN, Figures};
use distill::{HeldOut, Import, Lesson, Log, Referee, Tally, examples, hold_out, identity, import};
use domain::Agent;
use ledger::{Ledger, RunSpec};

use crate::school::JUDGE;

fn shared(file: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data")
        .join(file);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not here", path.display());
    None
}

#[test]
fn problems_without_exchanges_can_be_held_out() {
    let (Some(log), Some(data)) = (
        shared("replay/qwen_exchanges.jsonl"),
        shared("benchmarks/mbpp_397.jsonl"),
    ) else {
        return;
    };
    let log = Log::read("log.jsonl", &std::fs::read_to_string(log).unwrap());
    assert_eq!(log.tally.of("exchanges"), 3004);
    assert_eq!(log.tally.iter().count(), 1);
    let text = std::fs::read_to_string(data).unwrap();
    let all = hold_out("mbpp.jsonl", &text, log.task_ids(), usize::MAX, 0).unwrap();
    assert_eq!(all.len(), 307);
    let some = hold_out("mbpp.jsonl", &text, log.task_ids(), 150, 0).unwrap();
    let others = hold_out("mbpp.jsonl", &text, log.task_ids(), 150, 1).unwrap();
    assert!(some.len() == 150 && some != others && some.iter().all(|row| all.contains(row)));
}

/// The mean of each agent has to be near what is assumed of it.
#[track_caller]
fn check_means(measured: &BTreeMap<Agent, Vec<f64>>, share: f64, assumed: impl Fn(Agent) -> f64) {
    let means: Vec<(Agent, f64, f64)> = measured
        .iter()
        .map(|(agent, all)| (*agent, all.iter().sum::<f64>() / all.len() as f64))
        .map(|(agent, mean)| (agent, mean.round(), assumed(agent)))
        .collect();
    let is_near = |(_, mean, assumed): &(Agent, f64, f64)| (mean / assumed - 1.0).abs() < share;
    assert!(means.len() == 4 && means.iter().all(is_near), "{means:?}");
}

#[test]
fn replies_are_assumed_as_long_as_recorded_ones() {
    let Some(log) = shared("replay/qwen_exchanges.jsonl") else {
        return;
    };
    let mut replies: BTreeMap<Agent, Vec<f64>> = BTreeMap::new();
    for line in std::fs::read_to_string(log).unwrap().lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let agent = match row["stage"].as_str().unwrap() {
            "retrieval" => Agent::Retrieval,
            "planning" | "plan_verification" => Agent::Planning,
            "coding" => Agent::Coding,
            _ => Agent::Debugging,
        };
        let n_chars = row["response"].as_str().unwrap().chars().count();
        let of_agent = replies.entry(agent).or_default();
        of_agent.push(n_chars as f64 / CHARS_PER_TOKEN);
    }
    assert_eq!(replies.values().map(Vec::len).sum::<usize>(), 3004);
    // The recorded recalls hold one problem each.
    let assumed = Figures::assumed(1, 5, 0.0);
    check_means(&replies, 0.05, |agent| assumed.agents[&agent].reply_tokens);
}

#[test]
fn real_exchanges_become_examples() {
    let (Some(log), Some(short), Some(long)) = (
        shared("replay/qwen_exchanges.jsonl"),
        shared("benchmarks/mbpp_397.jsonl"),
        shared("benchmarks/mbpp_974.jsonl"),
    ) else {
        return;
    };
    // The first dozen problems of MBPP that there are exchanges of, and the runs about HumanEval.
    let text = std::fs::read_to_string(log).unwrap();
    let ids: Vec<String> = Log::read("log.jsonl", &text)
        .task_ids()
        .filter(|id| id.starts_with("mbpp_"))
        .map(str::to_string)
        .fold(Vec::new(), |mut ids, id| {
            if !ids.contains(&id) && ids.len() < 12 {
                ids.push(id);
            }
            ids
        });
    let is_wanted =
        |line: &&str| line.contains("HumanEval") || ids.iter().any(|id| line.contains(id.as_str()));
    let part: Vec<&str> = text.lines().filter(is_wanted).collect();
    let log = Log::read("log.jsonl", &part.join("\n"));
    let lesson = |path: &PathBuf| {
        let mut set = datasets::load(path).unwrap();
        let is_one = |id: &str| ids.iter().any(|one| identity(one) == identity(id));
        set.tasks.retain(|task| is_one(&task.problem.id));
        let mut references = datasets::references(path).unwrap();
        references.retain(|reference| is_one(&reference.id));
        Lesson {
            set,
            references,
            answers: Vec::new(),
        }
    };
    let lessons = [lesson(&short), lesson(&long)];
    assert_eq!(
        (lessons[0].set.tasks.len(), lessons[1].references.len()),
        (12, 12)
    );
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&folder.path().join("ledger.db")).unwrap();
    let run = ledger
        .begin_run(&RunSpec {
            command: "test".into(),
            settings: serde_json::json!({}),
        })
        .unwrap();
    let referee = Referee {
        judge: JUDGE.clone(),
        ledger,
        run,
    };
    let held_out = HeldOut::default();
    let what = Import {
        lessons: &lessons,
        logs: &[log],
        held_out: &held_out,
        with_noncommercial: false,
        k: &[3],
        n_broken: 2,
        prompts: &Prompts::built_in(),
        concurrency: 4,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let imported = runtime
        .block_on(import(&what, &referee, &mut |_, _| {}))
        .unwrap();
    let tally = &imported.tally;
    assert_eq!(tally.of("exchange left out: held out"), 562, "{tally}");
    assert_eq!(tally.of("tries of a problem to train on"), 12, "{tally}");
    let mut left_out = Tally::default();
    let examples = examples(&imported.traces, &mut left_out);
    let n_of = |contract| {
        examples
            .iter()
            .filter(|one| one.contract == contract)
            .count()
    };
    let solved = tally.of("problems that the teacher solved with a plan");
    assert_eq!(n_of(Contract::Plan), solved, "{tally}{left_out}");
    assert_eq!(n_of(Contract::Confidence), 12, "{tally}{left_out}");
    assert_eq!(solved, 10, "{tally}{left_out}");
    let all = serde_json::to_string(&examples).unwrap();
    assert!(!all.contains("HumanEval"));
}
