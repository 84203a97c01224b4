//! The process that starts native programs: it lives under all restrictions, and its children inherit them.
//! It speaks the same datagrams as the Python zygote.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use serde::{Deserialize, Serialize};

use super::filter;
use crate::sys::{self, Fork};

/// A run, as told to a launcher; its descriptors come along.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Launch {
    /// `exec` for a program in descriptor 0, `command` for `argv`, else one of the zygote's modes.
    pub(super) mode: String,
    pub(super) argv: Vec<String>,
    /// Where to start.
    pub(super) directory: String,
    /// Resource limits; a negative number stands for none.
    pub(super) rlimits: Vec<(u32, i64)>,
    /// A seccomp filter in hexadecimal, with a placeholder for the program's id; may be empty.
    pub(super) filter: String,
}

/// What a launcher says: that it is ready, then the pid of each program, and then how it ended.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Word {
    pub(super) pid: Option<i32>,
    pub(super) status: Option<i32>,
    pub(super) cpu_us: Option<u64>,
    pub(super) peak_kib: Option<u64>,
    pub(super) error: Option<String>,
}

/// The environment of every program: fixed, and cheap for the C library.
pub(super) fn environment() -> Vec<CString> {
    [
        c"PATH=/usr/local/bin:/usr/bin:/bin",
        c"LANG=C",
        c"HOME=/tmp",
        c"PYTHONUTF8=1",
        c"PYTHONHASHSEED=0",
        c"PYTHONDONTWRITEBYTECODE=1",
    ]
    .map(CString::from)
    .to_vec()
}

/// Serves launches until the other side is gone. Never returns.
pub(super) fn serve(control: &OwnedFd) -> ! {
    let environment = environment();
    let say = |word: &str| sys::send(control.as_fd(), word.as_bytes(), &[]);
    let _ = say("{}");
    let mut buffer = vec![0; 1 << 16];
    loop {
        let mut fds = Vec::new();
        let n_bytes = match sys::receive(control.as_fd(), &mut buffer, &mut fds) {
            Ok(n_bytes) if n_bytes > 0 => n_bytes,
            _ => sys::exit(0),
        };
        let Ok(launch) = serde_json::from_slice::<Launch>(&buffer[..n_bytes]) else {
            sys::exit(73);
        };
        let pid = match sys::fork() {
            Ok(Fork::Child) => {
                if let Err(error) = start(&launch, &fds, &environment) {
                    let word = serde_json::json!({ "error": error.to_string() });
                    let _ = say(&word.to_string());
                }
                sys::exit(78);
            }
            Ok(Fork::Parent(pid)) => pid,
            Err(_) => sys::exit(74),
        };
        drop(fds);
        let _ = say(&format!("{{\"pid\":{pid}}}"));
        match sys::wait(pid, true) {
            Ok(Some(ended)) => {
                let _ = say(&format!(
                    "{{\"status\":{},\"cpu_us\":{},\"peak_kib\":{}}}",
                    ended.status,
                    ended.cpu.as_micros(),
                    ended.peak_kib
                ));
            }
            _ => sys::exit(75),
        }
    }
}

/// Becomes the program. Returns on failure only.
fn start(launch: &Launch, fds: &[OwnedFd], environment: &[CString]) -> std::io::Result<()> {
    // Descriptor 3 is the socket, which an exec closes: over it we can say that there was none.
    const PROGRAM: i32 = 4;
    let is_binary = launch.mode == "exec";
    let first = usize::from(is_binary);
    sys::new_session();
    // Out of the way of the numbers that are given out below.
    let fds = fds
        .iter()
        .map(|fd| sys::dup_above(fd.as_raw_fd(), 64))
        .collect::<std::io::Result<Vec<_>>>()?;
    for standard in 0..3 {
        let fd = fds
            .get(first + standard)
            .ok_or(std::io::ErrorKind::InvalidInput)?;
        sys::dup_to(fd.as_raw_fd(), standard as i32, true)?;
    }
    if is_binary {
        sys::dup_to(fds[0].as_raw_fd(), PROGRAM, false)?;
    }
    std::mem::forget(fds);
    sys::close_from(PROGRAM + i32::from(is_binary));
    sys::change_directory(&sys::c_string(launch.directory.as_str())?)?;
    for &(resource, value) in &launch.rlimits {
        sys::set_rlimit(
            resource,
            u64::try_from(value).unwrap_or(libc::RLIM_INFINITY),
        )?;
    }
    let mut environment = environment.to_vec();
    environment.push(sys::c_string(if is_binary {
        "TMPDIR=/tmp".to_string()
    } else {
        format!("TMPDIR={}", launch.directory)
    })?);
    let argv = launch
        .argv
        .iter()
        .map(|part| sys::c_string(part.as_str()))
        .collect::<std::io::Result<Vec<_>>>()?;
    if !launch.filter.is_empty() {
        let program = filter::from_hex(&launch.filter);
        sys::install_filter(&filter::for_process(&program, std::process::id()))?;
    }
    Err(sys::exec(is_binary.then_some(PROGRAM), &argv, &environment))
}
