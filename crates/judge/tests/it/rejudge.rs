//! Published answers, judged again, beside the verdicts that were recorded for them.

use std::collections::BTreeMap;

use domain::{
    Checker, Harness, Isolation, Judging, Language, Limits, Program, Submission, Test, Verdict,
};
use judge::Judge;
use serde_json::Value;

use crate::common::{asserts, best_judge, rows};

/// A published answer, as it is judged here.
struct Answer {
    /// The last part of the file that it was published in, without what all of these have in common.
    source: String,
    /// Of its problem.
    id: String,
    recorded: bool,
    submission: Submission,
}

/// An answer with what we say of it.
struct Rejudged {
    answer: Answer,
    judging: Judging,
}

impl Rejudged {
    fn is_accepted(&self) -> bool {
        self.judging.verdict == Verdict::Accepted
    }

    fn agrees(&self) -> bool {
        self.answer.recorded == self.is_accepted()
    }

    fn name(&self) -> String {
        format!("{} {}", self.answer.source, self.answer.id)
    }

    /// What we say, in a line.
    fn said(&self) -> String {
        let message = match self.judging.cases.last() {
            Some(case) => format!(
                "{} {}",
                case.message,
                case.stderr_tail.trim().lines().last().unwrap_or_default()
            ),
            None => self
                .judging
                .compile_log
                .lines()
                .take(2)
                .collect::<Vec<_>>()
                .join(" "),
        };
        format!("{}: {}", self.judging.verdict, message.trim())
    }
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_default()
}

/// The name of the file that a row was published in, without what all of these have in common.
fn file(row: &Value) -> &str {
    let file = text(row, "source_file")
        .rsplit('/')
        .next()
        .unwrap_or_default();
    file.trim_end_matches(".jsonl").trim_end_matches("-0-1")
}

fn answer(
    row: &Value,
    language: Language,
    source: String,
    checker: Checker,
    tests: Vec<Test>,
    limits: Limits,
) -> Answer {
    let id = row["task_id"]
        .as_str()
        .map_or_else(|| row["task_id"].to_string(), String::from);
    Answer {
        source: file(row).to_string(),
        id,
        recorded: row["is_solved"].as_bool().unwrap(),
        submission: Submission {
            program: Program { language, source },
            tests,
            checker,
            limits,
            isolation: Isolation::Pooled,
            stop_on_first_failure: true,
        },
    }
}

async fn rejudged(judge: &Judge, answers: Vec<Answer>) -> Vec<Rejudged> {
    let tasks: Vec<_> = answers
        .into_iter()
        .map(|answer| {
            let judge = judge.clone();
            tokio::spawn(async move {
                let judging = judge.judge(&answer.submission).await.unwrap();
                Rejudged { answer, judging }
            })
        })
        .collect();
    let mut all = Vec::with_capacity(tasks.len());
    for task in tasks {
        all.push(task.await.unwrap());
    }
    all
}

/// The recorded and the present score of each published file.
fn print_scores(all: &[Rejudged]) {
    let mut scores: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    for one in all {
        let (n, recorded, ours) = scores.entry(&one.answer.source).or_default();
        *n += 1;
        *recorded += usize::from(one.answer.recorded);
        *ours += usize::from(one.is_accepted());
    }
    for (source, (n, recorded, ours)) in scores {
        println!("{source}: {recorded} recorded, {ours} here, of {n}");
    }
}

fn by_id(rows: &[Value], field: &str) -> BTreeMap<String, Value> {
    rows.iter()
        .map(|row| (text(row, field).to_string(), row.clone()))
        .collect()
}

fn assert_limits() -> Limits {
    Limits::with_cpu(std::time::Duration::from_secs(5))
}

/// The program that the recording harness ran, without its tests.
fn function_program(row: &Value, prompt: &str) -> String {
    let prompt = if text(row, "code_kind") == "completion" {
        prompt
    } else {
        ""
    };
    format!("from typing import *\n{prompt}{}", text(row, "code"))
}

