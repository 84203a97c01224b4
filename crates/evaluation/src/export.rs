//! Results in the forms of other tools.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use domain::{Judging, Submission, Test, Verdict};
use ledger::{Ledger, LedgerError};
use serde_json::{Value, json};

use crate::rejudge::Rejudged;
use crate::stats::Interval;
use crate::{Ending, ProblemResult};

/// A program with what was said of it, as other tools tell it.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// The problem's id.
    pub id: String,
    /// The program; empty when there was none.
    pub code: String,
    /// True when it passed every test that scores.
    pub is_right: bool,
    /// Inputs of tests that it failed, as far as they were run and are values: see [`failed_inputs`].
    pub failed: Vec<Value>,
}

impl Solution {
    /// A published answer; absent when nothing here runs its language.
    pub fn of_answer(answer: &Rejudged) -> Option<Solution> {
        answer.strict.is_known().then(|| Solution {
            id: answer.id.clone(),
            code: answer.code.clone(),
            is_right: answer.strict.is_accepted(),
            failed: answer.failed.clone(),
        })
    }

    /// The program of a result; absent when the result is not decided.
    ///
    /// # Errors
    /// When the ledger that recorded its judging cannot be read.
    pub fn of_result(
        ledger: &Ledger,
        result: &ProblemResult,
    ) -> Result<Option<Solution>, LedgerError> {
        if !result.ending.is_decided() {
            return Ok(None);
        }
        let outcome = &result.outcome;
        let best = outcome.best.as_ref();
        // Without hidden tests it was scored by its samples.
        let key = match &result.scoring {
            Some(scoring) => Some(&scoring.key),
            None => {
                let judgings = &mut outcome.judgings.iter();
                let of_best = judgings.find(|judged| Some(judged.place) == best.map(|it| it.place));
                of_best.map(|judged| &judged.key)
            }
        };
        let judged = match key {
            Some(key) => ledger.judged(key)?,
            None => None,
        };
        Ok(Some(Solution {
            id: result.id.clone(),
            code: best.map_or(String::new(), |best| best.program.source.clone()),
            is_right: result.ending == Ending::Solved,
            failed: judged.map_or(Vec::new(), |(submission, judging)| {
                failed_inputs(&submission, &judging)
            }),
        }))
    }
}

/// The inputs of the tests that a program failed, in the form of EvalPlus: the arguments of a call, or what was to be read
/// as the only one. A test that is Python code is the code itself where it is one assert, and not told where it is more.
/// Mostly the first failure ends a judging, so that there is one; EvalPlus tells the last one that it ran, too.
pub fn failed_inputs(submission: &Submission, judging: &Judging) -> Vec<Value> {
    let tests = judging.cases.iter().zip(&submission.tests);
    let failed = tests.filter(|(case, _)| case.verdict != Verdict::Accepted);
    let input = |test: &Test| match test {
        Test::Stdio { input, .. } => Some(json!([input])),
        Test::Call { arguments, .. } => serde_json::from_str(arguments).ok(),
        Test::Python { code } => {
            let code = code.trim();
            let is_assert = code.starts_with("assert ") && !code.contains('\n');
            is_assert.then(|| json!(code))
        }
    };
    failed.filter_map(|(_, test)| input(test)).collect()
}

/// The results in the form of EvalPlus' `*_eval_results.json`: per problem, each program with its `base_status`.
/// Every problem has one status here, so that no `plus_status` is given. `date` is a day such as `2026-01-31`.
pub fn evalplus_results(solutions: &[Solution], data_digest: &str, date: &str) -> Value {
    let mut eval: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for one in solutions {
        let status = if one.is_right { "pass" } else { "fail" };
        eval.entry(&one.id).or_default().push(json!({
            "task_id": one.id,
            "solution": one.code,
            "base_status": status,
            "plus_status": null,
            "base_fail_tests": one.failed,
            "plus_fail_tests": [],
        }));
    }
    json!({"date": date, "hash": data_digest, "eval": eval})
}

/// An entry of a model's `.eval_results/*.yaml` on the Hugging Face hub.
#[derive(Debug, Clone, PartialEq)]
pub struct HubEntry {
    /// The hub's name of the data set, such as `openai/openai_humaneval`.
    pub dataset: String,
    /// The task of that data set, as its leaderboard names it.
    pub task: String,
    /// A day such as `2026-01-31`.
    pub date: String,
    /// In percent.
    pub value: f64,
    /// What a reader should know.
    pub notes: String,
}

impl HubEntry {
    /// The entry of `n_right` programs out of `n`: the share in percent, and in the notes both numbers with the interval.
    pub fn new(
        dataset: &str,
        task: &str,
        date: &str,
        (n_right, n): (usize, usize),
        interval: &Interval,
    ) -> HubEntry {
        let percent = |share: f64| share * 100.0;
        HubEntry {
            dataset: dataset.to_string(),
            task: task.to_string(),
            date: date.to_string(),
            value: percent(n_right as f64 / n.max(1) as f64),
            notes: format!(
                "{n_right} of {n}, 95 % interval {:.1} to {:.1}",
                percent(interval.low),
                percent(interval.high)
            ),
        }
    }

    /// The file with this entry alone.
    pub fn to_yaml(&self) -> String {
        // JSON strings are YAML strings.
        let quoted = |text: &str| Value::from(text).to_string();
        let mut yaml = String::new();
        // Writing to a string never fails.
        let _ = write!(
            yaml,
            "- dataset:\n    id: {}\n    task_id: {}\n  value: {:.2}\n  date: {}\n  notes: {}\n",
            quoted(&self.dataset),
            quoted(&self.task),
            self.value,
            quoted(&self.date),
            quoted(&self.notes)
        );
        yaml
    }
}

#[cfg(test)]
mod tests;
