//! A program that has been started, and how it ended.

use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::time::Duration;

use domain::Exit;

use super::init::Init;
use super::keeper::Keeper;
use super::watch::{Broken, LAUNCH};
use super::zygote::{Word, Zygote};
use crate::sys::{self, Ended, Waited};

/// A program that may still run.
pub(super) enum Running {
    /// A child of ours.
    Own { pid: i32, handle: OwnedFd },
    /// A child of the zygote.
    Forked { pid: i32, handle: Option<OwnedFd> },
}

/// How a program ended.
pub(super) struct End {
    pub(super) exit: Exit,
    pub(super) cpu: Duration,
    pub(super) peak_bytes: u64,
}

impl End {
    /// The end of a child of ours that has just been reaped.
    pub(super) fn of(ended: &Ended) -> End {
        End {
            exit: exit_of(ended.status),
            cpu: ended.cpu,
            peak_bytes: ended.peak_kib << 10,
        }
    }
}

impl Running {
    pub(super) fn pid(&self) -> i32 {
        match self {
            Running::Own { pid, .. } | Running::Forked { pid, .. } => *pid,
        }
    }

    /// The descriptor that becomes readable when the program has ended.
    pub(super) fn waiting(&self, zygote: Option<&Zygote>) -> RawFd {
        match self {
            Running::Own { handle, .. } => handle.as_raw_fd(),
            Running::Forked { .. } => zygote.map_or(-1, |zygote| zygote.socket.as_raw_fd()),
        }
    }

    pub(super) fn kill(&self, keeper: &Keeper) {
        match self {
            Running::Own { handle, .. } => sys::kill_pidfd(handle),
            Running::Forked { handle, .. } => handle.iter().for_each(|handle| keeper.kill(handle)),
        }
    }

    /// Waits for the end, which is due. `None` when the zygote is gone and cannot tell.
    pub(super) fn end(&self, init: &Init<'_>) -> Result<Option<End>, Broken> {
        match self {
            Running::Own { pid, .. } => match sys::wait(*pid, true) {
                Ok(Waited::Ended(ended)) => Ok(Some(End::of(&ended))),
                _ => Err(Broken::Cell("a program was lost".into())),
            },
            Running::Forked { .. } => {
                match init.zygote.as_ref().and_then(|zygote| zygote.hear(LAUNCH)) {
                    Some(Word {
                        error: Some(error), ..
                    }) => Err(Broken::Cell(error)),
                    Some(word) => Ok(word.status.map(|status| End {
                        exit: exit_of(status),
                        cpu: Duration::from_micros(word.cpu_us.unwrap_or(0)),
                        peak_bytes: word.peak_kib.unwrap_or(0) << 10,
                    })),
                    None => Ok(None),
                }
            }
        }
    }
}

/// How a wait status reads.
fn exit_of(status: i32) -> Exit {
    if libc::WIFSIGNALED(status) {
        Exit::Signal(libc::WTERMSIG(status))
    } else {
        Exit::Code(libc::WEXITSTATUS(status))
    }
}
