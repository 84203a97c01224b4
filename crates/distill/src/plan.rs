//! What is distilled from what.

use std::collections::BTreeMap;
use std::path::PathBuf;

use domain::{Agent, Digest, Language};
use serde::{Deserialize, Serialize};

use crate::Selection;

/// What is distilled from what, read from a YAML file. Paths are relative to that file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What the team works on.
    pub problems: Vec<Problems>,
    /// Data sets that something will be measured on, as `--data` takes them: no problem of theirs is worked on, and no
    /// example may resemble one.
    #[serde(default)]
    pub held_out: Vec<String>,
    /// Who shows how it is done.
    pub teacher: Speaker,
    /// Who is to learn: its failures are corrected too.
    #[serde(default)]
    pub student: Option<Speaker>,
    /// Who reads what failed.
    #[serde(default)]
    pub supervisor: Option<Speaker>,
    /// Similar problems that are recalled, and so plans.
    #[serde(default = "three")]
    pub k: usize,
    /// Repairs per plan.
    #[serde(default = "five")]
    pub t: usize,
    /// What programs are written in.
    #[serde(default = "python")]
    pub language: Language,
    /// One run per problem for each of these.
    #[serde(default = "greedy")]
    pub temperatures: Vec<f32>,
    /// Seed of the first run of a problem; each further one has the next.
    #[serde(default)]
    pub seed: u64,
    /// The most tokens of a reply.
    #[serde(default = "thousand")]
    pub max_tokens: u32,
    /// How runs that failed are corrected.
    #[serde(default)]
    pub corrections: Corrections,
    /// Whether a program that passes all tests has to pass them a second time.
    #[serde(default)]
    pub confirm: bool,
    /// Problems at a time.
    #[serde(default)]
    pub concurrency: Option<u32>,
    /// What one start of the command may spend.
    #[serde(default)]
    pub budget: Limits,
    /// A file with prices per model.
    #[serde(default)]
    pub prices: Option<PathBuf>,
    /// Whose tokens say how long an example is; the default model's unless set.
    #[serde(default)]
    pub tokenizer: Option<String>,
    /// Which examples are kept.
    #[serde(default)]
    pub examples: Selection,
    /// The folder that example sets are written to.
    pub output: PathBuf,
}

/// A part of a data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problems {
    /// As `--data` takes it.
    pub data: String,
    /// Only the problems that `mapcoder data split` would put into one of its two parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// Only problems whose id contains this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Only the first so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// How a data set is divided.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// The share of the first part.
    pub share: f64,
    /// What the division follows from.
    #[serde(default)]
    pub seed: u64,
    /// Which part is meant.
    #[serde(default)]
    pub part: Part,
}

/// A part of a divided data set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The one of the given share.
    #[default]
    First,
    /// The rest.
    Second,
}

/// Who answers: the keys mean what the flags of the same names do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Speaker {
    /// The model, here or on a server; the one of the settings unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The server; empty for the local engine whatever the settings say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// How a local model's weights are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
    /// A folder of adapters, for a local model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapters: Option<String>,
    /// Whether a local model's replies are held to their form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grammar: Option<bool>,
    /// What single agents have of their own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub agents: BTreeMap<Agent, Own>,
}

/// What an agent has of its own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    /// Its model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
}

impl Speaker {
    /// Who answers for an agent: what it has of its own, laid over what all have.
    pub fn of(&self, agent: Agent) -> Speaker {
        let own = self.agents.get(&agent).cloned().unwrap_or_default();
        Speaker {
            model: own.model.or_else(|| self.model.clone()),
            base_url: own.base_url.or_else(|| self.base_url.clone()),
            agents: BTreeMap::new(),
            ..self.clone()
        }
    }
}

/// How runs that failed are corrected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Corrections {
    /// The most reviews of one run.
    pub rounds: usize,
    /// The longest account that a supervisor reads, in characters.
    pub max_chars: usize,
}

impl Default for Corrections {
    fn default() -> Self {
        Corrections {
            rounds: 2,
            max_chars: 24_000,
        }
    }
}

/// What one start of the command may spend; absent parts have no limit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Model calls.
    pub calls: Option<u64>,
    /// Tokens, sent and received.
    pub tokens: Option<u64>,
    /// Money, in the unit of the price file.
    pub cost: Option<f64>,
    /// Seconds on the clock.
    pub seconds: Option<f64>,
}

fn three() -> usize {
    3
}

fn five() -> usize {
    5
}

