//! The memory in which a cell hands over what is too large for a message.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;

use crate::sys;

/// One file in memory for all runs of a cell: the restrictions refuse further ones, for the cell as for its programs.
pub(super) struct Outbox(OwnedFd);

impl Outbox {
    pub(super) fn new() -> io::Result<Outbox> {
        sys::memory_file(c"outputs").map(Outbox)
    }

    /// Holds these bytes where it is empty, and gives another handle on them. The judge reads them before it asks for the next run.
    pub(super) fn fill(&self, parts: &[&[u8]]) -> io::Result<OwnedFd> {
        let fd = self.0.try_clone()?;
        let mut file = File::from(fd);
        parts.iter().try_for_each(|part| file.write_all(part))?;
        Ok(file.into())
    }

    /// Gives the memory back.
    pub(super) fn empty(&self) -> io::Result<()> {
        sys::empty_file(&self.0)
    }
}
