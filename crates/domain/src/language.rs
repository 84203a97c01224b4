use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A programming language that the judge can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Python 3.
    Python,
    /// C++17.
    Cpp,
}

impl Language {
    /// All languages.
    pub const ALL: [Language; 2] = [Language::Python, Language::Cpp];

    /// The name used in settings and records.
    pub fn name(self) -> &'static str {
        match self {
            Language::Python => "python",
            Language::Cpp => "cpp",
        }
    }

    /// The name used in prose, such as prompts.
    pub fn title(self) -> &'static str {
        match self {
            Language::Python => "Python 3",
            Language::Cpp => "C++17",
        }
    }

    /// Fence tags that models write for it, the usual one first.
    pub fn fence_tags(self) -> &'static [&'static str] {
        match self {
            Language::Python => &["python", "python3", "py"],
            Language::Cpp => &["cpp", "c++", "cc", "cxx", "c++17"],
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that names no language.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown language `{0}`: expected python or cpp")]
pub struct UnknownLanguage(pub String);

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let lower = name.to_ascii_lowercase();
        Language::ALL
            .into_iter()
            .find(|language| language.fence_tags().contains(&lower.as_str()))
            .ok_or_else(|| UnknownLanguage(name.to_string()))
    }
}

/// A program as text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Program {
    /// What it is written in.
    pub language: Language,
    /// Its single source file.
    pub source: String,
}
