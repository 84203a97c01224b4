//! How a set of adapters does on what it was not trained on.

use std::path::Path;

use domain::Agent;
use evaluation::ProblemResult;
use evaluation::compare::Side;

use super::Adapters;
use super::plan::LoopPlan;
use super::report::Measured;
use crate::args::EvalArgs;
use crate::commands::distill::beside;
use crate::commands::eval::{Evaluated, conclude, evaluate};
use crate::interrupt::Interrupt;
use crate::settings::{Override, Settings, Surroundings};
use crate::ui::Ui;

/// What adapters are measured with.
pub(super) struct Bench<'a> {
    pub(super) plan: &'a LoopPlan,
    /// The folder that paths in the plan are relative to.
    pub(super) folder: &'a Path,
    pub(super) overrides: Vec<Override>,
    pub(super) surroundings: &'a Surroundings,
    pub(super) ui: &'a Ui,
    pub(super) interrupt: &'a Interrupt,
}

/// What a set of adapters did.
pub(super) struct Results(Vec<Evaluated>);

impl Results {
    /// All of it, to be compared.
    pub(super) fn side(&self, name: &str) -> Side {
        let results = self.0.iter().flat_map(|one| &one.finished.results);
        Side::new(name, results.collect::<Vec<&ProblemResult>>())
    }

    pub(super) fn into_measured(self, name: &str) -> Measured {
        Measured {
            name: name.to_string(),
            summaries: self.0.iter().map(Evaluated::summary).collect(),
        }
    }
}

impl Bench<'_> {
    /// Evaluates a set of adapters on everything that the plan measures on, as `mapcoder eval` does.
    ///
    /// # Errors
    /// When the data, the model or the judge cannot be had, or part of the work is left.
    pub(super) fn measure(&self, adapters: &Adapters) -> anyhow::Result<Results> {
        let mut all = Vec::new();
        for measure in &self.plan.evaluate {
            let args = EvalArgs {
                data: beside(self.folder, &measure.data),
                limit: measure.limit,
                filter: measure.filter.clone(),
                draws: 1,
                ..EvalArgs::default()
            };
            let settings = self.settings(adapters)?;
            let evaluated = evaluate(&args, &settings, self.ui, self.interrupt)?;
            conclude(&args, &evaluated.finished, self.interrupt)?;
            all.push(evaluated);
        }
        Ok(Results(all))
    }

    fn settings(&self, adapters: &Adapters) -> anyhow::Result<Settings> {
        let plan = self.plan;
        let adapter = |agent: Agent| match agent {
            Agent::Retrieval => "agents.retrieval.adapter",
            Agent::Planning => "agents.planning.adapter",
            Agent::Coding => "agents.coding.adapter",
            Agent::Debugging => "agents.debugging.adapter",
        };
        let set = |key, value: String| Override {
            key,
            flag: "the plan",
            value,
        };
        let own = [
            set("model", beside(self.folder, &plan.base_model)),
            // The loop trains what runs here, whatever server the settings name.
            set("base_url", String::new()),
            set("adapters", "none".to_string()),
            set("strategy", "mapcoder".to_string()),
            set("k", plan.k.to_string()),
            set("t", plan.t.to_string()),
            set("sampling.max_tokens", plan.max_tokens.to_string()),
            set("sampling.temperature", "0".to_string()),
            set("grammar", plan.grammar.to_string()),
        ];
        let mut overrides = [self.overrides.as_slice(), &own].concat();
        for (agent, path) in adapters {
            let path = std::path::absolute(path)?;
            overrides.push(set(adapter(*agent), path.display().to_string()));
        }
        Ok(Settings::load(self.surroundings, &overrides)?)
    }
}
