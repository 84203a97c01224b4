use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A programming language that the judge knows: the eleven families of xCodeEval,
/// some of them in more than one version or implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Python 3, by CPython.
    Python,
    /// Python 3, by PyPy.
    PyPy,
    /// C17.
    C,
    /// C++17.
    Cpp,
    /// C++20.
    Cpp20,
    /// Rust, edition 2021.
    Rust,
    /// Java.
    Java,
    /// JavaScript, by Node.js.
    JavaScript,
    /// Go.
    Go,
    /// C#.
    CSharp,
    /// Kotlin.
    Kotlin,
    /// PHP.
    Php,
    /// Ruby.
    Ruby,
}

/// What is said of a language, in one row.
struct Row {
    name: &'static str,
    title: &'static str,
    /// The usual one first; each belongs to one language.
    tags: &'static [&'static str],
}

impl Language {
    /// All languages.
    pub const ALL: [Language; 13] = [
        Language::Python,
        Language::PyPy,
        Language::C,
        Language::Cpp,
        Language::Cpp20,
        Language::Rust,
        Language::Java,
        Language::JavaScript,
        Language::Go,
        Language::CSharp,
        Language::Kotlin,
        Language::Php,
        Language::Ruby,
    ];

    fn row(self) -> Row {
        let (name, title, tags): (_, _, &[_]) = match self {
            Language::Python => ("python", "Python 3", &["python", "python3", "py"]),
            Language::PyPy => ("pypy", "Python 3 (PyPy)", &["pypy", "pypy3"]),
            Language::C => ("c", "C17", &["c", "c11", "c17"]),
            Language::Cpp => ("cpp", "C++17", &["cpp", "c++", "cc", "cxx", "c++17"]),
            Language::Cpp20 => ("cpp20", "C++20", &["cpp20", "c++20"]),
            Language::Rust => ("rust", "Rust", &["rust", "rs"]),
            Language::Java => ("java", "Java", &["java"]),
            Language::JavaScript => ("javascript", "JavaScript", &["javascript", "js", "node"]),
            Language::Go => ("go", "Go", &["go", "golang"]),
            Language::CSharp => ("csharp", "C#", &["csharp", "c#", "cs"]),
            Language::Kotlin => ("kotlin", "Kotlin", &["kotlin", "kt"]),
            Language::Php => ("php", "PHP", &["php"]),
            Language::Ruby => ("ruby", "Ruby", &["ruby", "rb"]),
        };
        Row { name, title, tags }
    }

    /// The name used in settings and records.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The name used in prose, such as prompts.
    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// Fence tags that models write for it, the usual one first.
    pub fn fence_tags(self) -> &'static [&'static str] {
        self.row().tags
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that names no language.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown language `{0}`: expected {expected}", expected = names())]
pub struct UnknownLanguage(pub String);

fn names() -> String {
    let names = Language::ALL.map(Language::name);
    let (last, others) = names.split_last().unwrap_or((&"", &[]));
    format!("{} or {last}", others.join(", "))
}

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