fn python() -> Language {
    Language::Python
}

fn greedy() -> Vec<f32> {
    vec![0.0]
}

fn thousand() -> u32 {
    1024
}

/// Why a plan cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It is no YAML, or a key is unknown, missing or of another type.
    #[error("read the plan: {0}")]
    Yaml(String),
    /// A value is beyond reason.
    #[error("read the plan: `{key}` {problem}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong with its value.
        problem: String,
    },
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// When it is no YAML, a key is unknown, missing or of another type, or a value is beyond reason.
    pub fn parse(yaml: &str) -> Result<Plan, PlanError> {
        let plan: Plan = read_yaml(yaml).map_err(PlanError::Yaml)?;
        plan.check()?;
        Ok(plan)
    }

    fn check(&self) -> Result<(), PlanError> {
        let wrong = |key, problem: &str| {
            let problem = problem.to_string();
            Err(PlanError::Value { key, problem })
        };
        if self.problems.is_empty() {
            return wrong("problems", "names no data set");
        }
        let split = self.problems.iter().filter_map(|one| one.split);
        if split
            .into_iter()
            .any(|split| !(0.0..=1.0).contains(&split.share))
        {
            return wrong("share", "must be a number from 0 to 1");
        }
        if self.problems.iter().any(|one| one.limit == Some(0)) {
            return wrong("limit", "must be above 0");
        }
        if !(1..=100).contains(&self.k) {
            return wrong("k", "must be from 1 to 100");
        }
        if self.t > 100 {
            return wrong("t", "must be from 0 to 100");
        }
        if self.max_tokens == 0 {
            return wrong("max_tokens", "must be above 0");
        }
        if self.concurrency == Some(0) {
            return wrong("concurrency", "must be above 0");
        }
        if self.temperatures.is_empty() {
            return wrong("temperatures", "is empty: one run for each of them");
        }
        let is_temperature = |one: &f32| (0.0..=100.0).contains(one);
        if !self.temperatures.iter().all(is_temperature) {
            return wrong("temperatures", "must be numbers from 0 to 100");
        }
        if self.temperatures.iter().filter(|one| **one == 0.0).count() > 1 {
            return wrong("temperatures", "has 0 twice: both runs would be the same");
        }
        let limits = &self.budget;
        let is_amount = |x: f64| (0.0..=1e9).contains(&x);
        if !limits.cost.is_none_or(is_amount) {
            return wrong("cost", "must be a number from 0");
        }
        if !limits.seconds.is_none_or(is_amount) {
            return wrong("seconds", "must be a number from 0 to 1e9");
        }
        if limits.cost.is_some() && self.prices.is_none() {
            return wrong(
                "cost",
                "needs `prices`, a file that names the price of each model",
            );
        }
        if self.student.is_some() && self.supervisor.is_none() {
            return wrong(
                "student",
                "is there so that its failures are corrected, which takes a `supervisor`",
            );
        }
        Ok(())
    }

    /// Names all that the recorded work follows from: plans that differ in budgets, speed or output alone are the same.
    pub fn digest(&self) -> Digest {
        Digest::of_json(&(
            "distill/1",
            &self.problems,
            &self.held_out,
            (&self.teacher, &self.student, &self.supervisor),
            (self.k, self.t, self.language, self.max_tokens),
            (&self.temperatures, self.seed),
            (&self.corrections, self.confirm),
        ))
    }
}

/// Reads YAML.
///
/// # Errors
/// What is wrong with it, in one line with the key.
pub fn read_yaml<T: serde::de::DeserializeOwned>(yaml: &str) -> Result<T, String> {
    serde_saphyr::from_str(yaml).map_err(|error| {
        let text = error.without_snippet().to_string();
        let first = text.lines().next().unwrap_or_default().to_string();
        let key = error.location().and_then(|location| {
            let line = yaml
                .lines()
                .nth((location.line() as usize).checked_sub(1)?)?;
            key_before(line, location.column() as usize)
        });
        match key {
            Some(key) if !first.contains(&format!("`{key}`")) => format!("`{key}`: {first}"),
            _ => first,
        }
    })
}

/// The last key of a line of YAML before a column, which is counted from 1.
fn key_before(line: &str, column: usize) -> Option<&str> {
    let end = line.char_indices().nth(column.saturating_sub(1));
    let before = end.map_or(line, |(at, _)| &line[..at]);
    let (before, _) = before.rsplit_once(':')?;
    let key = before
        .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
        .next()?;
    (!key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests;
