//! The plan of a loop.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use domain::Agent;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::exit::{Exit, Failure};

/// What is improved, and how that is measured. Paths are relative to the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LoopPlan {
    /// What is built upon.
    pub(super) base_model: String,
    /// A folder of example sets.
    #[serde(default)]
    pub(super) examples: Option<PathBuf>,
    /// A plan that makes them.
    #[serde(default)]
    pub(super) distill: Option<PathBuf>,
    /// Settings of `mapcoder train`, without those that follow from the loop.
    #[serde(default)]
    pub(super) train: Map<String, Value>,
    /// Of single agents, laid over `train`.
    #[serde(default)]
    pub(super) agents: BTreeMap<Agent, Map<String, Value>>,
    /// What is measured on.
    pub(super) evaluate: Vec<Measure>,
    /// Similar problems that are recalled, and so plans.
    #[serde(default = "three")]
    pub(super) k: u32,
    /// Repairs per plan.
    #[serde(default = "five")]
    pub(super) t: u32,
    /// The most tokens of a reply.
    #[serde(default = "thousand")]
    pub(super) max_tokens: u32,
    /// Whether replies are held to their form when it is measured.
    #[serde(default)]
    pub(super) grammar: bool,
    /// The folder of all results.
    pub(super) output: PathBuf,
}

/// A data set to measure on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Measure {
    /// As `--data` takes it.
    pub(super) data: String,
    /// Only the first so many.
    #[serde(default)]
    pub(super) limit: Option<usize>,
    /// Only problems whose id contains this text.
    #[serde(default)]
    pub(super) filter: Option<String>,
}

fn three() -> u32 {
    3
}

fn five() -> u32 {
    5
}

fn thousand() -> u32 {
    1024
}

/// Settings of `mapcoder train` that follow from the loop.
const OWN: [&str; 3] = ["base_model", "datasets", "output_dir"];

impl LoopPlan {
    /// Reads a plan.
    ///
    /// # Errors
    /// When it cannot be read or used.
    pub(super) fn read(file: &Path, n_rounds: u32) -> anyhow::Result<LoopPlan> {
        let yaml = std::fs::read_to_string(file)
            .with_context(|| format!("failed to read the plan {}", file.display()))?;
        let wrong = |reason: String| {
            let message = format!("failed to read the plan: {reason}");
            let help = format!(
                "{} is the file; docs/distill.md lists the keys",
                file.display()
            );
            Failure::new(Exit::Usage, message).help(help)
        };
        let plan: LoopPlan = distill::plan::read_yaml(&yaml).map_err(wrong)?;
        let problem = match (&plan.examples, &plan.distill) {
            (None, None) => Some("`examples` or `distill` is missing: what is learned from"),
            (Some(_), Some(_)) => Some(
                "`examples` and `distill` are both there: one of them says what is learned from",
            ),
            (Some(_), None) if n_rounds > 1 => {
                Some("`examples` are the same in every round: more than one needs `distill`")
            }
            _ if plan.evaluate.is_empty() => Some("`evaluate` names no data set"),
            _ => None,
        };
        if let Some(problem) = problem {
            return Err(wrong(problem.to_string()).into());
        }
        let has = |key: &&str| {
            let mut all = plan.agents.values().chain([&plan.train]);
            all.any(|settings| settings.contains_key(*key))
        };
        if let Some(key) = OWN.into_iter().find(has) {
            let problem = format!("`{key}` cannot be set: it follows from the loop");
            return Err(wrong(problem).into());
        }
        Ok(plan)
    }

    /// Settings of `mapcoder train` for one agent.
    pub(super) fn train_of(&self, agent: Agent) -> Map<String, Value> {
        let own = self.agents.get(&agent).cloned().unwrap_or_default();
        self.train.clone().into_iter().chain(own).collect()
    }
}
