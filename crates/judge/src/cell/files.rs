//! Files that go into a cell's directory and come out of it. The keeper does this: it may enter every directory.

use std::os::fd::OwnedFd;

use domain::Rung;

use super::rootfs;
use crate::protocol::{Purpose, Setup, Task};
use crate::sys;

/// The file that a compiler left, unless it is no plain file.
pub(super) fn artifact(setup: &Setup, task: &Task) -> Option<OwnedFd> {
    if !matches!(task, Task::Compile { .. }) || setup.purpose != Purpose::Compile {
        return None;
    }
    let directory = sys::c_string(work_directory(setup)).ok()?;
    let directory = sys::open_directory(&directory).ok()?;
    let file = sys::open_at(&directory, c"out", libc::O_RDONLY).ok()?;
    let mut file = std::fs::File::from(file);
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut file, &mut bytes).ok()?;
    sys::sealed(c"program", &bytes).ok()
}

/// Where programs start.
pub(super) fn work_directory(setup: &Setup) -> &str {
    if setup.rung >= Rung::Userns {
        rootfs::HOME
    } else {
        setup.scratch.as_deref().unwrap_or("/")
    }
}
