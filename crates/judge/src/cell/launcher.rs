//! The process that starts native programs: it lives under all restrictions, and its children inherit them.
//! It speaks the same datagrams as the Python zygote.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, IntoRawFd as _, OwnedFd, RawFd};

use serde::{Deserialize, Serialize};

use super::filter;
use crate::sys;

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

/// Where a program's file lies until it runs.
/// Descriptor 3 is the socket, which an exec closes: over it we can say that there was none.
const PROGRAM: RawFd = 4;

/// Serves launches until the other side is gone. Never returns.
pub(super) fn serve(control: &OwnedFd) -> ! {
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
        let Ok(mut program) = Prepared::new(&launch, &fds) else {
            sys::exit(74);
        };
        let pid = sys::fork_for_exec(&mut || {
            let error = program.start();
            let word = serde_json::json!({ "error": error.to_string() });
            let _ = say(&word.to_string());
        });
        let Ok(pid) = pid else {
            sys::exit(74);
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

/// A program about to be started. It is all made beforehand, since its process shares our memory until it execs.
struct Prepared<'a> {
    is_binary: bool,
    fds: &'a [OwnedFd],
    directory: CString,
    rlimits: &'a [(u32, i64)],
    filter: Vec<u8>,
    argv: Vec<CString>,
    environment: Vec<CString>,
}

impl Prepared<'_> {
    fn new<'a>(launch: &'a Launch, fds: &'a [OwnedFd]) -> io::Result<Prepared<'a>> {
        let is_binary = launch.mode == "exec";
        if fds.len() != 3 + usize::from(is_binary) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut environment = environment();
        environment.push(sys::c_string(if is_binary {
            "TMPDIR=/tmp".to_string()
        } else {
            format!("TMPDIR={}", launch.directory)
        })?);
        let argv = launch.argv.iter().map(|part| sys::c_string(part.as_str()));
        Ok(Prepared {
            is_binary,
            fds,
            directory: sys::c_string(launch.directory.as_str())?,
            rlimits: &launch.rlimits,
            filter: filter::from_hex(&launch.filter),
            argv: argv.collect::<io::Result<_>>()?,
            environment,
        })
    }

    /// Becomes the program. Returns on failure only.
    fn start(&mut self) -> io::Error {
        match self.arrange() {
            Ok(()) => {
                let program = self.is_binary.then_some(PROGRAM);
                sys::exec(program, &self.argv, &self.environment)
            }
            Err(error) => error,
        }
    }

    fn arrange(&mut self) -> io::Result<()> {
        sys::new_session();
        // Out of the way of the numbers that are given out below; the copies end with this process or its exec.
        let mut copies = [0; 4];
        for (copy, fd) in copies.iter_mut().zip(self.fds) {
            *copy = sys::dup_above(fd.as_raw_fd(), 64)?.into_raw_fd();
        }
        let (program, standard) = copies.split_at(usize::from(self.is_binary));
        for (number, &fd) in standard.iter().take(3).enumerate() {
            sys::dup_to(fd, number as RawFd, true)?;
        }
        if let Some(&program) = program.first() {
            sys::dup_to(program, PROGRAM, false)?;
        }
        sys::close_from(PROGRAM + RawFd::from(self.is_binary));
        sys::change_directory(&self.directory)?;
        for &(resource, value) in self.rlimits {
            sys::set_rlimit(
                resource,
                u64::try_from(value).unwrap_or(libc::RLIM_INFINITY),
            )?;
        }
        if !self.filter.is_empty() {
            filter::bind(&mut self.filter, std::process::id());
            sys::install_filter(&self.filter)?;
        }
        Ok(())
    }
}