fn human_eval() -> Option<Vec<Answer>> {
    let problems = by_id(&rows("benchmarks/humaneval.jsonl")?, "task_id");
    let answers = rows("rejudge/humaneval.jsonl")?;
    Some(
        answers
            .iter()
            .map(|row| {
                let problem = &problems[text(row, "task_id")];
                let test = format!(
                    "{}\ncheck({})",
                    text(problem, "test"),
                    text(row, "entry_point")
                );
                let program = function_program(row, text(problem, "prompt"));
                answer(
                    row,
                    Language::Python,
                    program,
                    Checker::Lines,
                    vec![asserts(&test)],
                    assert_limits(),
                )
            })
            .collect(),
    )
}

fn mbpp() -> Option<Vec<Answer>> {
    let answers = rows("rejudge/mbpp.jsonl")?;
    Some(
        answers
            .iter()
            .map(|row| {
                let program = function_program(row, "");
                let test = format!("{}\ncheck({})", text(row, "test"), text(row, "entry_point"));
                answer(
                    row,
                    Language::Python,
                    program,
                    Checker::Lines,
                    vec![asserts(&test)],
                    assert_limits(),
                )
            })
            .collect(),
    )
}

const EXECEVAL: Checker = Checker::Compat {
    harness: Harness::ExecEval,
};

/// The texts that stand for a value of a type on standard output.
fn printed(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Bool(value) => vec![
            if *value { "True" } else { "False" }.into(),
            value.to_string(),
        ],
        Value::Null => vec!["None".into(), "null".into()],
        Value::Array(items) => {
            let parts: Vec<String> = items
                .iter()
                .map(|item| printed(item).swap_remove(0))
                .collect();
            vec![
                python(value),
                value.to_string(),
                parts.join(" "),
                parts.join("\n"),
            ]
        }
        Value::Number(_) => vec![value.to_string()],
        Value::Object(_) => vec![python(value), value.to_string()],
    }
}

/// A value as Python's `repr` writes it.
fn python(value: &Value) -> String {
    match value {
        Value::Array(items) => format!(
            "[{}]",
            items.iter().map(python).collect::<Vec<_>>().join(", ")
        ),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, item)| format!("'{key}': {}", python(item)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::String(text) if text.contains('\'') && !text.contains('"') => format!("\"{text}\""),
        Value::String(text) => format!(
            "'{}'",
            text.replace('\\', "\\\\")
                .replace('\'', "\\'")
                .replace('\n', "\\n")
        ),
        other => printed(other).swap_remove(0),
    }
}

fn apps() -> Option<Vec<Answer>> {
    let problems = rows("benchmarks/apps_150.jsonl")?;
    let answers = rows("rejudge/apps.jsonl")?;
    Some(
        answers
            .iter()
            .map(|row| {
                let number = row["row"].as_u64().unwrap();
                let tests = problems[number as usize]["test_list"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|test| Test::Stdio {
                        input: text(test, "input").replace('\r', ""),
                        expected: printed(&test["output"][0]),
                    });
                let limits = Limits::with_cpu(std::time::Duration::from_secs(2));
                let mut answer = answer(
                    row,
                    Language::Python,
                    text(row, "code").into(),
                    EXECEVAL,
                    tests.collect(),
                    limits,
                );
                answer.id = format!(
                    "row {number}{}",
                    if row["nonstring_expected"] == true {
                        " typed"
                    } else {
                        ""
                    }
                );
                answer
            })
            .collect(),
    )
}

fn language(name: &str) -> Language {
    match name {
        "C" => Language::C,
        "C++" => Language::Cpp,
        "C#" => Language::CSharp,
        "Python3" => Language::Python,
        other => other.parse().unwrap(),
    }
}

