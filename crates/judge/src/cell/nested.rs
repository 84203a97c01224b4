//! Programs in process and IPC namespaces of their own, for one run.
//!
//! A fork of the supervisor is the first process there. It starts the program as its child, reaps what is orphaned,
//! and leaves when the program has ended; with it the kernel ends all that is left.

use std::io;
use std::os::fd::OwnedFd;

use domain::Exit;

use super::running::exit_of;
use super::spawn::{Spawner, Start};
use crate::sys::{self, SharedNumbers, Waited};

/// The only namespaces that the filter lets a process make, if it has the capability, as no program has.
pub(super) const NAMESPACES: i32 = libc::CLONE_NEWPID | libc::CLONE_NEWIPC;

/// States of a nested run, the first of its numbers.
const STARTING: u64 = 0;
const ENDED: u64 = 1;
const FAILED: u64 = 2;

/// Where the first process of a namespace leaves what it knows.
pub(super) struct Nest {
    numbers: SharedNumbers,
}

/// What the first process told of the program.
pub(super) struct Told {
    pub(super) exit: Exit,
    pub(super) peak_bytes: u64,
}

impl Nest {
    pub(super) fn new() -> io::Result<Nest> {
        Ok(Nest {
            numbers: SharedNumbers::new()?,
        })
    }

    /// Starts a program in new namespaces; returns the id of their first process and a handle on it.
    pub(super) fn start(
        &self,
        spawner: &mut Spawner,
        start: Start<'_>,
    ) -> io::Result<(i32, OwnedFd)> {
        self.numbers.set([STARTING, 0, 0]);
        match sys::fork_nested(NAMESPACES)? {
            Some(started) => Ok(started),
            None => {
                self.be_first(spawner, start);
                sys::exit(0);
            }
        }
    }

    /// The life of a namespace's first process.
    fn be_first(&self, spawner: &mut Spawner, start: Start<'_>) {
        let _ = sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as u64);
        let program = match spawner.start(start) {
            Ok((pid, _)) => pid,
            Err(error) => {
                let code = error.raw_os_error().unwrap_or(libc::EINVAL);
                return self.numbers.set([FAILED, code as u64, 0]);
            }
        };
        while let Ok(Waited::Ended(ended)) = sys::wait(-1, true) {
            if ended.pid == program {
                let status = u64::from(ended.status.cast_unsigned());
                return self.numbers.set([ENDED, status, ended.peak_kib]);
            }
        }
    }

    /// How the program ended, after its namespace's first process has, with this status.
    pub(super) fn end(&self, status: i32) -> io::Result<Told> {
        match self.numbers.get() {
            [FAILED, code, ..] => Err(io::Error::from_raw_os_error(code as i32)),
            [ENDED, status, peak_kib] => Ok(Told {
                exit: exit_of(status as i32),
                peak_bytes: peak_kib << 10,
            }),
            // It was killed before, and the program with it.
            _ => Ok(Told {
                exit: exit_of(status),
                peak_bytes: 0,
            }),
        }
    }
}
