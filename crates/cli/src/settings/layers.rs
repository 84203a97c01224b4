use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Error;
use super::keys::{KEYS, Key, Kind, Value};
use super::surroundings::{API_KEY, Surroundings};

/// A setting given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Override {
    /// The setting's name.
    pub(crate) key: &'static str,
    /// The flag that sets it, such as `--top-p`.
    pub(crate) flag: &'static str,
    /// What to.
    pub(crate) value: String,
}

/// Where a value comes from, weakest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// The program.
    Default,
    /// The user's settings file, as the reader likes its path, and the line.
    UserFile(String, usize),
    /// The project's settings file or that of `--config`, and the line.
    ProjectFile(String, usize),
    /// This environment variable.
    Environment(String),
    /// This flag.
    Flag(&'static str),
}

impl Origin {
    /// How strong the layer is; a stronger one wins.
    pub(super) fn strength(&self) -> u8 {
        match self {
            Origin::Default => 0,
            Origin::UserFile(..) => 1,
            Origin::ProjectFile(..) => 2,
            Origin::Environment(_) => 3,
            Origin::Flag(_) => 4,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::UserFile(path, line) | Origin::ProjectFile(path, line) => {
                write!(f, "{path}:{line}")
            }
            Origin::Environment(variable) => f.write_str(variable),
            Origin::Flag(flag) => f.write_str(flag),
        }
    }
}

/// Values by the names of their keys, each with its origin.
pub(super) type Layers = BTreeMap<&'static str, (Value, Origin)>;

/// Lays all sources over each other, the strongest last.
pub(super) fn read(surroundings: &Surroundings, overrides: &[Override]) -> Result<Layers, Error> {
    let mut layers = Layers::new();
    let here = surroundings.folder.as_path();
    for key in KEYS {
        if let Some(default) = key.default {
            let value = key.kind.parse(default, here);
            let value = value.expect("defaults are valid");
            layers.insert(key.name, (value, Origin::Default));
        }
    }
    let user_file = surroundings.user_file().filter(|file| file.is_file());
    if let Some(path) = user_file {
        read_file(&path, Origin::UserFile, surroundings, &mut layers)?;
    }
    if let Some(path) = surroundings.project_file() {
        read_file(&path, Origin::ProjectFile, surroundings, &mut layers)?;
    }
    read_environment(surroundings, &mut layers)?;
    for given in overrides {
        let key = Key::find(given.key).expect("flags name known keys");
        let origin = Origin::Flag(given.flag);
        set(
            key,
            &surroundings.expand(&given.value),
            here,
            origin,
            &mut layers,
        )?;
    }
    Ok(layers)
}

fn set(
    key: &'static Key,
    text: &str,
    folder: &Path,
    origin: Origin,
    layers: &mut Layers,
) -> Result<(), Error> {
    // An empty address takes back one that a weaker layer set.
    if key.kind == Kind::Url && text.is_empty() {
        layers.remove(key.name);
        return Ok(());
    }
    match key.kind.parse(text, folder) {
        Ok(value) => {
            layers.insert(key.name, (value, origin));
            Ok(())
        }
        Err(expected) => Err(Error::Value {
            key: key.name,
            // A refused address may hold a password.
            value: (key.kind != Kind::Url).then(|| text.to_string()),
            origin,
            expected,
        }),
    }
}

fn read_environment(surroundings: &Surroundings, layers: &mut Layers) -> Result<(), Error> {
    // The older name first, so that the newer one wins.
    for name in ["OPENAI_API_BASE", "OPENAI_BASE_URL"] {
        if let Some(value) = surroundings.variable(name) {
            let key = Key::find("base_url").expect("a known key");
            let origin = Origin::Environment(name.to_string());
            set(key, value, &surroundings.folder, origin, layers)?;
        }
    }
    for (name, value) in &surroundings.environment {
        // Variables of the test suite are no settings.
        if !name.starts_with("MAPCODER_") || name.starts_with("MAPCODER_TEST_") {
            continue;
        }
        let Some(key) = KEYS.iter().find(|key| key.variable() == *name) else {
            return Err(Error::UnknownVariable {
                name: name.clone(),
                nearest: match name.as_str() {
                    "MAPCODER_API_KEY" => Some(API_KEY.to_string()),
                    "MAPCODER_BASE_URL" => Some("OPENAI_BASE_URL".to_string()),
                    _ => nearest(name, KEYS.iter().map(Key::variable)),
                },
            });
        };
        let origin = Origin::Environment(name.clone());
        let value = surroundings.expand(value);
        set(key, &value, &surroundings.folder, origin, layers)?;
    }
    Ok(())
}