/// The rows that were recorded as solved, with the samples, which they must pass then.
fn xcodeeval() -> Option<Vec<Answer>> {
    let problems = by_id(&rows("benchmarks/xcodeeval_val_106.jsonl")?, "src_uid");
    let answers = rows("rejudge/xcodeeval_samples_only.jsonl")?;
    Some(
        answers
            .iter()
            .filter(|row| row["is_solved"] == true)
            .map(|row| {
                let problem = &problems[text(row, "task_id")];
                let list = |field: &str| -> Vec<String> {
                    problem[field]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|text| text.as_str().unwrap().replace('\r', ""))
                        .collect()
                };
                let tests = list("sample_inputs")
                    .into_iter()
                    .zip(list("sample_outputs"));
                let tests = tests.map(|(input, output)| Test::Stdio {
                    input,
                    expected: vec![output],
                });
                let limits = Limits::with_cpu(std::time::Duration::from_secs(2));
                let language = language(text(row, "language"));
                // ExecEval's compilers include them of themselves.
                let headers = if matches!(language, Language::C | Language::Cpp) {
                    "#include <limits.h>\n#include <math.h>\n"
                } else {
                    ""
                };
                let source = format!("{headers}{}", text(row, "code").replace('\r', ""));
                answer(row, language, source, EXECEVAL, tests.collect(), limits)
            })
            .collect(),
    )
}

/// Everything where `REJUDGE=all` asks for it; else every `step`-th, which keeps the suite quick.
#[expect(
    clippy::disallowed_methods,
    reason = "a long test asks the environment"
)]
fn chosen(answers: Vec<Answer>, step: usize) -> Vec<Answer> {
    let step = if std::env::var("REJUDGE").is_ok_and(|value| value == "all") {
        1
    } else {
        step
    };
    answers.into_iter().step_by(step).collect()
}

/// Judges again, and prints what there is to compare.
async fn compared(judge: &Judge, answers: Vec<Answer>, step: usize) -> Vec<Rejudged> {
    let all = rejudged(judge, chosen(answers, step)).await;
    print_scores(&all);
    all
}

fn names(all: &[&Rejudged]) -> Vec<String> {
    let mut names: Vec<String> = all
        .iter()
        .map(|one| format!("{}: {}", one.name(), one.said()))
        .collect();
    names.sort();
    names
}

/// The recording harness ran the answers of a file in one namespace, each on top of what others had left there:
/// `sum` of one that defined it, or `math` of one that imported it. It also ran a bare body without its prompt.
/// An answer judged on top of all others of its file must come out as recorded, which explains the record.
async fn assert_explained_by_leaks(judge: &Judge, differing: &[&Rejudged], set: &str) {
    let answers = rows(&format!("rejudge/{set}.jsonl")).unwrap();
    let mut leaky = Vec::new();
    for one in differing {
        let published = answers.iter().filter(|row| file(row) == one.answer.source);
        let (own, others): (Vec<&Value>, Vec<&Value>) =
            published.partition(|row| text(row, "task_id") == one.answer.id);
        let others: Vec<&str> = others.iter().map(|row| text(row, "code")).collect();
        let mut submission = one.answer.submission.clone();
        submission.program.source = format!(
            "from typing import *\nfor source in {}:\n    try: exec(source, globals())\n    except BaseException: pass\n{}",
            serde_json::to_string(&others).unwrap(),
            text(own[0], "code"),
        );
        leaky.push(Answer {
            source: one.answer.source.clone(),
            id: one.answer.id.clone(),
            recorded: one.answer.recorded,
            submission,
        });
    }
    let again = rejudged(judge, leaky).await;
    let ended = [
        Verdict::Accepted,
        Verdict::WrongAnswer,
        Verdict::RuntimeError,
    ];
    let unexplained: Vec<&Rejudged> = again
        .iter()
        .filter(|one| !one.agrees() || !ended.contains(&one.judging.verdict))
        .collect();
    assert!(unexplained.is_empty(), "{set}: {:#?}", names(&unexplained));
}

/// The rows on which we differ are those in the table, as far as they were judged.
fn assert_in_table(all: &[Rejudged], table: &[(&str, &[&str])]) -> usize {
    let expected = |one: &Rejudged| {
        let id = &one.answer.id;
        // The rest of a long name may be left out.
        let is_named = |entry: &&str| id == entry || entry.ends_with('_') && id.starts_with(entry);
        table
            .iter()
            .any(|(source, ids)| one.answer.source == *source && ids.iter().any(is_named))
    };
    let wrong: Vec<&Rejudged> = all
        .iter()
        .filter(|one| one.agrees() == expected(one))
        .collect();
    assert!(wrong.is_empty(), "{:#?}", names(&wrong));
    all.iter().filter(|one| expected(one)).count()
}

