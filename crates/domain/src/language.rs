use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Limits;

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
    time_factor: u32,
    /// In MiB.
    memory_overhead: u64,
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
        let (name, title, tags, time_factor, memory_overhead): (_, _, &[_], _, _) = match self {
            Language::Python => ("python", "Python 3", &["python", "python3", "py"], 3, 0),
            Language::PyPy => ("pypy", "Python 3 (PyPy)", &["pypy", "pypy3"], 2, 64),
            Language::C => ("c", "C17", &["c", "c11", "c17"], 1, 0),
            Language::Cpp => ("cpp", "C++17", &["cpp", "c++", "cc", "cxx", "c++17"], 1, 0),
            Language::Cpp20 => ("cpp20", "C++20", &["cpp20", "c++20"], 1, 0),
            Language::Rust => ("rust", "Rust", &["rust", "rs"], 1, 0),
            Language::Java => ("java", "Java", &["java"], 3, 128),
            Language::JavaScript => (
                "javascript",
                "JavaScript",
                &["javascript", "js", "node"],
                3,
                64,
            ),
            Language::Go => ("go", "Go", &["go", "golang"], 1, 16),
            Language::CSharp => ("csharp", "C#", &["csharp", "c#", "cs"], 3, 32),
            Language::Kotlin => ("kotlin", "Kotlin", &["kotlin", "kt"], 3, 128),
            Language::Php => ("php", "PHP", &["php"], 3, 16),
            Language::Ruby => ("ruby", "Ruby", &["ruby", "rb"], 3, 32),
        };
        Row {
            name,
            title,
            tags,
            time_factor,
            memory_overhead,
        }
    }

    /// The name used in settings and records.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The name used in prose, such as prompts.
    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// How many times the CPU time of native code its programs may take: 1 for C, C++, Rust and Go, 2 for PyPy, 3 for
    /// the others. These are the factors of `ExecEval`, the judge of xCodeEval.
    pub fn time_factor(self) -> u32 {
        self.row().time_factor
    }

    /// Memory in bytes that its runtime takes before the program has asked for any.
    pub fn memory_overhead(self) -> u64 {
        self.row().memory_overhead << 20
    }

    /// The limits of a whole program in this language, from the limits that native code has for the same problem:
    /// CPU time is multiplied by [`Language::time_factor`], time on the clock grows by as much as CPU time did,
    /// and [`Language::memory_overhead`] is added to the memory.
    ///
    /// The judge applies this to tests by standard input and output, whose limits a problem states for all languages.
    /// Tests that call functions are written for one language, and so are their limits: those stay as they are.
    pub fn limits(self, native: &Limits) -> Limits {
        let cpu = native.cpu.saturating_mul(self.time_factor());
        Limits {
            cpu,
            wall: native.wall.saturating_add(cpu - native.cpu),
            memory_bytes: native.memory_bytes.saturating_add(self.memory_overhead()),
            ..*native
        }
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
