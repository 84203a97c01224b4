use std::fmt;
use std::path::{Path, PathBuf};

use crate::{assets, hub};

/// What a setting holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// A model: a path when it ends in `.gguf` or is a folder, a name on the Hugging Face Hub when it begins
    /// with `hf:`, a recording when it begins with `replay:`, else a name in the cache or on a server.
    Model,
    /// The address of a server.
    Url,
    /// A file or folder; in a settings file, relative to that file.
    Path,
    /// One of some words, or a file or folder that is not called so.
    WordOrPath(&'static [&'static str]),
    /// A whole number within bounds.
    Count(u64, u64),
    /// A number within bounds.
    Number(f64, f64),
    /// `true` or `false`.
    Switch,
    /// One of some words.
    Choice(&'static [&'static str]),
    /// Any of some words, with commas between them.
    Words(&'static [&'static str]),
}

/// One setting.
#[derive(Debug)]
pub(super) struct Key {
    /// Its name in files, with dots between tables.
    pub(super) name: &'static str,
    /// What it holds.
    pub(super) kind: Kind,
    /// Its value when nobody sets it; absent when there is none or the program chooses.
    pub(super) default: Option<&'static str>,
}

impl Key {
    const fn new(name: &'static str, kind: Kind, default: Option<&'static str>) -> Key {
        Key {
            name,
            kind,
            default,
        }
    }

    /// The key with this name.
    pub(super) fn find(name: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The environment variable that sets it.
    pub(super) fn variable(&self) -> String {
        match self.name {
            "base_url" => "OPENAI_BASE_URL".to_string(),
            name => format!("MAPCODER_{}", name.replace('.', "_").to_uppercase()),
        }
    }
}

const MANY: u64 = u32::MAX as u64;
/// Seeds travel through TOML and JSON, whose whole numbers are signed.
const LARGEST_SEED: u64 = i64::MAX as u64;

/// The names of the languages that the judge knows.
const LANGUAGES: &[&str] = &[
    "python",
    "pypy",
    "c",
    "cpp",
    "cpp20",
    "rust",
    "java",
    "javascript",
    "go",
    "csharp",
    "kotlin",
    "php",
    "ruby",
];

/// All settings, in the order in which they are shown.
pub(super) static KEYS: &[Key] = &[
    Key::new("model", Kind::Model, None),
    Key::new(
        "weights",
        Kind::Choice(&["auto", "q8_0", "q4_1", "f32"]),
        Some("auto"),
    ),
    Key::new(
        "device",
        Kind::Choice(&[
            "cpu", "cuda", "cuda:1", "cuda:2", "cuda:3", "cuda:4", "cuda:5", "cuda:6", "cuda:7",
        ]),
        Some("cpu"),
    ),
    Key::new("base_url", Kind::Url, None),
    Key::new(
        "adapters",
        Kind::WordOrPath(&["auto", "none"]),
        Some("auto"),
    ),
    Key::new("agents.retrieval.model", Kind::Model, None),
    Key::new("agents.retrieval.base_url", Kind::Url, None),
    Key::new("agents.retrieval.adapter", Kind::Path, None),
    Key::new("agents.planning.model", Kind::Model, None),
    Key::new("agents.planning.base_url", Kind::Url, None),
    Key::new("agents.planning.adapter", Kind::Path, None),
    Key::new("agents.coding.model", Kind::Model, None),
    Key::new("agents.coding.base_url", Kind::Url, None),
    Key::new("agents.coding.adapter", Kind::Path, None),
    Key::new("agents.debugging.model", Kind::Model, None),
    Key::new("agents.debugging.base_url", Kind::Url, None),
    Key::new("agents.debugging.adapter", Kind::Path, None),
    Key::new("sampling.temperature", Kind::Number(0.0, 100.0), Some("0")),
    Key::new("sampling.top_p", Kind::Number(0.0, 1.0), Some("0.95")),
    Key::new("sampling.top_k", Kind::Count(0, MANY), Some("40")),
    Key::new("sampling.min_p", Kind::Number(0.0, 1.0), Some("0")),
    Key::new("sampling.max_tokens", Kind::Count(1, MANY), Some("1024")),
    Key::new("sampling.seed", Kind::Count(0, LARGEST_SEED), Some("0")),
    Key::new(
        "strategy",
        Kind::Choice(&agents::Strategy::NAMES),
        Some("mapcoder"),
    ),
    Key::new("k", Kind::Count(1, 100), Some("3")),
    Key::new("t", Kind::Count(0, 100), Some("5")),
    Key::new("n", Kind::Count(1, 1000), Some("10")),
    Key::new("without", Kind::Words(&agents::Without::NAMES), None),
    Key::new("language", Kind::Choice(LANGUAGES), Some("python")),
    Key::new("concurrency", Kind::Count(1, 100_000), None),
    Key::new("n_parallel", Kind::Count(1, 1024), None),
    Key::new("threads", Kind::Count(1, 4096), None),
    Key::new("context", Kind::Count(1, MANY), None),
    Key::new("grammar", Kind::Switch, Some("false")),
    Key::new("lookup", Kind::Switch, None),
    Key::new("prompts", Kind::Path, None),
    Key::new("ledger", Kind::Path, None),
    Key::new("cache", Kind::Path, None),
    Key::new("judge.cells", Kind::Count(1, 4096), None),
    Key::new(
        "judge.min_rung",
        Kind::Choice(&["landlock", "userns", "full"]),
        Some("landlock"),
    ),
    Key::new("judge.allow_weak", Kind::Switch, Some("false")),
    Key::new("budget.calls", Kind::Count(1, LARGEST_SEED), None),
    Key::new("budget.tokens", Kind::Count(1, LARGEST_SEED), None),
    Key::new("budget.cost", Kind::Number(0.0, f64::MAX), None),
    Key::new("budget.seconds", Kind::Number(0.0, 1e9), None),
    Key::new("prices", Kind::Path, None),
    Key::new("timeout", Kind::Number(0.001, 1e6), Some("600")),
    Key::new("max_attempts", Kind::Count(1, 1000), Some("5")),
];

/// What a setting is set to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Path(PathBuf),
    HubModel(String),
    Recording(PathBuf),
    Count(u64),
    Number(f64),
    Switch(bool),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) | Value::HubModel(text) => f.write_str(text),
            Value::Path(path) => write!(f, "{}", path.display()),
            Value::Recording(path) => write!(f, "{}{}", assets::REPLAY, path.display()),
            Value::Count(count) => write!(f, "{count}"),
            Value::Number(number) => write!(f, "{number}"),
            Value::Switch(switch) => write!(f, "{switch}"),
        }
    }
}

