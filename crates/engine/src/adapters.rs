//! The adapters that an engine has loaded, and which agent speaks through which.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use domain::{Agent, Digest};
use model::{Adapter, AdapterError, Config, Source};

use crate::EngineError;

/// What an adapter is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterInfo {
    /// The digest of what it adds: equal for equal adapters, whatever files they come from.
    pub digest: Digest,
    /// The largest rank of its parts.
    pub rank: usize,
    /// Memory of its weights.
    pub n_bytes: usize,
    /// The tokens from whose last occurrence in a prompt on it acts; empty when it acts on every token.
    pub invocation: Vec<u32>,
}

impl AdapterInfo {
    pub(crate) fn of(adapter: &Adapter, digest: Digest) -> AdapterInfo {
        AdapterInfo {
            digest,
            rank: adapter.rank(),
            n_bytes: adapter.n_bytes(),
            invocation: adapter.invocation().to_vec(),
        }
    }
}

/// Reads an adapter for a model that is not loaded, and says what it is.
///
/// # Errors
/// When the model's dimensions cannot be used, or the adapter cannot be read or does not fit them.
pub fn adapter_info(path: &Path, source: &dyn Source) -> Result<AdapterInfo, EngineError> {
    let adapter =
        Adapter::load(path, &source.config()?).map_err(|source| EngineError::Adapter {
            path: path.to_path_buf(),
            source,
        })?;
    Ok(AdapterInfo::of(&adapter, Digest::of(adapter.to_bytes())))
}

/// An adapter in use. Requests that began with it keep it, whatever is loaded meanwhile.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) adapter: Adapter,
    pub(crate) digest: Digest,
    /// Equal for equal contents and for nothing else, over the engine's whole life: what the prefix cache goes by.
    pub(crate) serial: u64,
}

/// Which agent uses which adapter.
#[derive(Debug, Default)]
pub(crate) struct Adapters {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    by_agent: HashMap<Agent, Arc<Loaded>>,
    /// Every content that was ever loaded; contents that come back find what the cache still holds of them.
    serials: HashMap<Digest, u64>,
}

impl Adapters {
    /// Reads the adapters that agents begin with.
    pub(crate) fn load(
        paths: &[(Agent, PathBuf)],
        config: &Config,
    ) -> Result<Adapters, EngineError> {
        let adapters = Adapters::default();
        for (agent, path) in paths {
            adapters
                .set(*agent, Some(path), config)
                .map_err(|source| EngineError::Adapter {
                    path: path.clone(),
                    source,
                })?;
        }
        Ok(adapters)
    }

    /// Reads an adapter for an agent; `None` lets it speak through the base.
    pub(crate) fn set(
        &self,
        agent: Agent,
        path: Option<&Path>,
        config: &Config,
    ) -> Result<Option<Digest>, AdapterError> {
        let adapter = path.map(|path| Adapter::load(path, config)).transpose()?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let Some(adapter) = adapter else {
            state.by_agent.remove(&agent);
            return Ok(None);
        };
        let digest = Digest::of(adapter.to_bytes());
        let next = state.serials.len() as u64 + 1;
        let serial = *state.serials.entry(digest.clone()).or_insert(next);
        // Agents with equal adapters share one copy.
        let same = state
            .by_agent
            .values()
            .find(|loaded| loaded.serial == serial);
        let loaded = match same {
            Some(loaded) => Arc::clone(loaded),
            None => Arc::new(Loaded {
                adapter,
                digest: digest.clone(),
                serial,
            }),
        };
        state.by_agent.insert(agent, loaded);
        Ok(Some(digest))
    }

    /// What an agent speaks through now; `None` for the base.
    pub(crate) fn of(&self, agent: Agent) -> Option<Arc<Loaded>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.by_agent.get(&agent).cloned()
    }

    /// Memory of all adapters, each counted once.
    pub(crate) fn n_bytes(&self) -> usize {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let mut seen: HashMap<u64, usize> = HashMap::new();
        for loaded in state.by_agent.values() {
            seen.insert(loaded.serial, loaded.adapter.n_bytes());
        }
        seen.values().sum()
    }
}

/// From which token of its conversation on a request is served by an adapter.
#[derive(Debug, Clone)]
pub(crate) struct Cover {
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) first_token: usize,
}

impl Cover {
    /// How an adapter covers a prompt. An activated adapter acts from the last occurrence of its invocation tokens on,
    /// and not at all in a prompt without them.
    pub(crate) fn of(loaded: Arc<Loaded>, prompt: &[u32]) -> Option<Cover> {
        let invocation = loaded.adapter.invocation();
        let first_token = if invocation.is_empty() {
            0
        } else {
            prompt
                .windows(invocation.len())
                .rposition(|window| window == invocation)?
        };
        Some(Cover {
            loaded,
            first_token,
        })
    }
}
