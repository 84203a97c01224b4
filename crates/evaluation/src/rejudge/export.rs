use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Rejudged, Score};

/// The results in the form of EvalPlus' `*_eval_results.json`: per problem, each program with its `base_status`.
/// Every problem has one status here, so that no `plus_status` is given. `date` is a day such as `2026-01-31`.
pub fn evalplus_results(rejudged: &[Rejudged], data_digest: &str, date: &str) -> Value {
    let mut eval: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for one in rejudged.iter().filter(|one| one.strict.is_known()) {
        let status = if one.strict.is_accepted() {
            "pass"
        } else {
            "fail"
        };
        eval.entry(&one.id).or_default().push(json!({
            "task_id": one.id,
            "solution": one.code,
            "base_status": status,
            "plus_status": null,
            "base_fail_tests": [],
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
    /// The entry of a score: its strict share in percent, and in the notes the interval and the number of problems.
    pub fn new(dataset: &str, task: &str, date: &str, score: &Score) -> HubEntry {
        let percent = |share: f64| share * 100.0;
        HubEntry {
            dataset: dataset.to_string(),
            task: task.to_string(),
            date: date.to_string(),
            value: percent(score.strict as f64 / score.n.max(1) as f64),
            notes: format!(
                "{} of {}, 95 % interval {:.1} to {:.1}",
                score.strict,
                score.n,
                percent(score.interval.low),
                percent(score.interval.high)
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
