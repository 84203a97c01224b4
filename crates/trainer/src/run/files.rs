//! Files and folders that are there whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::TrainError;

fn error(path: &Path) -> impl FnOnce(io::Error) -> TrainError + '_ {
    move |source| TrainError::Write {
        path: path.to_path_buf(),
        source,
    }
}

/// Makes a folder, with those above it.
pub(super) fn folder(path: &Path) -> Result<(), TrainError> {
    fs::create_dir_all(path).map_err(error(path))
}

/// The name under which something is written before it gets its own.
fn partial(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.partial"))
}

fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes a new name in a folder last.
fn sync_parent(path: &Path) -> io::Result<()> {
    match path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Writes a file in one piece; one that is there is replaced.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let partial = partial(path);
    write_through(&partial, bytes)
        .and_then(|()| fs::rename(&partial, path))
        .and_then(|()| sync_parent(path))
        .inspect_err(|_| drop(fs::remove_file(&partial)))
        .map_err(error(path))
}

/// Writes a folder of files in one piece; one that is there is replaced.
pub(super) fn write_folder(path: &Path, files: &[(&str, &[u8])]) -> Result<(), TrainError> {
    let partial = partial(path);
    let write = || -> io::Result<()> {
        remove(&partial)?;
        fs::create_dir(&partial)?;
        for (name, bytes) in files {
            write_through(&partial.join(name), bytes)?;
        }
        File::open(&partial)?.sync_all()?;
        remove(path)?;
        fs::rename(&partial, path)?;
        sync_parent(path)
    };
    write()
        .inspect_err(|_| drop(fs::remove_dir_all(&partial)))
        .map_err(error(path))
}

/// Removes a folder, where there is one.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
