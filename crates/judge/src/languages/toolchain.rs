//! Interpreters and compilers: which are there, which version, and the commands that they take.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use domain::{Language, Limits, Program};

use super::header::Header;
use super::python::imports_numpy;
use super::row::{Compile, Row, Run, Statically};
use super::search::{ask, candidates, is_executable};
use super::{Interpreter, Warm, row};
use crate::{Settings, protocol};

/// Paths that programs of every language may read: the system's own programs and libraries.
const SYSTEM: [&str; 8] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/alternatives",
];

/// Where the directories that a toolchain reads lie, below the one where it is installed.
const INSTALLED: [&str; 5] = ["bin", "lib", "lib64", "libexec", "include"];

/// What there is for each language. Files are looked for at the start; what only a program can tell about itself,
/// such as its version, is asked when a language is first used.
#[derive(Debug)]
pub(crate) struct Toolchains {
    pub(crate) python: Result<Interpreter, String>,
    others: Vec<(Language, Result<Toolchain, String>)>,
}

impl Toolchains {
    /// Looks for everything.
    pub(crate) fn find(settings: &Settings) -> Toolchains {
        let others = Language::ALL
            .into_iter()
            .filter(|&language| language != Language::Python)
            .map(|language| (language, Toolchain::find(settings, language)))
            .collect();
        Toolchains {
            python: Interpreter::find(settings),
            others,
        }
    }

    /// What there is for a language that is compiled, or run by a program of its own.
    pub(crate) fn get(&self, language: Language) -> Result<&Toolchain, &str> {
        let found = self.others.iter().find(|(other, _)| *other == language);
        match found {
            Some((_, Ok(toolchain))) => Ok(toolchain),
            Some((_, Err(error))) => Err(error),
            None => Err("it has an interpreter"),
        }
    }

    /// What a program in one of the interpreted languages that cells keep ready for is run by.
    pub(crate) fn warm(&self, program: &Program) -> Warm {
        let has_numpy = self.python.as_ref().is_ok_and(|python| python.has_numpy);
        match program.language {
            Language::PyPy => Warm::PyPy,
            _ if has_numpy && imports_numpy(&program.source) => Warm::Numpy,
            _ => Warm::Plain,
        }
    }

    /// The interpreter that a cell keeps ready; `None` where there is none.
    pub(crate) fn interpreter(&self, warm: Warm) -> Option<protocol::Interpreter> {
        let path = match warm {
            Warm::Plain | Warm::Numpy => self.python.as_ref().ok()?.path.clone(),
            Warm::PyPy => self
                .get(Language::PyPy)
                .ok()?
                .path()
                .to_string_lossy()
                .into(),
        };
        let library = (warm == Warm::Numpy).then(|| "numpy".to_string());
        Some(protocol::Interpreter { path, library })
    }

    /// The name and version of what runs a language, or why nothing does.
    pub(crate) fn name(&self, settings: &Settings, language: Language) -> Result<String, String> {
        if language == Language::Python {
            return self
                .python
                .as_ref()
                .map(|python| python.version.clone())
                .map_err(Clone::clone);
        }
        let toolchain = self.get(language)?;
        if let Some(Err(error)) = toolchain.proof.get() {
            return Err(error.clone());
        }
        Ok(toolchain.facts(settings)?.version.clone())
    }

    /// The precompiled headers that are there, of the compilers that have been used.
    pub(crate) fn headers(&self, settings: &Settings) -> impl Iterator<Item = Header> {
        let found = self
            .others
            .iter()
            .filter_map(|(_, found)| found.as_ref().ok());
        let used = found.filter(|toolchain| toolchain.facts.get().is_some());
        used.filter_map(|toolchain| toolchain.header(settings))
            .filter(Header::is_ready)
    }

    /// All that programs may read.
    pub(crate) fn readable(&self) -> Vec<String> {
        let mut paths: Vec<String> = SYSTEM.map(String::from).to_vec();
        let python = self.python.iter().flat_map(|python| &python.readable);
        let others = self
            .others
            .iter()
            .filter_map(|(_, found)| found.as_ref().ok());
        let others = others.flat_map(|toolchain| &toolchain.readable);
        for path in python.chain(others) {
            if !is_system(path) && !paths.contains(path) {
                paths.push(path.clone());
            }
        }
        paths
    }
}

fn is_system(path: &str) -> bool {
    SYSTEM
        .iter()
        .any(|system| Path::new(path).starts_with(system))
}

/// What compiles and runs one language.
#[derive(Debug)]
pub(crate) struct Toolchain {
    language: Language,
    /// The paths of the row's tools, in its order.
    tools: Vec<PathBuf>,
    readable: Vec<String>,
    facts: OnceLock<Result<Facts, String>>,
    /// Whether the language's proof worked in a cell, where it has been tried.
    pub(crate) proof: OnceLock<Result<(), String>>,
}

/// What a toolchain says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// Such as `g++ 12.2.0`.
    pub(crate) version: String,
    /// The static libraries are there.
    pub(crate) is_static: bool,
}