impl Kind {
    /// Reads a value; `folder` is where relative paths start.
    ///
    /// # Errors
    /// What was expected, to be said after "expected".
    pub(super) fn parse(self, text: &str, folder: &Path) -> Result<Value, String> {
        match self {
            Kind::Model if text.starts_with(hub::PREFIX) => match hub::Reference::parse(text) {
                Some(Ok(_)) => Ok(Value::HubModel(text.to_string())),
                _ => Err("`hf:OWNER/NAME` or `hf:OWNER/NAME/FILE.gguf`".to_string()),
            },
            Kind::Model if text.starts_with(assets::REPLAY) => {
                match &text[assets::REPLAY.len()..] {
                    "" => Err("`replay:FILE`".to_string()),
                    file => Ok(Value::Recording(folder.join(file))),
                }
            }
            Kind::Model if text.ends_with(".gguf") || is_folder(text, folder) => {
                Kind::Path.parse(text, folder)
            }
            Kind::Model if text.is_empty() => Err("the name of a model, or a file".to_string()),
            Kind::Model => Ok(Value::Text(text.to_string())),
            Kind::Url => parse_url(text),
            Kind::Path if text.is_empty() => Err("a path".to_string()),
            Kind::Path => Ok(Value::Path(folder.join(text))),
            Kind::WordOrPath(words) if words.contains(&text) => Ok(Value::Text(text.to_string())),
            Kind::WordOrPath(_) => Kind::Path.parse(text, folder),
            Kind::Count(least, most) => text
                .parse()
                .ok()
                .filter(|count| (least..=most).contains(count))
                .map(Value::Count)
                .ok_or_else(|| format!("a whole number from {least} to {most}")),
            Kind::Number(least, most) => text
                .parse()
                .ok()
                .filter(|number| (least..=most).contains(number))
                .map(Value::Number)
                .ok_or_else(|| {
                    if most == f64::MAX {
                        format!("a number from {least}")
                    } else {
                        format!("a number from {least} to {most}")
                    }
                }),
            Kind::Switch => match text {
                "true" | "1" | "yes" | "on" => Ok(Value::Switch(true)),
                "false" | "0" | "no" | "off" => Ok(Value::Switch(false)),
                _ => Err("`true` or `false`".to_string()),
            },
            Kind::Words(words) => {
                let given: Vec<&str> = text.split(',').map(str::trim).collect();
                if given.iter().all(|word| words.contains(word)) {
                    Ok(Value::Text(given.join(",")))
                } else {
                    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                    Err(format!(
                        "some of {}, with commas between them",
                        words.join(", ")
                    ))
                }
            }
            Kind::Choice(words) if words.contains(&text) => Ok(Value::Text(text.to_string())),
            Kind::Choice(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                Err(words.join(" or "))
            }
        }
    }
}

/// True for what is written as a path and is a folder with a model. `owner/name` is a name on a server.
fn is_folder(text: &str, folder: &Path) -> bool {
    let is_path = ["/", "./", "../"]
        .iter()
        .any(|start| text.starts_with(start))
        || text.ends_with('/');
    is_path && folder.join(text).join("config.json").is_file()
}

/// Secrets do not belong in addresses: those are shown and recorded.
fn parse_url(text: &str) -> Result<Value, String> {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    let Some(rest) = rest else {
        return Err("an address that begins with `http://` or `https://`".to_string());
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() || text.contains(char::is_whitespace) {
        return Err("an address with a host".to_string());
    }
    if authority.contains('@') || text.contains(['?', '#']) {
        return Err(
            "an address without user name, password or query; a key goes into OPENAI_API_KEY"
                .to_string(),
        );
    }
    Ok(Value::Text(text.trim_end_matches('/').to_string()))
}
