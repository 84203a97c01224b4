//! Interpreters and compilers: which are there, and which version.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use domain::Language;

use crate::Settings;
use crate::cpp::Compiler;
use crate::python::Interpreter;

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

/// What was found at start.
#[derive(Debug, Clone)]
pub(crate) struct Toolchains {
    pub(crate) python: Result<Interpreter, String>,
    pub(crate) cpp: Result<Compiler, String>,
}

impl Toolchains {
    /// Looks for everything.
    pub(crate) fn find(settings: &Settings) -> Toolchains {
        Toolchains {
            python: Interpreter::find(settings),
            cpp: Compiler::find(settings),
        }
    }

    /// The name and version of what runs a language.
    pub(crate) fn name(&self, language: Language) -> Option<String> {
        match language {
            Language::Python => self
                .python
                .as_ref()
                .ok()
                .map(|python| python.version.clone()),
            Language::Cpp => self.cpp.as_ref().ok().map(|cpp| cpp.version.clone()),
            _ => None,
        }
    }

    /// All that programs may read.
    pub(crate) fn readable(&self) -> Vec<String> {
        let mut paths: Vec<String> = SYSTEM.map(String::from).to_vec();
        let own = self.python.iter().flat_map(|python| &python.readable);
        paths.extend(own.filter(|path| !path.starts_with("/usr/")).cloned());
        paths
    }
}

/// Programs of a name on the search path that are more than a script, and then those that are scripts.
pub(crate) fn candidates(settings: &Settings, names: &[&str]) -> Vec<PathBuf> {
    let mut binaries = Vec::new();
    let mut scripts = Vec::new();
    for name in names {
        for directory in &settings.search_path {
            let path = directory.join(name);
            let executable = path.metadata().is_ok_and(|metadata| {
                metadata.is_file() && metadata.permissions().mode() & 0o111 != 0
            });
            if executable {
                let kind = if is_elf(&path) {
                    &mut binaries
                } else {
                    &mut scripts
                };
                kind.push(path);
            }
        }
    }
    binaries.extend(scripts);
    binaries
}

fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == *b"\x7fELF"
}

/// What a trusted program says when asked about itself.
pub(crate) fn ask(
    settings: &Settings,
    program: &Path,
    arguments: &[&str],
) -> Result<String, String> {
    let path = std::env::join_paths(&settings.search_path).unwrap_or_default();
    #[expect(
        clippy::disallowed_methods,
        reason = "the judge is what starts programs"
    )]
    let output = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", path)
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    if !output.status.success() {
        return Err(format!("{}: {}", program.display(), output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_string())
}