impl Toolchain {
    fn find(settings: &Settings, language: Language) -> Result<Toolchain, String> {
        let row = row(language);
        let mut tools: Vec<PathBuf> = Vec::new();
        let mut readable = Vec::new();
        for tool in row.tools {
            let named = match tools.first() {
                None => settings.tools.get(&language).cloned(),
                Some(first) => beside(first, tool.names),
            };
            let path = named
                .filter(|path| is_executable(path))
                .or_else(|| candidates(settings, tool.names).into_iter().next())
                .ok_or_else(|| format!("no {} on the search path", tool.names[0]))?;
            let path = behind_rustup(settings, path);
            readable.extend(readable_by(&path, row));
            tools.push(path);
        }
        Ok(Toolchain {
            language,
            tools,
            readable,
            facts: OnceLock::new(),
            proof: OnceLock::new(),
        })
    }

    /// The language's row.
    pub(crate) fn row(&self) -> &'static Row {
        row(self.language)
    }

    /// Where the first tool is.
    pub(crate) fn path(&self) -> &Path {
        &self.tools[0]
    }

    /// What the tools say of themselves, asked once. It blocks for as long as they take to start.
    pub(crate) fn facts(&self, settings: &Settings) -> Result<&Facts, String> {
        let facts = self.facts.get_or_init(|| {
            let row = self.row();
            let said = ask(settings, self.path(), row.version)?;
            let file = self.path().file_name().unwrap_or_default();
            let name = if row.name.is_empty() {
                file.to_string_lossy()
            } else {
                row.name.into()
            };
            let version = version_in(&said)
                .ok_or_else(|| format!("{}: no version in its answer", self.path().display()))?;
            let statically = row.compile.as_ref().and_then(|how| how.statically.as_ref());
            Ok(Facts {
                version: format!("{name} {version}"),
                is_static: statically.is_some_and(|how| self.has_libraries(settings, how)),
            })
        });
        facts.as_ref().map_err(Clone::clone)
    }

    fn has_libraries(&self, settings: &Settings, how: &Statically) -> bool {
        let Some(driver) = self.tool(how.driver) else {
            return false;
        };
        how.libraries.iter().all(|library| {
            ask(settings, driver, &[&format!("-print-file-name={library}")])
                .is_ok_and(|answer| answer.starts_with('/'))
        })
    }

    fn tool(&self, key: &str) -> Option<&Path> {
        let idx = self.row().tools.iter().position(|tool| tool.key == key)?;
        Some(&self.tools[idx])
    }

    /// Where its precompiled header belongs; `None` without a cache, or where no header is worth it.
    pub(crate) fn header(&self, settings: &Settings) -> Option<Header> {
        let facts = self.facts(settings).ok()?;
        Header::of(settings, self, self.row().compile.as_ref()?, facts)
    }

    /// The command that compiles, with precompiled headers from a directory.
    pub(crate) fn compile_command(
        &self,
        compile: &Compile,
        facts: &Facts,
        headers: Option<&Header>,
        file: &str,
    ) -> Vec<String> {
        let headers = headers.map(|header| header.directory.to_string_lossy().into_owned());
        let is_static = facts.is_static;
        self.expand(compile.argv, &|key| match key {
            "static" => Some(match &compile.statically {
                Some(how) if is_static => how.flags.iter().map(ToString::to_string).collect(),
                _ => Vec::new(),
            }),
            "headers" => Some(match &headers {
                Some(directory) => vec!["-I".into(), directory.clone()],
                None => Vec::new(),
            }),
            "flags" => Some(compile.flags.iter().map(ToString::to_string).collect()),
            "kind" => Some(vec!["c++".into()]),
            "input" => Some(vec![file.into()]),
            _ => None,
        })
    }

    /// The command that compiles a header into the file `out`.
    pub(crate) fn header_command(&self, compile: &Compile, header: &str) -> Vec<String> {
        self.expand(compile.argv, &|key| match key {
            "static" | "headers" => Some(Vec::new()),
            "flags" => Some(compile.flags.iter().map(ToString::to_string).collect()),
            "kind" => Some(vec!["c++-header".into()]),
            "input" => Some(vec![header.into()]),
            _ => None,
        })
    }

    /// The environment in which it compiles.
    pub(crate) fn compile_environment(&self, compile: &Compile) -> Vec<String> {
        self.expand(compile.env, &|_| None)
    }

    /// The command that runs a program, and its environment. `main` is the class that begins.
    pub(crate) fn run_command(&self, limits: &Limits, main: &str) -> (Vec<String>, Vec<String>) {
        let Run::By { argv, env, .. } = &self.row().run else {
            return (Vec::new(), Vec::new());
        };
        let own = limits
            .memory_bytes
            .saturating_sub(self.language.memory_overhead());
        let heap = (own >> 20).max(1).to_string();
        let fill = |key: &str| match key {
            "heap" => Some(vec![heap.clone()]),
            "main" => Some(vec![main.into()]),
            "stdlib" => Some(vec![self.standard_library()]),
            _ => None,
        };
        (self.expand(argv, &fill), self.expand(env, &fill))
    }

    /// Kotlin's library lies beside its compiler. Other languages need no other.
    fn standard_library(&self) -> String {
        let beside = || {
            let compiler = self.tool("kotlinc")?.canonicalize().ok()?;
            let home = compiler.parent()?.parent()?;
            Some(home.join("lib/kotlin-stdlib.jar"))
        };
        beside().map_or_else(String::new, |path| path.to_string_lossy().into_owned())
    }

    /// Where a header lies that programs include by name.
    pub(crate) fn locate(&self, settings: &Settings, header: &str) -> Option<String> {
        let arguments = ["-x", "c++", "-M", "-include", header, "/dev/null"];
        let rule = ask(settings, self.path(), &arguments).ok()?;
        let mut files = rule.split_ascii_whitespace();
        files.find(|file| file.ends_with(header)).map(String::from)
    }

    /// Puts what they stand for in the place of placeholders; those that `fill` and the tools do not know stay.
    fn expand(&self, words: &[&str], fill: &dyn Fn(&str) -> Option<Vec<String>>) -> Vec<String> {
        let meaning = |key: &str| {
            let tool = || {
                let path = match key.strip_suffix(".directory") {
                    Some(key) => self.tool(key)?.canonicalize().ok()?.parent()?.into(),
                    None => self.tool(key)?.to_path_buf(),
                };
                Some(vec![path.to_string_lossy().into_owned()])
            };
            tool().or_else(|| fill(key))
        };
        let mut expanded = Vec::new();
        for word in words {
            let whole = word
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            if let Some(meaning) = whole.and_then(meaning) {
                expanded.extend(meaning);
                continue;
            }
            let mut text = String::new();
            let mut rest = *word;
            while let Some((before, after)) = rest.split_once('{') {
                text.push_str(before);
                let (key, after) = after.split_once('}').unwrap_or((after, ""));
                match meaning(key) {
                    Some(meaning) => text.push_str(&meaning.join(" ")),
                    None => text.push_str(&format!("{{{key}}}")),
                }
                rest = after;
            }
            text.push_str(rest);
            expanded.push(text);
        }
        expanded
    }
}

