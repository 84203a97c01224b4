//! Published answers, judged again.

mod reason;
mod scores;

use std::collections::HashMap;

use datasets::{Answer, AnswerIndex, Answers, DataSet, Erratum, Rules, SkippedRow};
use domain::{Form, Harness, Judging, Submission, Task, Verdict};
use futures_util::stream::{self, StreamExt as _};
use judge::{Judge, JudgeError};
use serde::Serialize;
use serde_json::Value;

pub use reason::Reason;
pub use scores::{FileScore, Score, file_scores, render_reasons, render_scores};

use crate::export::failed_inputs;

/// The schema of [`rejudged_line`].
pub const REJUDGED_SCHEMA: &str = "mapcoder.rejudge.answer/1";

/// A published answer with what we say of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rejudged {
    /// The file that it was published in.
    pub origin: String,
    /// Its line in the file that was read, from 1 on.
    pub line: usize,
    /// The problem's id.
    pub id: String,
    /// The program, as it was published.
    #[serde(skip)]
    pub code: String,
    /// Inputs of tests that it failed by our rules: see [`crate::export::failed_inputs`].
    #[serde(skip)]
    pub failed: Vec<Value>,
    /// Whether it was recorded as right.
    pub recorded: Option<bool>,
    /// What is known to be wrong with the problem's tests.
    pub errata: Vec<&'static str>,
    /// True when the data set has no hidden tests for the problem, so that only its samples were run: then an answer
    /// that was recorded as right must pass, and one that was recorded as wrong may.
    pub samples_only: bool,
    /// By our rules.
    pub strict: Said,
    /// By the rules of published harnesses.
    pub compat: Vec<(Harness, Said)>,
    /// Why our word differs from the record; absent where it does not.
    pub reason: Option<Reason>,
}

/// What the judge said of an answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Said {
    /// In a word.
    pub verdict: Verdict,
    /// In a line.
    pub message: String,
}

impl Said {
    fn of(judging: &Judging) -> Said {
        let message = match judging.cases.last() {
            _ if judging.verdict == Verdict::Accepted => String::new(),
            Some(case) => {
                let error = case.stderr_tail.trim().lines().last().unwrap_or_default();
                format!("{} {error}", case.message)
            }
            None => judging
                .compile_log
                .lines()
                .take(2)
                .collect::<Vec<_>>()
                .join(" "),
        };
        Said {
            verdict: judging.verdict,
            message: message.trim().to_string(),
        }
    }

    /// True when it is right.
    pub fn is_accepted(&self) -> bool {
        self.verdict == Verdict::Accepted
    }

    /// False when this machine has nothing that runs its language, so that nothing is said of the answer.
    pub fn is_known(&self) -> bool {
        self.verdict != Verdict::LanguageUnavailable
    }
}

impl Rejudged {
    /// True when a word on this answer contradicts what was recorded.
    pub fn contradicts(&self, is_accepted: bool) -> bool {
        match self.recorded {
            None => false,
            Some(true) => !is_accepted,
            Some(false) => is_accepted && !self.samples_only,
        }
    }

    /// True when our strict word is known and contradicts what was recorded.
    pub fn differs(&self) -> bool {
        self.strict.is_known() && self.contradicts(self.strict.is_accepted())
    }

    /// The harnesses by whose rules it is right where it is wrong by ours, or the other way round.
    pub fn deviations(&self) -> impl Iterator<Item = Deviation<'_>> {
        let ours = &self.strict;
        let theirs = self.compat.iter().filter(|_| ours.is_known());
        theirs
            .filter(|(_, said)| said.is_accepted() != ours.is_accepted())
            .map(|(harness, said)| Deviation {
                harness: *harness,
                said,
                why: match said.is_accepted() {
                    true => &ours.message,
                    false => &said.message,
                },
            })
    }
}

/// The word of a harness on an answer, where it is another one than ours.
#[derive(Debug, Clone, PartialEq)]
pub struct Deviation<'a> {
    /// Whose rules.
    pub harness: Harness,
    /// What comes out by them.
    pub said: &'a Said,
    /// What the side that refuses the answer holds against it.
    pub why: &'a str,
}

/// All answers of a file, judged again.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rejudgement {
    /// In the order of the file.
    pub rejudged: Vec<Rejudged>,
    /// Answers to problems that the data set does not have.
    pub unknown: Vec<SkippedRow>,
}

