//! Folders that the program writes: in one piece or not at all.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::assets::io_error;
use crate::exit::{Exit, Failure};

/// A folder that gets its name when it is whole.
pub(crate) struct Draft<'a> {
    place: &'a Path,
    folder: TempDir,
}

impl<'a> Draft<'a> {
    /// Begins a folder beside its place, where nothing may be yet.
    ///
    /// # Errors
    /// When something is there, or no folder can be made.
    pub(crate) fn begin(place: &'a Path) -> anyhow::Result<Draft<'a>> {
        if place.exists() {
            let message = format!("{} is there already", place.display());
            return Err(Failure::new(Exit::Usage, message)
                .help("name another place with `-o`, or remove this one")
                .into());
        }
        let parent = match place.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(io_error("make", parent))?;
        let folder = tempfile::Builder::new()
            .prefix(".mapcoder-")
            .tempdir_in(parent)
            .map_err(io_error("write", place))?;
        Ok(Draft { place, folder })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Adds a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.path().join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(io_error("make", parent))?;
        }
        fs::write(&path, bytes).map_err(io_error("write", &path))?;
        Ok(())
    }

    /// Gives the folder its name.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let place = self.place;
        sync(self.path()).map_err(io_error("write", self.path()))?;
        // Temporary folders are their owner's alone.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(self.path(), mode).map_err(io_error("write", place))?;
        }
        let draft = self.folder.keep();
        fs::rename(&draft, place).map_err(|error| {
            // The error that led here is the one to tell.
            let _ = fs::remove_dir_all(&draft);
            io_error("write", place)(error)
        })?;
        Ok(())
    }
}

/// Makes all files below a folder last.
fn sync(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sync(&path)?;
        }
        fs::File::open(&path)?.sync_all()?;
    }
    Ok(())
}
