//! Models of the Hugging Face Hub: `hf:OWNER/NAME` for a folder of safetensors, `hf:OWNER/NAME/FILE.gguf` for a file;
//! and files of its data sets: `hf:OWNER/NAME/FILE`.
//!
//! 1. [`Reference::parse`] reads the name of a model, [`Reference::parse_data`] that of a data set's file.
//! 2. [`ensure`] answers with the model's path in the cache that all of Hugging Face's tools share
//!    (`HF_HOME`, `HF_HUB_CACHE`), fetching it first if it has to; [`refresh`] fetches what has changed.
//!
//! `refs/main` in the cache names a snapshot only when all its files are there and right.

use std::fmt;
use std::path::PathBuf;

use hf_hub::{Cache, CacheRepo, Repo, RepoType};
use serde_json::Value;

use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::settings::Hub;
use crate::ui::{Ui, megabytes};

mod fetch;

/// What a name of a model begins with when it lies on the hub.
pub(crate) const PREFIX: &str = "hf:";

const INDEX: &str = "model.safetensors.index.json";
const SINGLE: &str = "model.safetensors";

/// A model or a file of a data set on the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// True for a data set's repository: models and data sets have names apart.
    pub(crate) is_data: bool,
    /// `OWNER/NAME`.
    pub(crate) repo: String,
    /// A file in it; absent: a folder of safetensors.
    pub(crate) file: Option<String>,
}

/// Why a model of the hub could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Not a name of this form.
    #[error("`{0}` is no model of the Hugging Face Hub")]
    Name(String),
    /// Not a name of a data set's file.
    #[error("`{0}` is no file of a data set of the Hugging Face Hub")]
    DataName(String),
    /// Not in the cache, and no network is wanted.
    #[error("{0} is not in the cache, and HF_HUB_OFFLINE forbids to fetch it")]
    Offline(Reference),
    /// The hub has no such repository or file.
    #[error("{0} is not on {1}")]
    NotFound(Reference, String),
    /// The hub wants to know who asks.
    #[error("{0} is not open to you on {1}, or is not there")]
    Unauthorised(Reference, String),
    /// The repository holds nothing that this program reads.
    #[error("{reference} has no safetensors of the usual names{}", .ggufs.as_ref().map_or(String::new(), |one| format!(", but {one}")))]
    NoWeights {
        reference: Reference,
        ggufs: Option<String>,
    },
    /// The hub cannot be reached, or answered with something else than expected.
    #[error("failed to fetch {reference} from {endpoint}: {reason}")]
    Failed {
        reference: Reference,
        endpoint: String,
        reason: String,
    },
    /// A file that came is not the one that the hub promised. It has been removed.
    #[error("refused {file} of {reference}: {reason}")]
    Damaged {
        reference: Reference,
        file: String,
        reason: String,
    },
    /// The disk is too full.
    #[error("failed to fetch {file} of {reference}: {} are free in {}, {} are needed", megabytes(*.free), .folder.display(), megabytes(*.needed))]
    Space {
        reference: Reference,
        file: String,
        folder: PathBuf,
        free: u64,
        needed: u64,
    },
    /// The user stopped it.
    #[error("stopped before {0} was here; the same command continues")]
    Interrupted(Reference),
}

impl Error {
    /// The exit code that this comes to.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Error::Name(_) | Error::DataName(_) | Error::NotFound(..) | Error::NoWeights { .. } => {
                Exit::Usage
            }
            Error::Interrupted(_) => Exit::Interrupted,
            _ => Exit::Failure,
        }
    }

    /// What the user can do about it.
    pub(crate) fn help(&self) -> Option<String> {
        let help = match self {
            Error::Name(_) => "write `hf:OWNER/NAME`, or `hf:OWNER/NAME/FILE.gguf` for one file",
            Error::DataName(_) => {
                "write `hf:OWNER/NAME/FILE`, such as `hf:codeparrot/apps/test.jsonl`"
            }
            Error::Offline(_) => "unset HF_HUB_OFFLINE, or fetch it on a machine with a network",
            Error::NotFound(..) => "check the name on its page of the hub",
            Error::Unauthorised(..) => {
                "check the name; for a private or gated model set HF_TOKEN, and accept its terms on the hub"
            }
            Error::NoWeights { ggufs: Some(_), .. } => "add the file's name after another `/`",
            Error::NoWeights { .. } => "name a model in safetensors, or a GGUF file",
            Error::Failed { .. } => {
                "connect to the network and run the same command again; HF_ENDPOINT names another hub"
            }
            Error::Damaged { .. } => "run the same command again",
            Error::Space { .. } => "free some space, or set HF_HOME to a folder elsewhere",
            Error::Interrupted(_) => return None,
        };
        Some(help.to_string())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.repo)?;
        match &self.file {
            Some(file) => write!(f, "/{file}"),
            None => Ok(()),
        }
    }
}

