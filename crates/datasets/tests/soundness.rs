//! Visible samples must never fail a right program: published solutions are judged on them.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "the helpers of a test may fail like the test, and say what they skip"
)]

use std::path::{Path, PathBuf};

use datasets::{DataSet, Reference};
use domain::{Checker, Language, Program, Submission, Task, Test, Verdict};
use judge::{Judge, Settings};

fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data")
        .join(name);
    if !path.exists() {
        println!("skipped: {} is absent", path.display());
    }
    path.exists().then_some(path)
}

fn submission(task: &Task, source: String, tests: &[Test]) -> Submission {
    Submission {
        program: Program {
            language: Language::Python,
            source,
        },
        tests: tests.to_vec(),
        checker: Checker::Lines,
        limits: task.problem.limits,
        isolation: domain::Isolation::Pooled,
        stop_on_first_failure: false,
    }
}

/// Judges each published solution on the tests of its task, and returns what is not accepted.
async fn refused(judge: &Judge, set: &DataSet, references: &[Reference]) -> Vec<String> {
    let mut refused = Vec::new();
    for reference in references {
        let Some(task) = set
            .tasks
            .iter()
            .find(|task| task.problem.id == reference.id)
        else {
            continue;
        };
        let tests = [&task.problem.samples[..], task.hidden.reveal()].concat();
        let judging = judge
            .judge(&submission(task, reference.source.clone(), &tests))
            .await
            .unwrap();
        for (test, case) in tests.iter().zip(&judging.cases) {
            if case.verdict != Verdict::Accepted {
                refused.push(format!(
                    "{}: {}: {}: {test:?}",
                    reference.id, case.verdict, case.message
                ));
            }
        }
        assert_eq!(
            judging.cases.len(),
            tests.len(),
            "{}: {}",
            reference.id,
            judging.compile_log
        );
    }
    refused
}

/// The original file is MapCoder's without `sample_io`.
fn without_sample_io(path: &Path) -> DataSet {
    let text = std::fs::read_to_string(path).unwrap();
    let rows: String = text
        .lines()
        .map(|line| {
            let mut row: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(line).unwrap();
            row.remove("sample_io");
            format!("{}\n", serde_json::Value::Object(row))
        })
        .collect();
    datasets::read("humaneval.jsonl", rows.as_bytes()).unwrap()
}

#[tokio::test]
async fn published_solutions_of_humaneval_pass_every_sample_and_every_hidden_test() {
    let Some(path) = shared("benchmarks/humaneval.jsonl") else {
        return;
    };
    let judge = Judge::start(Settings::default()).unwrap();
    let references = datasets::references(&path).unwrap();
    assert_eq!(references.len(), 164);
    let none: Vec<String> = Vec::new();
    assert_eq!(
        refused(&judge, &datasets::load(&path).unwrap(), &references).await,
        none
    );
    assert_eq!(
        refused(&judge, &without_sample_io(&path), &references).await,
        none
    );
}

#[tokio::test]
async fn published_solutions_of_mbpp_pass_its_first_assert() {
    let Some(path) = shared("benchmarks/mbpp_974.jsonl") else {
        return;
    };
    let judge = Judge::start(Settings::default()).unwrap();
    let references = datasets::references(&path).unwrap();
    let mut set = datasets::load(&path).unwrap();
    // A hundred of them, from all over the file, are enough to see a misread row.
    set.tasks = set.tasks.into_iter().step_by(10).collect();
    for task in &mut set.tasks {
        task.hidden = domain::HiddenTests::default();
    }
    assert_eq!(
        refused(&judge, &set, &references).await,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn published_solutions_fail_where_an_erratum_says_so() {
    let judge = Judge::start(Settings::default()).unwrap();
    for (name, expect) in [
        (
            "benchmarks/humaneval_et.jsonl",
            &[
                "HumanEval/2",
                "HumanEval/38",
                "HumanEval/44",
                "HumanEval/50",
                "HumanEval/53",
                "HumanEval/151",
            ][..],
        ),
        ("lpw/humaneval.tests.jsonl", &["HumanEval/163"]),
        ("lpw/mbpp.tests.jsonl", &["MBPP/56", "MBPP/349", "MBPP/436"]),
    ] {
        let Some(path) = shared(name) else { continue };
        let references = datasets::references(&path).unwrap();
        let mut set = datasets::load(&path).unwrap();
        let is_doubtful = |task: &Task| {
            let mut errata = set.errata.iter();
            errata.any(|erratum| erratum.id == task.problem.id)
        };
        set.tasks = set
            .tasks
            .iter()
            .filter(|task| is_doubtful(task))
            .cloned()
            .collect();
        let lines = refused(&judge, &set, &references).await;
        for task in &set.tasks {
            let id = task.problem.id.as_str();
            let fails = lines.iter().any(|line| line.starts_with(&format!("{id}:")));
            assert_eq!(fails, expect.contains(&id), "{id}: {lines:#?}");
        }
    }
}

#[tokio::test]
async fn known_good_solutions_of_the_examples_pass_all_tests() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let set = datasets::load(&here.join("../../examples")).unwrap();
    let solutions: Vec<Reference> = set
        .tasks
        .iter()
        .map(|task| Reference {
            id: task.problem.id.clone(),
            source: std::fs::read_to_string(
                here.join(format!("tests/solutions/{}.py", task.problem.id)),
            )
            .unwrap(),
        })
        .collect();
    let judge = Judge::start(Settings::default()).unwrap();
    assert_eq!(
        refused(&judge, &set, &solutions).await,
        Vec::<String>::new()
    );
}
