//! Which adapter each agent speaks through, as the settings say.

mod shipped;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use domain::Agent;

use crate::assets::{DEFAULT_MODEL, LocalModel};
use crate::exit::{Exit, Failure};
use crate::settings::{Adapters, Settings};

/// The file of an adapter's settings, which its folder holds whatever else.
pub(crate) const CONFIG: &str = "adapter_config.json";
/// The file of an adapter's numbers.
pub(crate) const WEIGHTS: &str = "adapter_model.safetensors";

/// The adapters that the settings name: those that come with the program, or a folder with one for each agent or one
/// for all; and those of single agents. Agents without one use the model as it is.
///
/// # Errors
/// When the folder holds no adapter where one is looked for, or the program's own cannot be laid out.
pub(crate) fn of(settings: &Settings) -> anyhow::Result<BTreeMap<Agent, PathBuf>> {
    let mut adapters = match &settings.adapters {
        Adapters::Auto if is_for_default_model(settings) => shipped::lay_out(&settings.cache)?,
        Adapters::Auto | Adapters::None => BTreeMap::new(),
        Adapters::Folder(folder) => of_folder(folder)?,
    };
    for (agent, own) in &settings.agents {
        if let Some(path) = &own.adapter {
            adapters.insert(*agent, path.clone());
        } else if own.base_url.is_some() && settings.adapters == Adapters::Auto {
            adapters.remove(agent);
        }
    }
    Ok(adapters)
}

fn is_for_default_model(settings: &Settings) -> bool {
    let model = LocalModel::of(settings);
    settings.base_url.is_none()
        && matches!(model, Ok(LocalModel::Named(name)) if name == DEFAULT_MODEL)
}

fn of_folder(folder: &Path) -> anyhow::Result<BTreeMap<Agent, PathBuf>> {
    let adapters: BTreeMap<Agent, PathBuf> = Agent::ALL
        .into_iter()
        .filter_map(|agent| Some((agent, find(folder, agent)?)))
        .collect();
    if adapters.is_empty() {
        let message = format!("no adapter in {}", folder.display());
        return Err(Failure::new(Exit::Usage, message)
            .help(
                "name a folder that holds `retrieval`, `planning`, `coding` or `debugging`, each a folder of PEFT or \
                 a file that ends in `.gguf`; or one adapter for all agents",
            )
            .into());
    }
    Ok(adapters)
}

/// An agent's adapter in a folder, or the adapter itself where all agents share one.
fn find(folder: &Path, agent: Agent) -> Option<PathBuf> {
    if folder.is_file() || folder.join(CONFIG).is_file() {
        return Some(folder.to_path_buf());
    }
    let own = folder.join(agent.name());
    let file = own.with_extension("gguf");
    if own.is_dir() {
        Some(own)
    } else {
        file.is_file().then_some(file)
    }
}

#[cfg(test)]
mod tests;