/// Judges published answers again: by our rules, and by those of the harnesses. Where our word differs from the record,
/// it looks for the reason. `on_done` is told after every answer.
///
/// # Errors
/// When the judge's own machinery fails.
pub async fn rejudge(
    judge: &Judge,
    set: &DataSet,
    answers: &Answers,
    harnesses: &[Harness],
    concurrency: usize,
    mut on_done: impl FnMut(),
) -> Result<Rejudgement, JudgeError> {
    let index = AnswerIndex::new(set);
    let mut errata: HashMap<&str, Vec<&'static str>> = HashMap::new();
    for Erratum { id, what } in &set.errata {
        errata.entry(id).or_default().push(what);
    }
    let mut found = Rejudgement::default();
    let mut work = Vec::new();
    for answer in &answers.answers {
        match index.find(&answer.problem) {
            Some(task) => work.push((answer, task)),
            None => found.unknown.push(SkippedRow {
                file: answer.origin.clone(),
                line: answer.line,
                reason: format!("{} has no problem `{}`", set.name, answer.problem),
            }),
        }
    }
    let mut done = stream::iter(&work)
        .map(|(answer, task)| say(judge, set, answer, task, harnesses))
        .buffered(concurrency.max(1));
    while let Some(said) = done.next().await {
        let (strict, failed, compat) = said?;
        let (answer, task) = work[found.rejudged.len()];
        found.rejudged.push(Rejudged {
            origin: answer.origin.clone(),
            line: answer.line,
            id: task.problem.id.clone(),
            code: answer.code.clone(),
            failed,
            recorded: answer.recorded,
            errata: errata
                .get(task.problem.id.as_str())
                .cloned()
                .unwrap_or_default(),
            samples_only: task.hidden.is_empty() && answer.test.is_none(),
            strict,
            compat,
            reason: None,
        });
        on_done();
    }
    for at in 0..found.rejudged.len() {
        if found.rejudged[at].differs() {
            let (answer, task) = work[at];
            let others = work.iter().map(|(other, _)| *other);
            let leaked = in_one_namespace(judge, set, answer, task, others).await?;
            let sum = foreign_sum(answer);
            let without_sum = match &sum {
                Some(sum) => in_one_namespace(judge, set, answer, task, [sum].into_iter()).await?,
                None => None,
            };
            let reason = Reason::of(&found.rejudged[at], leaked, without_sum);
            found.rejudged[at].reason = Some(reason);
        }
    }
    Ok(found)
}

type Words = (Said, Vec<Value>, Vec<(Harness, Said)>);

async fn say(
    judge: &Judge,
    set: &DataSet,
    answer: &Answer,
    task: &Task,
    harnesses: &[Harness],
) -> Result<Words, JudgeError> {
    let submission = answer.submission(set.format, task, Rules::Strict);
    let judging = judge.judge(&submission).await?;
    let strict = Said::of(&judging);
    let mut compat = Vec::new();
    if task.problem.form == Form::Stdio {
        for &harness in harnesses {
            let theirs = answer.submission(set.format, task, Rules::Compat(harness));
            compat.push((
                harness,
                match shared(&submission, &judging, harness, &theirs) {
                    Some(is_accepted) if is_accepted == strict.is_accepted() => strict.clone(),
                    _ => ask(judge, &theirs).await?,
                },
            ));
        }
    }
    let failed = failed_inputs(&submission, &judging);
    Ok((strict, failed, compat))
}

/// Whether a harness accepts what our own runs gave, where it runs the same program within the same limits and no test
/// that was left out matters.
fn shared(
    ours: &Submission,
    judging: &Judging,
    harness: Harness,
    theirs: &Submission,
) -> Option<bool> {
    if ours.program != theirs.program || ours.limits != theirs.limits {
        return None;
    }
    judging.is_accepted_by(harness, ours.tests.len())
}

async fn ask(judge: &Judge, submission: &Submission) -> Result<Said, JudgeError> {
    Ok(Said::of(&judge.judge(submission).await?))
}

/// Whether the answer is right on top of what the other answers of its file leave behind; absent where the question
/// makes no sense.
async fn in_one_namespace<'a>(
    judge: &Judge,
    set: &DataSet,
    answer: &'a Answer,
    task: &Task,
    all: impl Iterator<Item = &'a Answer>,
) -> Result<Option<bool>, JudgeError> {
    if task.problem.form == Form::Stdio || !answer.imports_typing {
        return Ok(None);
    }
    let others = all.filter(|other| other.origin == answer.origin && *other != answer);
    let submission = answer.in_one_namespace(set.format, task, others);
    Ok(Some(ask(judge, &submission).await?.is_accepted()))
}

/// An answer to MBPP's problem 126, as if it were of the same file; absent where the answer does not use `sum`.
fn foreign_sum(answer: &Answer) -> Option<Answer> {
    answer.code.contains("sum(").then(|| Answer {
        code: "def sum(a, b): return 0".to_string(),
        ..answer.clone()
    })
}

/// One answer as one line of JSON without a line end: `schema`, then the fields of [`Rejudged`].
///
/// # Panics
/// Never: it has a JSON form.
pub fn rejudged_line(rejudged: &Rejudged) -> String {
    crate::json::line(REJUDGED_SCHEMA, rejudged)
}

#[cfg(test)]
mod tests;
