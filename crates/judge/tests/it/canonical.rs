//! The published solutions of published problems are right.

use domain::{Language, Rung, Submission, Verdict};
use judge::Judge;

use crate::common::{asserts, best_judge, judge_on, rows, submission};

fn text<'a>(row: &'a serde_json::Value, field: &str) -> &'a str {
    row[field].as_str().unwrap()
}

/// Judges everything at once and lists what was not accepted.
async fn assert_all_accepted(judge: &Judge, submissions: Vec<(String, Submission)>) {
    let n_submissions = submissions.len();
    let tasks: Vec<_> = submissions
        .into_iter()
        .map(|(name, submission)| {
            let judge = judge.clone();
            tokio::spawn(async move { (name, judge.judge(&submission).await.unwrap()) })
        })
        .collect();
    let mut failures = Vec::new();
    for task in tasks {
        let (name, judging) = task.await.unwrap();
        if judging.verdict != Verdict::Accepted {
            let case = judging
                .cases
                .iter()
                .find(|case| case.verdict != Verdict::Accepted);
            failures.push(format!("{name}: {case:?}"));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {n_submissions} failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

async fn human_eval_on(rung: Rung) {
    let Some(rows) = rows("benchmarks/humaneval.jsonl") else {
        return;
    };
    let submissions = rows
        .iter()
        .map(|row| {
            let program = format!("{}{}", text(row, "prompt"), text(row, "canonical_solution"));
            let test = format!("{}\ncheck({})", text(row, "test"), text(row, "entry_point"));
            let submission = submission(Language::Python, &program, vec![asserts(&test)]);
            (text(row, "task_id").to_string(), submission)
        })
        .collect::<Vec<_>>();
    assert_eq!(submissions.len(), 164);
    let Some(judge) = judge_on(rung) else { return };
    assert_all_accepted(&judge, submissions).await;
}

#[tokio::test]
async fn human_eval_on_full() {
    human_eval_on(Rung::Full).await;
}

#[tokio::test]
async fn human_eval_on_userns() {
    human_eval_on(Rung::Userns).await;
}

#[tokio::test]
async fn human_eval_on_landlock() {
    human_eval_on(Rung::Landlock).await;
}

#[tokio::test]
async fn mbpp() {
    let Some(rows) = rows("benchmarks/mbpp_974.jsonl") else {
        return;
    };
    let submissions = rows
        .iter()
        .map(|row| {
            let setup = text(row, "test_setup_code");
            let statements = row["test_list"].as_array().unwrap();
            let tests = statements
                .iter()
                .map(|statement| asserts(&format!("{setup}\n{}", statement.as_str().unwrap())))
                .collect();
            let submission = submission(Language::Python, text(row, "code"), tests);
            (row["task_id"].to_string(), submission)
        })
        .collect::<Vec<_>>();
    assert_eq!(submissions.len(), 974);
    assert_all_accepted(&best_judge(), submissions).await;
}
