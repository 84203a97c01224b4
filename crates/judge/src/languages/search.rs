//! Looking for programs, and asking them about themselves.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Settings;

/// Programs of a name on the search path that are more than a script, and then those that are scripts.
pub(crate) fn candidates(settings: &Settings, names: &[&str]) -> Vec<PathBuf> {
    let mut binaries = Vec::new();
    let mut scripts = Vec::new();
    for name in names {
        for directory in &settings.search_path {
            let path = directory.join(name);
            if is_executable(&path) {
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

/// True for a file that may be started.
pub(super) fn is_executable(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == *b"\x7fELF"
}

/// What a trusted program says when asked about itself: on standard output, or on standard error if that is empty.
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
    let said = if output.stdout.trim_ascii().is_empty() {
        output.stderr
    } else {
        output.stdout
    };
    Ok(String::from_utf8_lossy(&said).trim().to_string())
}