/// What a compilation may use.
pub(crate) fn compile_limits() -> Limits {
    Limits {
        cpu: Duration::from_secs(30),
        wall: Duration::from_secs(90),
        memory_bytes: 2 << 30,
        output_bytes: 1 << 20,
        file_bytes: 256 << 20,
        processes: 128,
    }
}

/// A program of one of these names in the same directory as another, or as what that is a link to.
fn beside(tool: &Path, names: &[&str]) -> Option<PathBuf> {
    let real = tool.canonicalize().ok()?;
    [tool, &real]
        .into_iter()
        .filter_map(Path::parent)
        .flat_map(|directory| names.iter().map(|name| directory.join(name)))
        .find(|path| is_executable(path))
}

/// What a tool must be able to read: its installation's programs and libraries, and what its row names.
fn readable_by(tool: &Path, row: &Row) -> Vec<String> {
    let real = tool.canonicalize().unwrap_or_else(|_| tool.into());
    let directory = real.parent().unwrap_or(Path::new("/"));
    let mut paths = vec![tool.to_path_buf(), real.clone()];
    if let Some(home) = directory.parent().filter(|_| directory.ends_with("bin")) {
        let below = INSTALLED.iter().chain(row.readable);
        paths.extend(below.map(|name| home.join(name)));
    }
    // Joining an absolute path gives that path; the same ones again serve tools that lie elsewhere.
    paths.extend(
        row.readable
            .iter()
            .filter(|path| path.starts_with('/'))
            .map(PathBuf::from),
    );
    let exists = paths
        .into_iter()
        .filter(|path| path.symlink_metadata().is_ok());
    exists
        .map(|path| path.to_string_lossy().into_owned())
        .collect()
}

/// Rustup puts a program in the compiler's place that chooses among installed ones by files of the user's.
/// The one it chooses now is taken.
fn behind_rustup(settings: &Settings, tool: PathBuf) -> PathBuf {
    let is_rustup = |path: PathBuf| path.file_name().is_some_and(|name| name == "rustup");
    if !tool.canonicalize().is_ok_and(is_rustup) {
        return tool;
    }
    let real = ask(settings, &tool, &["--print", "sysroot"])
        .map(|root| Path::new(&root).join("bin/rustc"));
    real.unwrap_or(tool)
}

/// The version in what a tool says of itself: what comes first of digits with a dot between them.
/// A line that begins with a digit is taken whole.
pub(super) fn version_in(text: &str) -> Option<String> {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return text.lines().next().map(|line| line.trim().to_string());
    }
    let is_part = |letter: char| letter.is_ascii_digit() || letter == '.';
    let words = text.split(|letter| !is_part(letter));
    words
        .map(|word| word.trim_matches('.'))
        .find(|word| word.contains('.'))
        .map(String::from)
}
