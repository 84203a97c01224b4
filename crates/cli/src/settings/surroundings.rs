use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// What the settings are read from, apart from the flags: environment, folders, and `--config`.
/// Plain data, so that tests need not touch the process's own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    /// Environment variables that hold something.
    pub(crate) environment: BTreeMap<String, String>,
    /// Where relative paths start and the search for `mapcoder.toml` begins.
    pub(crate) folder: PathBuf,
    /// The file given with `--config`.
    pub(crate) config: Option<PathBuf>,
}

/// The name of a project's settings file.
const PROJECT_FILE: &str = "mapcoder.toml";

/// The only source of the API key.
pub(super) const API_KEY: &str = "OPENAI_API_KEY";

/// The key of the Hugging Face Hub, as its own tools call it.
const HUB_TOKEN: &str = "HF_TOKEN";

/// A key of fewer bytes guards nothing.
const SHORTEST_KEY: usize = 8;

impl Surroundings {
    /// Those of this process. A variable that is empty counts as absent, as is usual.
    pub(crate) fn of_this_process(config: Option<PathBuf>) -> Surroundings {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| {
                let value = value.to_string_lossy().into_owned();
                (!value.is_empty()).then(|| (name.to_string_lossy().into_owned(), value))
            })
            .collect();
        Surroundings {
            environment,
            folder: std::env::current_dir().unwrap_or_default(),
            config,
        }
    }

    /// A variable's value.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str)
    }

    /// The key of the OpenAI-compatible server.
    pub(super) fn api_key(&self) -> Option<Secret> {
        self.variable(API_KEY).map(|key| Secret(key.to_string()))
    }

    /// The Hugging Face Hub, as its own tools find it.
    pub(super) fn hub(&self) -> Hub {
        let path = |name: &str| {
            self.variable(name)
                .map(|path| PathBuf::from(self.expand(path)))
        };
        let cache = || {
            let cache = self.variable("XDG_CACHE_HOME").map(PathBuf::from);
            cache.or_else(|| Some(Path::new(self.variable("HOME")?).join(".cache")))
        };
        let home = path("HF_HOME")
            .or_else(|| Some(cache()?.join("huggingface")))
            .map_or_else(|| self.folder.clone(), |home| self.folder.join(home));
        let is_on =
            |value: &str| ["1", "on", "yes", "true"].contains(&value.to_lowercase().as_str());
        Hub {
            cache: path("HF_HUB_CACHE")
                .map_or_else(|| home.join("hub"), |cache| self.folder.join(cache)),
            endpoint: self
                .variable("HF_ENDPOINT")
                .unwrap_or("https://huggingface.co")
                .trim_end_matches('/')
                .to_string(),
            token: match self.variable(HUB_TOKEN) {
                Some(token) => Some(Secret(token.to_string())),
                None => std::fs::read_to_string(home.join("token"))
                    .ok()
                    .map(|token| Secret(token.trim().to_string()))
                    .filter(|token| !token.0.is_empty()),
            },
            offline: self.variable("HF_HUB_OFFLINE").is_some_and(is_on),
        }
    }

    /// Replaces the keys, should they stand in a text that is about to be printed.
    /// Placeholders such as `none`, which local servers are given, are words of other texts too and stay.
    pub(crate) fn redact(&self, text: &str) -> String {
        [API_KEY, HUB_TOKEN]
            .into_iter()
            .filter_map(|name| self.variable(name))
            .filter(|key| key.len() >= SHORTEST_KEY)
            .fold(text.to_string(), |text, key| text.replace(key, "***"))
    }

    /// The folder of a kind of user file: `variable` if it is absolute, as the XDG base directory
    /// specification demands, else `below` the home folder.
    fn user_folder(&self, variable: &str, below: &str) -> Option<PathBuf> {
        let stated = self.variable(variable).map(PathBuf::from);
        stated
            .filter(|folder| folder.is_absolute())
            .or_else(|| Some(Path::new(self.variable("HOME")?).join(below)))
            .map(|folder| folder.join("mapcoder"))
    }

    /// Where the user's settings file is looked for; absent without a home folder.
    pub(crate) fn user_file(&self) -> Option<PathBuf> {
        Some(
            self.user_folder("XDG_CONFIG_HOME", ".config")?
                .join("config.toml"),
        )
    }

    /// Where the ledger lies unless a setting says otherwise.
    pub(super) fn default_ledger(&self) -> Option<PathBuf> {
        Some(
            self.user_folder("XDG_DATA_HOME", ".local/share")?
                .join("ledger.sqlite"),
        )
    }

    /// Where fetched files lie unless a setting says otherwise.
    pub(super) fn default_cache(&self) -> Option<PathBuf> {
        self.user_folder("XDG_CACHE_HOME", ".cache")
    }

    /// The project's settings file: the one given with `--config`, else the nearest `mapcoder.toml`
    /// in the current folder or one of its parents.
    pub(crate) fn project_file(&self) -> Option<PathBuf> {
        if let Some(config) = &self.config {
            return Some(self.folder.join(config));
        }
        self.folder
            .ancestors()
            .map(|folder| folder.join(PROJECT_FILE))
            .find(|file| file.is_file())
    }

    /// The folders of `PATH`; a relative one is left out, because it means another folder wherever one stands.
    pub(super) fn search_path(&self) -> Vec<PathBuf> {
        let folders = std::env::split_paths(self.variable("PATH").unwrap_or_default());
        folders.filter(|folder| folder.is_absolute()).collect()
    }

    /// The path with the home folder in place of a leading `~/`.
    pub(super) fn expand(&self, path: &str) -> String {
        match (path.strip_prefix("~/"), self.variable("HOME")) {
            (Some(rest), Some(home)) => Path::new(home).join(rest).to_string_lossy().into_owned(),
            _ => path.to_string(),
        }
    }

    /// The path as a reader likes it: relative to the current folder, or to home as `~/`.
    pub(crate) fn shorten(&self, path: &Path) -> String {
        if let Ok(inside) = path.strip_prefix(&self.folder)
            && !inside.as_os_str().is_empty()
        {
            return inside.display().to_string();
        }
        match self.variable("HOME").map(|home| path.strip_prefix(home)) {
            Some(Ok(inside)) => format!("~/{}", inside.display()),
            _ => path.display().to_string(),
        }
    }
}

/// The Hugging Face Hub: where its models are fetched from, and where they are kept.
#[derive(Debug, Clone)]
pub(crate) struct Hub {
    /// The folder that all of its tools share (`HF_HUB_CACHE`, or `hub` in `HF_HOME`).
    pub(crate) cache: PathBuf,
    /// Its address (`HF_ENDPOINT`), without a slash at the end.
    pub(crate) endpoint: String,
    /// The user's key (`HF_TOKEN`, or the file `token` in `HF_HOME`).
    pub(crate) token: Option<Secret>,
    /// Whether nothing is fetched (`HF_HUB_OFFLINE`).
    pub(crate) offline: bool,
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// The text, for the request header and nothing else.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}
