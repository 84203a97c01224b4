//! The Python interpreter.

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
assert sys.version_info >= (3, 8)";

/// An interpreter that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interpreter {
    /// The real executable, never a version manager's script.
    pub(crate) path: String,
    /// Such as `CPython 3.11.2`.
    pub(crate) version: String,
    /// What it must be able to read.
    pub(crate) readable: Vec<String>,
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
        let [version, executable, base_prefix, prefix] = lines[..] else {
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
        })
    }
}
