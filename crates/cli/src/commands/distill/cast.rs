//! Who answers in a plan.

use std::path::Path;
use std::sync::Arc;

use distill::plan::Speaker;
use domain::{Agent, Ask, Reply};
use futures_util::future::BoxFuture;
use llm::{ChatError, ChatModel};

use super::beside;
use crate::interrupt::Interrupt;
use crate::settings::{Override, Settings, Surroundings};
use crate::ui::Ui;
use crate::wiring::Model;

/// A model for each agent; agents that are answered for alike share one.
pub(super) struct Cast {
    /// In the order of the agents.
    models: Vec<Arc<Model>>,
}

impl Cast {
    fn answering(&self, agent: Agent) -> &Model {
        let at = Agent::ALL.iter().position(|other| *other == agent);
        &self.models[at.unwrap_or_default()]
    }
}

impl ChatModel for Cast {
    fn identity(&self, agent: Agent) -> String {
        self.answering(agent).identity(agent)
    }

    fn keeps_shapes(&self, agent: Agent) -> bool {
        self.answering(agent).keeps_shapes(agent)
    }

    fn chat<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Result<Reply, ChatError>> {
        self.answering(ask.agent).chat(ask)
    }
}

/// Loads models, each once however many speakers name it.
pub(super) struct Casting<'a> {
    /// Settings that all of them share.
    pub(super) overrides: Vec<Override>,
    pub(super) surroundings: &'a Surroundings,
    /// The folder that paths in the plan are relative to.
    pub(super) folder: &'a Path,
    pub(super) prices: Option<std::path::PathBuf>,
    pub(super) ui: &'a Ui,
    pub(super) interrupt: &'a Interrupt,
    pub(super) loaded: Vec<(Speaker, Arc<Model>)>,
}

impl Casting<'_> {
    /// Loads or connects whoever a speaker names.
    ///
    /// # Errors
    /// When a model cannot be had, or its settings are wrong.
    pub(super) fn cast(&mut self, speaker: &Speaker) -> anyhow::Result<Cast> {
        let mut models = Vec::new();
        for agent in Agent::ALL {
            let own = speaker.of(agent);
            let known = self.loaded.iter().find(|(loaded, _)| *loaded == own);
            let model = match known {
                Some((_, model)) => model.clone(),
                None => {
                    let settings = self.settings(&own)?;
                    let model = Arc::new(Model::of(&settings, self.ui, self.interrupt)?);
                    self.loaded.push((own, model.clone()));
                    model
                }
            };
            models.push(model);
        }
        Ok(Cast { models })
    }

    fn settings(&self, speaker: &Speaker) -> anyhow::Result<Settings> {
        let path = |name: &Option<String>| name.as_deref().map(|name| beside(self.folder, name));
        let grammar = speaker.grammar.map(|grammar| grammar.to_string());
        let own = [
            ("model", "`model` of the plan", path(&speaker.model)),
            (
                "base_url",
                "`base_url` of the plan",
                speaker.base_url.clone(),
            ),
            ("weights", "`weights` of the plan", speaker.weights.clone()),
            (
                "adapters",
                "`adapters` of the plan",
                path(&speaker.adapters).or(Some("none".to_string())),
            ),
            ("grammar", "`grammar` of the plan", grammar),
        ];
        let own = own.into_iter().filter_map(|(key, flag, value)| {
            let value = value?;
            Some(Override { key, flag, value })
        });
        let overrides: Vec<Override> = self.overrides.iter().cloned().chain(own).collect();
        let mut settings = Settings::load(self.surroundings, &overrides)?;
        if self.prices.is_some() {
            settings.prices.clone_from(&self.prices);
        }
        Ok(settings)
    }
}
