//! The interpreters of Python, of which cells keep copies ready.

use std::path::PathBuf;

use super::row;
use super::search::{ask, candidates};
use crate::Settings;
use domain::Language;

/// One line each: name and version, executable, and where the library lies.
const QUESTION: &str = "\
import platform, sys
print(platform.python_implementation(), platform.python_version())
print(sys.executable)
print(sys.base_prefix)
print(sys.prefix)
import importlib.util
print(importlib.util.find_spec('numpy') is not None)
assert sys.version_info >= (3, 9)";

/// Which interpreter runs a program, and what it has loaded before the program starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Warm {
    /// CPython with its standard library.
    Plain,
    /// CPython with numpy too.
    Numpy,
    /// PyPy with its standard library.
    PyPy,
}

/// Whether a program has a line that imports numpy. It costs time to be wrong, and nothing else.
pub(super) fn imports_numpy(source: &str) -> bool {
    source.lines().map(str::trim_start).any(|line| {
        let is_import = line.starts_with("import ") || line.starts_with("from ");
        is_import && line.contains("numpy")
    })
}

/// An interpreter that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interpreter {
    /// The real executable, never a version manager's script.
    pub(crate) path: String,
    /// Such as `CPython 3.11.2`.
    pub(crate) version: String,
    /// What it must be able to read.
    pub(crate) readable: Vec<String>,
    pub(super) has_numpy: bool,
}

impl Interpreter {
    pub(crate) fn find(settings: &Settings) -> Result<Interpreter, String> {
        let paths = match settings.tools.get(&Language::Python) {
            Some(path) => vec![path.clone()],
            None => candidates(settings, row(Language::Python).tools[0].names),
        };
        let mut reason = "no python3 on the search path".to_string();
        for path in paths {
            match Interpreter::ask(settings, path) {
                Ok(interpreter) => return Ok(interpreter),
                Err(error) => reason = error,
            }
        }
        Err(reason)
    }

    /// A script on the path may stand for an interpreter elsewhere, so the answer says where it really is.
    fn ask(settings: &Settings, path: PathBuf) -> Result<Interpreter, String> {
        let answer = ask(settings, &path, &["-c", QUESTION])?;
        let lines: Vec<&str> = answer.lines().collect();
        let [version, executable, base_prefix, prefix, has_numpy] = lines[..] else {
            return Err(format!("{}: unexpected answer", path.display()));
        };
        let real =
            std::fs::canonicalize(executable).map_err(|error| format!("{executable}: {error}"))?;
        let mut readable = vec![base_prefix.to_string(), prefix.to_string()];
        readable.push(real.to_string_lossy().into_owned());
        readable.push(executable.to_string());
        readable.retain(|path| path != "/" && path != "/usr");
        readable.dedup();
        Ok(Interpreter {
            path: executable.to_string(),
            version: version.to_string(),
            readable,
            has_numpy: has_numpy == "True",
        })
    }
}
