//! Files that go into a cell's directory and come out of it. The keeper does this: it may enter every directory.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use domain::Rung;

use super::rootfs;
use crate::bundle;
use crate::protocol::{Artifact, Purpose, Setup, Task};
use crate::sys;

/// Lays out what a task needs in files: a compiler's source, or a program that another program runs.
pub(super) fn place(setup: &Setup, task: &Task, content: &OwnedFd) -> io::Result<()> {
    match task {
        Task::Compile {
            source: Some(name), ..
        } => {
            let source = sys::read_all_sealed(content)?;
            std::fs::write(Path::new(work_directory(setup)).join(name), source)
        }
        Task::Files { .. } => {
            let directory = program_directory(setup);
            if setup.rung < Rung::Userns && directory.exists() {
                // Programs cannot write here; what is left is the files of the run before.
                std::fs::remove_dir_all(&directory)?;
            }
            std::fs::create_dir(&directory)?;
            bundle::unpack(content, &directory)
        }
        _ => Ok(()),
    }
}

/// What a compiler left, unless it is no plain file.
pub(super) fn artifact(setup: &Setup, task: &Task) -> Option<OwnedFd> {
    let Task::Compile { artifact, .. } = task else {
        return None;
    };
    if setup.purpose != Purpose::Compile {
        return None;
    }
    let directory = sys::c_string(work_directory(setup)).ok()?;
    let directory = sys::open_directory(&directory).ok()?;
    let bytes = match artifact {
        Artifact::Out => {
            let file = sys::open_at(&directory, c"out", libc::O_RDONLY).ok()?;
            let mut file = std::fs::File::from(file);
            if !file.metadata().ok()?.is_file() {
                return None;
            }
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut file, &mut bytes).ok()?;
            bytes
        }
        Artifact::Files(suffix) => bundle::collect(&directory, suffix).ok()?,
    };
    sys::sealed(c"program", &bytes).ok()
}

/// Where programs start.
pub(super) fn work_directory(setup: &Setup) -> &str {
    if setup.rung >= Rung::Userns {
        rootfs::HOME
    } else if setup.purpose == Purpose::Compile {
        setup.scratch.as_deref().unwrap_or("/")
    } else {
        "/"
    }
}

/// Where the files of a program lie that another program runs: below what is made afresh for each run,
/// or where programs cannot write.
pub(super) fn program_directory(setup: &Setup) -> PathBuf {
    if setup.rung >= Rung::Userns {
        Path::new(rootfs::WRITABLE).join("program")
    } else {
        Path::new(setup.scratch.as_deref().unwrap_or("/")).join("program")
    }
}
