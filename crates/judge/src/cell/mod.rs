//! What runs inside a cell: code that the judge starts in a process of its own, before `main`.
//!
//! - `outer` waits outside of the namespaces, so that the cell dies with the judge and leaves no control group behind;
//! - `init` is the first process inside: it takes requests, watches runs and cleans up; it never runs foreign code;
//! - `launcher` and the Python zygote live under all restrictions and start the programs, which inherit them.
//!
//! Everything here is single-threaded and reads no environment.

mod cgroup;
mod drain;
mod filter;
mod hook;
mod init;
mod launcher;
mod outer;
mod restrict;
mod rootfs;
mod supervise;
mod watch;

pub(crate) use hook::{MARKER, is_installed};
