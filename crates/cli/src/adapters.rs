//! Which adapter each agent speaks through, as the settings say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use domain::Agent;

use crate::exit::{Exit, Failure};
use crate::settings::Settings;

/// What the folder of an adapter holds, whatever else.
const CONFIG: &str = "adapter_config.json";

/// The adapters that the settings name: a folder with one for each agent or one for all, and those of single agents.
/// Agents without one use the model as it is.
///
/// # Errors
/// When the folder holds no adapter where one is looked for.
pub(crate) fn of(settings: &Settings) -> Result<BTreeMap<Agent, PathBuf>, Failure> {
    let mut adapters = BTreeMap::new();
    if let Some(folder) = &settings.adapters {
        let found = Agent::ALL
            .into_iter()
            .filter_map(|agent| Some((agent, find(folder, agent)?)));
        adapters.extend(found);
        if adapters.is_empty() {
            let message = format!("no adapter in {}", folder.display());
            return Err(Failure::new(Exit::Usage, message).help(
                "name a folder that holds `retrieval`, `planning`, `coding` or `debugging`, each a folder of PEFT or \
                 a file that ends in `.gguf`; or one adapter for all agents",
            ));
        }
    }
    for (agent, own) in &settings.agents {
        if let Some(path) = &own.adapter {
            adapters.insert(*agent, path.clone());
        }
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
