//! The adapters that come with the program: one for each agent, on the default model.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use domain::{Agent, Digest};

use super::{CONFIG, WEIGHTS};
use crate::assets::io_error;
use crate::draft::Draft;

/// The two files of an adapter.
macro_rules! files {
    ($agent:literal) => {
        (
            include_bytes!(concat!("../../adapters/", $agent, "/adapter_config.json")).as_slice(),
            include_bytes!(concat!(
                "../../adapters/",
                $agent,
                "/adapter_model.safetensors"
            ))
            .as_slice(),
        )
    };
}

/// Settings and numbers of an agent's adapter.
fn files(agent: Agent) -> (&'static [u8], &'static [u8]) {
    match agent {
        Agent::Retrieval => files!("retrieval"),
        Agent::Planning => files!("planning"),
        Agent::Coding => files!("coding"),
        Agent::Debugging => files!("debugging"),
    }
}

/// Lays the adapters out in the cache, where they are not yet, and says where each is. A folder is called by the digest
/// of what it holds, so that another version of the program has others.
///
/// # Errors
/// When they cannot be written.
pub(super) fn lay_out(cache: &Path) -> anyhow::Result<BTreeMap<Agent, PathBuf>> {
    Agent::ALL
        .into_iter()
        .map(|agent| {
            let (config, weights) = files(agent);
            let digest =
                Digest::of_reader(config.chain(weights)).map_err(io_error("read", cache))?;
            let place = cache
                .join("adapters")
                .join(format!("{agent}-{}", digest.short()));
            if !place.is_dir() {
                let written = write(&place, config, weights);
                // Another process may have been first.
                if !place.is_dir() {
                    written?;
                }
            }
            Ok((agent, place))
        })
        .collect()
}

fn write(place: &Path, config: &[u8], weights: &[u8]) -> anyhow::Result<()> {
    let draft = Draft::begin(place)?;
    draft.write(CONFIG, config)?;
    draft.write(WEIGHTS, weights)?;
    draft.finish()
}
