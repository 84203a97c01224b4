use std::io;

use super::layers::Origin;

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A settings file that cannot be read.
    #[error("failed to read settings from {path}")]
    Read { path: String, source: io::Error },
    /// A settings file that is no TOML.
    #[error("failed to read settings from {path}, line {line}: {message}")]
    Syntax {
        path: String,
        line: usize,
        message: String,
    },
    /// A key that no setting has.
    #[error("unknown key `{key}` in {path}, line {line}")]
    UnknownKey {
        key: String,
        path: String,
        line: usize,
        nearest: Option<String>,
    },
    /// A variable with our prefix that no setting has.
    #[error("unknown environment variable {name}")]
    UnknownVariable {
        name: String,
        nearest: Option<String>,
    },
    /// An API key in a file.
    #[error("found an API key in {path}, line {line}: keys are not read from files")]
    SecretInFile { path: String, line: usize },
    /// A value of another type.
    #[error("found {found} where `{key}` takes none ({origin})")]
    Type {
        key: String,
        origin: Origin,
        found: &'static str,
    },
    /// A value out of bounds. The value itself is left out where it may hold a secret.
    #[error("invalid {} for `{key}` ({origin}): expected {expected}", shown(.value))]
    Value {
        key: &'static str,
        value: Option<String>,
        origin: Origin,
        expected: String,
    },
    /// No folder to put files into.
    #[error("no home folder to put the {0} into")]
    NoHome(&'static str),
}

fn shown(value: &Option<String>) -> String {
    match value {
        Some(value) => format!("value `{value}`"),
        None => "value".to_string(),
    }
}

impl Error {
    /// What the user can do about it.
    pub(crate) fn help(&self) -> Option<String> {
        match self {
            Error::UnknownKey {
                nearest: Some(nearest),
                ..
            }
            | Error::UnknownVariable {
                nearest: Some(nearest),
                ..
            } => Some(format!("did you mean `{nearest}`?")),
            Error::UnknownKey { .. } | Error::UnknownVariable { .. } => {
                Some("`mapcoder config show` lists all settings".to_string())
            }
            Error::SecretInFile { .. } => {
                Some("remove it and set the environment variable OPENAI_API_KEY".to_string())
            }
            Error::NoHome(key) => Some(format!(
                "set HOME, or MAPCODER_{} to a path",
                key.to_uppercase()
            )),
            Error::Read { .. }
            | Error::Syntax { .. }
            | Error::Type { .. }
            | Error::Value { .. } => None,
        }
    }
}