fn read_file(
    path: &Path,
    origin: fn(String, usize) -> Origin,
    surroundings: &Surroundings,
    layers: &mut Layers,
) -> Result<(), Error> {
    let shown = surroundings.shorten(path);
    let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
        path: shown.clone(),
        source,
    })?;
    let line_of = |offset: usize| 1 + text[..offset].matches('\n').count();
    let table = DeTable::parse(&text).map_err(|error| Error::Syntax {
        path: shown.clone(),
        line: line_of(error.span().map_or(0, |span| span.start).min(text.len())),
        message: error.message().to_string(),
    })?;
    let mut entries = Vec::new();
    flatten("", table.get_ref(), &mut entries);
    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
    for (name, offset, value) in entries {
        let line = line_of(offset);
        if name.ends_with("api_key") {
            return Err(Error::SecretInFile { path: shown, line });
        }
        let groups = KEYS.iter().filter_map(|key| key.name.rsplit_once('.'));
        let mut groups = groups.map(|(group, _)| group);
        if groups.clone().any(|group| group == name) {
            let found = value.type_str();
            let origin = origin(shown, line);
            return Err(Error::Type {
                key: name,
                origin,
                found,
            });
        }
        let Some(key) = Key::find(&name) else {
            let names = KEYS.iter().map(|key| key.name).chain(&mut groups);
            return Err(Error::UnknownKey {
                nearest: nearest(&name, names.map(str::to_string)),
                key: name,
                path: shown,
                line,
            });
        };
        let origin = origin(shown.clone(), line);
        let Some(text) = as_text(value, key.kind) else {
            return Err(Error::Type {
                key: name,
                origin,
                found: value.type_str(),
            });
        };
        set(key, &surroundings.expand(&text), &folder, origin, layers)?;
    }
    Ok(())
}

/// The leaves of a table: dotted name, offset of the key in the file, value.
/// A table where a plain value belongs is a leaf too, and so is an empty one, so that no misspelt name is passed over.
fn flatten<'t, 'i>(
    prefix: &str,
    table: &'t DeTable<'i>,
    leaves: &mut Vec<(String, usize, &'t DeValue<'i>)>,
) {
    for (key, value) in table {
        let name = format!("{prefix}{}", key.get_ref());
        let is_group = KEYS
            .iter()
            .any(|known| known.name.starts_with(&format!("{name}.")));
        match Spanned::get_ref(value) {
            DeValue::Table(inner) if is_group => flatten(&format!("{name}."), inner, leaves),
            value => leaves.push((name, key.span().start, value)),
        }
    }
}

/// A scalar of the type that the key wants, as text.
fn as_text(value: &DeValue<'_>, kind: Kind) -> Option<String> {
    match (kind, value) {
        (Kind::Count(..) | Kind::Number(..), DeValue::Integer(integer)) => {
            let plain = integer.radix() == 10;
            plain.then(|| integer.as_str().replace('_', ""))
        }
        (Kind::Number(..), DeValue::Float(float)) => Some(float.as_str().replace('_', "")),
        (Kind::Switch, DeValue::Boolean(switch)) => Some(switch.to_string()),
        (
            Kind::Model | Kind::Url | Kind::Path | Kind::WordOrPath(_) | Kind::Choice(_),
            DeValue::String(text),
        ) => Some(text.to_string()),
        _ => None,
    }
}

/// The known name that a misspelt one probably means.
/// The last part of a dotted name counts too, so that `temperature` finds `sampling.temperature`.
fn nearest(name: &str, known: impl Iterator<Item = String>) -> Option<String> {
    known
        .map(|candidate| {
            let whole = strsim::normalized_damerau_levenshtein(name, &candidate);
            let last = candidate.rsplit('.').next().unwrap_or_default();
            let part = strsim::normalized_damerau_levenshtein(name, last) - 0.05;
            (whole.max(part), candidate)
        })
        .filter(|(likeness, _)| *likeness > 0.6)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}
