//! What a program writes, read as it comes and kept up to a limit.

use std::os::fd::{AsRawFd as _, OwnedFd};

use crate::sys;

/// Bytes of one stream as far as they are kept.
pub(super) struct Drain {
    fd: OwnedFd,
    kept: Vec<u8>,
    pub(super) n_total: u64,
    /// Keep this many of the last bytes instead of all.
    tail: Option<usize>,
    open: bool,
}

impl Drain {
    pub(super) fn new(fd: OwnedFd, tail: Option<usize>) -> Drain {
        Drain {
            fd,
            kept: Vec::new(),
            n_total: 0,
            tail,
            open: true,
        }
    }

    /// Bytes that are held at present.
    pub(super) fn n_kept(&self) -> u64 {
        self.kept.len() as u64
    }

    /// Reads what is there, up to a little beyond the limit, and no more than a few pipes full at once.
    pub(super) fn drain(&mut self, limit: u64) {
        let mut buffer = [0; 1 << 16];
        for _ in 0..16 {
            if !self.open || self.n_total > limit {
                return;
            }
            match sys::read(&self.fd, &mut buffer) {
                Ok(Some(0)) | Err(_) => self.open = false,
                Ok(None) => return,
                Ok(Some(n_bytes)) => {
                    self.n_total += n_bytes as u64;
                    self.kept.extend_from_slice(&buffer[..n_bytes]);
                    if let Some(tail) = self.tail
                        && self.kept.len() > 8 * tail
                    {
                        self.kept.drain(..self.kept.len() - tail);
                    }
                }
            }
        }
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        let keep = self.tail.unwrap_or(usize::MAX);
        let excess = self.kept.len().saturating_sub(keep);
        self.kept.drain(..excess);
        self.kept
    }

    /// The descriptor to wait on; negative once there is nothing to wait for.
    pub(super) fn waiting(&self) -> i32 {
        if self.open { self.fd.as_raw_fd() } else { -1 }
    }
}
