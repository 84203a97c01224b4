use std::collections::{BTreeMap, BTreeSet};

use domain::{Agent, Digest};
use serde::{Deserialize, Serialize};

/// Who was asked for a plan, and how: what its traces follow from beside prompts and problems.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distilled {
    /// Of the plan; see [`crate::plan::Plan::digest`].
    pub plan: Digest,
    /// The models of each speaker, in the order in which they speak.
    pub speakers: Vec<Cast>,
    /// Similar problems that were recalled, and so plans.
    pub k: usize,
    /// Repairs per plan.
    pub t: usize,
    /// One run per problem for each of these.
    pub temperatures: Vec<f32>,
    /// Seed of the first run; each further one has the next.
    pub seed: u64,
    /// The most tokens of a reply.
    pub max_tokens: u32,
    /// The most reviews of a run.
    pub rounds: usize,
    /// Whether programs had to pass all tests a second time.
    pub confirm: bool,
}

/// The models of one speaker of a [`Distilled`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cast {
    /// `teacher`, `student` or `supervisor`.
    pub who: String,
    /// By agent, as the ledger names them.
    pub models: BTreeMap<Agent, String>,
}

impl Distilled {
    /// A list of Markdown: the speakers with their models, then the numbers.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("Plan {}:\n\n", self.plan.short());
        for Cast { who, models } in &self.speakers {
            let distinct: BTreeSet<&String> = models.values().collect();
            let all = distinct.len() == 1;
            for model in distinct {
                let of_model = models.iter().filter(|(_, one)| *one == model);
                let agents: Vec<&str> = of_model.map(|(agent, _)| agent.name()).collect();
                text += &match all {
                    true => format!("- {who}: `{model}`\n"),
                    false => format!("- {who}, {}: `{model}`\n", agents.join(" and ")),
                };
            }
        }
        let runs: Vec<String> = (self.seed..)
            .zip(&self.temperatures)
            .map(|(seed, temperature)| format!("temperature {temperature} with seed {seed}"))
            .collect();
        text += &format!(
            "- k = {}, t = {}; a run of each problem for {}\n\
             - at most {} tokens a reply, and {} reviews of a run that failed\n",
            self.k,
            self.t,
            runs.join(", "),
            self.max_tokens,
            self.rounds
        );
        text += match self.confirm {
            true => "- programs passed all tests twice\n",
            false => "- programs passed all tests once\n",
        };
        text
    }
}
