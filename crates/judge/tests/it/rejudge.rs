//! Published answers, judged again, beside the verdicts that were recorded for them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use datasets::{AnswerIndex, Answers, DataSet, Rules};
use domain::{Judging, Limits, Submission, Verdict};
use judge::Judge;

use crate::common::best_judge;

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

    /// The most CPU time that a test took, or tests that were run together.
    fn cpu(&self) -> Duration {
        let cases = self.judging.cases.iter();
        cases.map(|case| case.cpu).max().unwrap_or_default()
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

/// The name of the file that an answer was published in, without what all of these have in common.
fn file(origin: &str) -> &str {
    let file = origin.rsplit('/').next().unwrap_or_default();
    file.trim_end_matches(".jsonl").trim_end_matches("-0-1")
}

/// A file of the shared data; says so when it is absent.
fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data")
        .join(name);
    if !path.exists() {
        println!("skipped: {} is absent", path.display());
    }
    path.exists().then_some(path)
}

/// A data set and the answers that were published for it.
struct Published {
    set: DataSet,
    answers: Answers,
}

impl Published {
    fn read(data: &str, answers: &str) -> Option<Published> {
        let set = datasets::load(&shared(data)?).unwrap();
        let answers = datasets::load_answers(&shared(answers)?).unwrap();
        assert_eq!(answers.skipped, []);
        Some(Published { set, answers })
    }

    fn human_eval() -> Option<Published> {
        Published::read("benchmarks/humaneval.jsonl", "rejudge/humaneval.jsonl")
    }

    fn mbpp() -> Option<Published> {
        Published::read("benchmarks/mbpp_397.jsonl", "rejudge/mbpp.jsonl")
    }