/// Recorded otherwise, because answers leaked into each other or ran without their prompt.
const HUMAN_EVAL: &[(&str, &[&str])] = &[
    ("ChatGPT-Analogical-Python3", &["HumanEval/139"]),
    (
        "ChatGPT-CoT-Python3",
        &[
            "HumanEval/2",
            "HumanEval/14",
            "HumanEval/23",
            "HumanEval/28",
            "HumanEval/48",
        ],
    ),
    (
        "Gemini-Direct-Human-Python3",
        &["HumanEval/133", "HumanEval/144"],
    ),
];

/// Recorded otherwise, because answers leaked into each other: problem 126 asks for a function called `sum`.
const MBPP: &[(&str, &[&str])] = &[
    (
        "ChatGPT-Analogical-MBPP-Python3",
        &[
            "mbpp_129_",
            "mbpp_170_",
            "mbpp_256_",
            "mbpp_274_",
            "mbpp_291_",
            "mbpp_419_",
            "mbpp_425_",
            "mbpp_614_",
            "mbpp_724_",
            "mbpp_777_",
            "mbpp_782_",
            "mbpp_805_",
        ],
    ),
    (
        "ChatGPT-MapCoder-3-5-MBPP-Python3",
        &[
            "mbpp_61_",
            "mbpp_109_",
            "mbpp_129_",
            "mbpp_239_",
            "mbpp_256_",
            "mbpp_614_",
            "mbpp_782_",
            "mbpp_805_",
        ],
    ),
    (
        "GPT4-MBPP_simple_1_gpt-4_pass_at_k_1_py",
        &[
            "mbpp_67_",
            "mbpp_170_",
            "mbpp_419_",
            "mbpp_598_",
            "mbpp_724_",
            "mbpp_798_",
        ],
    ),
];

#[tokio::test]
async fn human_eval_agrees_but_for_explained_rows() {
    let Some(answers) = human_eval() else { return };
    let judge = best_judge();
    let all = compared(&judge, answers, 1).await;
    assert_eq!((all.len(), assert_in_table(&all, HUMAN_EVAL)), (820, 8));
    let differing: Vec<&Rejudged> = all.iter().filter(|one| !one.agrees()).collect();
    assert_explained_by_leaks(&judge, &differing, "humaneval").await;
}

#[tokio::test]
async fn mbpp_agrees_but_for_explained_rows() {
    let Some(answers) = mbpp() else { return };
    let judge = best_judge();
    let all = compared(&judge, answers, 1).await;
    assert_eq!((all.len(), assert_in_table(&all, MBPP)), (1191, 26));
    let differing: Vec<&Rejudged> = all.iter().filter(|one| !one.agrees()).collect();
    assert_explained_by_leaks(&judge, &differing, "mbpp").await;
}

#[tokio::test]
async fn apps_rows_with_string_answers_agree() {
    let Some(answers) = apps() else { return };
    let all = compared(&best_judge(), answers, 7).await;
    let strings: Vec<Rejudged> = all
        .into_iter()
        .filter(|one| !one.answer.id.ends_with("typed"))
        .collect();
    assert_in_table(&strings, APPS);
}

const APPS: &[(&str, &[&str])] = &[];

#[tokio::test]
async fn xcodeeval_rows_recorded_as_solved_pass_their_samples() {
    let Some(answers) = xcodeeval() else { return };
    let all = compared(&best_judge(), answers, 7).await;
    let (missing, judged): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|one| one.judging.verdict == Verdict::LanguageUnavailable);
    if !missing.is_empty() {
        println!("skipped: {} rows whose language is not here", missing.len());
    }
    assert_in_table(&judged, XCODEEVAL);
}

const XCODEEVAL: &[(&str, &[&str])] = &[];
