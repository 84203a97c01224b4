//! What runs inside a cell: code that the judge starts in a process of its own, before `main`.
//!
//! - `outer` waits outside of the namespaces, so that the cell dies with the judge and leaves no control group behind;
//! - `init` is the first process inside: it takes requests, starts and watches programs, and cleans up;
//!   it lives under all restrictions, so that programs inherit them;
//! - `keeper` does for it the little that needs more: looking at processes, mounting an empty box, moving files;
//! - `zygote` starts Python programs, under the same restrictions;
//! - `nested` gives a run namespaces of its own.
//!
//! Everything here is single-threaded and reads no environment.

mod cgroup;
mod drain;
mod files;
mod filter;
mod hook;
mod init;
mod keeper;
mod nested;
mod outbox;
mod outer;
mod restrict;
mod rlimits;
mod rootfs;
mod running;
mod spawn;
mod supervise;
mod watch;
mod zygote;

pub(crate) use hook::{MARKER, is_installed};