    /// The answers as they are judged here: outputs by ExecEval's rules, as they were recorded.
    fn all(&self) -> Vec<Answer> {
        let index = AnswerIndex::new(&self.set);
        let rules = match self.set.format.harness() {
            Some(harness) => Rules::Compat(harness),
            None => Rules::Strict,
        };
        let answer = |answer: &datasets::Answer| {
            let task = index.find(&answer.problem).unwrap();
            let is_typed =
                self.set.errata.iter().any(|erratum| {
                    erratum.id == task.problem.id && erratum.what.contains("not texts")
                });
            Answer {
                source: file(&answer.origin).to_string(),
                id: format!("{}{}", answer.problem, if is_typed { " typed" } else { "" }),
                recorded: answer.recorded.unwrap(),
                submission: answer.submission(self.set.format, task, rules),
            }
        };
        self.answers.answers.iter().map(answer).collect()
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
async fn assert_explained_by_leaks(judge: &Judge, differing: &[&Rejudged], published: &Published) {
    let index = AnswerIndex::new(&published.set);
    let mut leaky = Vec::new();
    for one in differing {
        let of_file = published
            .answers
            .answers
            .iter()
            .filter(|answer| file(&answer.origin) == one.answer.source);
        let (own, others): (Vec<_>, Vec<_>) =
            of_file.partition(|answer| answer.problem.to_string() == one.answer.id);
        let task = index.find(&own[0].problem).unwrap();
        leaky.push(Answer {
            source: one.answer.source.clone(),
            id: one.answer.id.clone(),
            recorded: one.answer.recorded,
            submission: own[0].in_one_namespace(published.set.format, task, others),
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
    assert!(
        unexplained.is_empty(),
        "{}: {:#?}",
        published.set.name,
        names(&unexplained)
    );
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
    let Some(published) = Published::human_eval() else {
        return;
    };
    let judge = best_judge();
    let all = compared(&judge, published.all(), 1).await;
    assert_eq!((all.len(), assert_in_table(&all, HUMAN_EVAL)), (820, 8));
    let differing: Vec<&Rejudged> = all.iter().filter(|one| !one.agrees()).collect();
    assert_explained_by_leaks(&judge, &differing, &published).await;
}

#[tokio::test]
async fn mbpp_agrees_but_for_explained_rows() {
    let Some(published) = Published::mbpp() else {
        return;
    };
    let judge = best_judge();
    let all = compared(&judge, published.all(), 1).await;
    assert_eq!((all.len(), assert_in_table(&all, MBPP)), (1191, 26));
    let differing: Vec<&Rejudged> = all.iter().filter(|one| !one.agrees()).collect();
    assert_explained_by_leaks(&judge, &differing, &published).await;
}

/// HumanEval-ET, recorded otherwise: all answers of the file that are right and call `sum`. The recording harness had run
/// answers to MBPP's problem 126 in the same namespace, which asks for a function of that name.
const HUMAN_EVAL_ET_SUM: &[&str] = &[
    "HumanEval/4",
    "HumanEval/8",
    "HumanEval/60",
    "HumanEval/67",
    "HumanEval/72",
    "HumanEval/74",
    "HumanEval/85",
    "HumanEval/106",
    "HumanEval/110",
    "HumanEval/117",
    "HumanEval/153",
];

/// Recorded otherwise, because the harness ran them without their prompt: they are bodies without a head.
const HUMAN_EVAL_ET_LEAKS: &[&str] = &[
    "HumanEval/14",
    "HumanEval/23",
    "HumanEval/28",
    "HumanEval/48",
];

/// Right, and recorded as wrong: they take longer than every answer of their file that is recorded as right.
/// The harness gave all tests of an answer five seconds on the clock together, and the threads of programs that
/// had not ended by then ran on beside later ones.
const HUMAN_EVAL_ET_SLOW: [(&str, &str); 2] = [
    ("ChatGPT-MapCoder-5-5-Human-Python3", "HumanEval/25"),
    ("ChatGPT-CoT-Python3", "HumanEval/147"),
];

#[tokio::test]
async fn human_eval_et_agrees_but_for_explained_rows() {
    let data = (
        "benchmarks/humaneval_et.jsonl",
        "rejudge/humaneval_et.jsonl",
    );
    let Some(published) = Published::read(data.0, data.1) else {
        return;
    };
    const FILE: &str = "ChatGPT-CoT-Python3";
    let judge = best_judge();
    let is_slow = |answer: &Answer| {
        HUMAN_EVAL_ET_SLOW.contains(&(answer.source.as_str(), answer.id.as_str()))
    };
    let (mut slow, answers): (Vec<_>, Vec<_>) = published.all().into_iter().partition(is_slow);
    let all = compared(&judge, answers, 1).await;
    let table = [(FILE, HUMAN_EVAL_ET_SUM), (FILE, HUMAN_EVAL_ET_LEAKS)];
    assert_eq!((all.len(), assert_in_table(&all, &table)), (326, 15));

    // What was too slow is right, given time.
    for answer in &mut slow {
        answer.submission.limits = Limits::with_cpu(Duration::from_secs(60));
    }
    let slow = rejudged(&judge, slow).await;
    assert_eq!(slow.len(), HUMAN_EVAL_ET_SLOW.len());
    for one in &slow {
        assert!(one.is_accepted() && !one.answer.recorded, "{}", one.said());
        let of_file = all
            .iter()
            .filter(|other| other.answer.source == one.answer.source);
        let recorded = of_file.filter(|other| other.answer.recorded && other.agrees());
        let slowest = recorded.map(Rejudged::cpu).max().unwrap();
        assert!(one.cpu() > slowest, "{}: {slowest:?}", one.name());
    }

    let (of_sum, leaks): (Vec<&Rejudged>, Vec<&Rejudged>) = all
        .iter()
        .filter(|one| !one.agrees())
        .partition(|one| HUMAN_EVAL_ET_SUM.contains(&one.answer.id.as_str()));
    assert_explained_by_leaks(&judge, &leaks, &published).await;
    // With another `sum` in their way they come out as recorded, and so do all others that call it.
    assert_eq!(of_sum.len(), HUMAN_EVAL_ET_SUM.len());
    let mut answers = published.all();
    answers.retain(|answer| answer.source == FILE && !is_slow(answer));
    answers.retain(|answer| answer.submission.program.source.contains("sum("));
    for answer in &mut answers {
        let program = &mut answer.submission.program;
        program.source = format!("def sum(a, b): return 0\n{}", program.source);
    }
    let again = rejudged(&judge, answers).await;
    let differing: Vec<&Rejudged> = again.iter().filter(|one| !one.agrees()).collect();
    assert!(differing.is_empty(), "{:#?}", names(&differing));
}

#[tokio::test]
async fn apps_rows_with_string_answers_agree() {
    let data = ("benchmarks/apps_150.jsonl", "rejudge/apps.jsonl");
    let Some(published) = Published::read(data.0, data.1) else {
        return;
    };
    let all = compared(&best_judge(), published.all(), 7).await;
    let strings: Vec<Rejudged> = all
        .into_iter()
        .filter(|one| !one.answer.id.ends_with("typed"))
        .collect();
    assert_in_table(&strings, APPS);
}

const APPS: &[(&str, &[&str])] = &[];

#[tokio::test]
async fn xcodeeval_rows_recorded_as_solved_pass_their_samples() {
    let data = (
        "benchmarks/xcodeeval_val_106.jsonl",
        "rejudge/xcodeeval_samples_only.jsonl",
    );
    let Some(published) = Published::read(data.0, data.1) else {
        return;
    };
    let mut answers = published.all();
    answers.retain(|answer| answer.recorded);
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