impl Reference {
    /// Reads a name that begins with [`PREFIX`]; none when it does not.
    ///
    /// # Errors
    /// When the rest names no repository, or a file that is no GGUF.
    pub(crate) fn parse(text: &str) -> Option<Result<Reference, Error>> {
        let parts: Vec<&str> = text.strip_prefix(PREFIX)?.split('/').collect();
        let is_sane = parts.iter().all(|part| is_plain(part));
        Some(match parts.as_slice() {
            [owner, name] if is_sane => Ok(Reference {
                is_data: false,
                repo: format!("{owner}/{name}"),
                file: None,
            }),
            [owner, name, file @ ..] if is_sane && text.ends_with(".gguf") => Ok(Reference {
                is_data: false,
                repo: format!("{owner}/{name}"),
                file: Some(file.join("/")),
            }),
            _ => Err(Error::Name(text.to_string())),
        })
    }

    /// Reads the name of a data set's file that begins with [`PREFIX`]; none when it does not.
    ///
    /// # Errors
    /// When the rest names no file of a repository.
    pub(crate) fn parse_data(text: &str) -> Option<Result<Reference, Error>> {
        let parts: Vec<&str> = text.strip_prefix(PREFIX)?.split('/').collect();
        Some(match parts.as_slice() {
            [owner, name, file @ ..]
                if !file.is_empty() && parts.iter().all(|part| is_plain(part)) =>
            {
                Ok(Reference {
                    is_data: true,
                    repo: format!("{owner}/{name}"),
                    file: Some(file.join("/")),
                })
            }
            _ => Err(Error::DataName(text.to_string())),
        })
    }

    /// The last part of the repository's name.
    pub(crate) fn short_name(&self) -> &str {
        self.repo.rsplit('/').next().unwrap_or(&self.repo)
    }

    fn in_cache(&self, hub: &Hub) -> CacheRepo {
        Cache::new(hub.cache.clone()).repo(self.at_revision("main"))
    }

    fn at_revision(&self, revision: &str) -> Repo {
        let kind = match self.is_data {
            true => RepoType::Dataset,
            false => RepoType::Model,
        };
        Repo::with_revision(self.repo.clone(), kind, revision.to_string())
    }

    /// Where it lies in the cache, if it is there with all its weights. Never touches the network.
    pub(crate) fn path(&self, hub: &Hub) -> Option<PathBuf> {
        let cache = self.in_cache(hub);
        if let Some(file) = &self.file {
            return cache.get(file);
        }
        let config = cache.get("config.json")?;
        cache.get("tokenizer.json")?;
        match cache.get(INDEX) {
            Some(index) => {
                let index: Value = serde_json::from_slice(&std::fs::read(index).ok()?).ok()?;
                let is_here = |file: &String| is_plain(file) && cache.get(file).is_some();
                shards(&index).iter().all(is_here).then_some(())?;
            }
            None => drop(cache.get(SINGLE)?),
        }
        Some(config.parent()?.to_path_buf())
    }
}

/// The files of weights that an index names.
fn shards(index: &Value) -> Vec<String> {
    let map = index["weight_map"].as_object();
    let mut files: Vec<String> = map
        .into_iter()
        .flat_map(|map| map.values())
        .map(|file| file.as_str().unwrap_or_default().to_string())
        .collect();
    files.sort_unstable();
    files.dedup();
    files
}

/// True for what can be one part of a path and of an address, and leads nowhere else.
fn is_plain(part: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.+=".contains(c);
    !part.is_empty() && part.len() < 256 && part.chars().all(allowed) && !part.starts_with('.')
}

/// The path of a model in the cache; fetches it first if it is not there.
/// Never touches the network when it is.
///
/// # Errors
/// When it is not there and cannot be fetched.
pub(crate) fn ensure(
    reference: &Reference,
    hub: &Hub,
    ui: &Ui,
    interrupt: &Interrupt,
) -> Result<PathBuf, Error> {
    match reference.path(hub) {
        Some(path) => Ok(path),
        None => refresh(reference, hub, ui, interrupt),
    }
}

/// Fetches whatever of a model is not in the cache as it now is on the hub.
///
/// # Errors
/// When it cannot be had.
pub(crate) fn refresh(
    reference: &Reference,
    hub: &Hub,
    ui: &Ui,
    interrupt: &Interrupt,
) -> Result<PathBuf, Error> {
    if hub.offline {
        return reference
            .path(hub)
            .ok_or_else(|| Error::Offline(reference.clone()));
    }
    fetch::fetch(reference, hub, ui, interrupt)
}

#[cfg(test)]
mod tests;
