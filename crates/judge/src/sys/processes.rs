//! Starting, watching and ending processes.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::time::Duration;

use libc::{c_int, c_long, pid_t};

use super::{check, check_long, own};

/// Which side of a fork this is.
pub(crate) enum Fork {
    /// The new process.
    Child,
    /// The old one, with the new one's id.
    Parent(pid_t),
}

/// Forks this process, which must have a single thread.
pub(crate) fn fork() -> io::Result<Fork> {
    // SAFETY: cells have a single thread, so the child may do all that the parent may.
    match check(unsafe { libc::fork() })? {
        0 => Ok(Fork::Child),
        pid => Ok(Fork::Parent(pid)),
    }
}

/// Forks this process, which must have a single thread, into new namespaces.
pub(crate) fn fork_into(namespaces: c_int) -> io::Result<Fork> {
    let flags = c_long::from(namespaces | libc::SIGCHLD);
    // SAFETY: without CLONE_VM and with a null stack this is a fork; cells have a single thread.
    let pid = check_long(unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) })?;
    match pid {
        0 => Ok(Fork::Child),
        pid => Ok(Fork::Parent(pid as pid_t)),
    }
}

/// Forks this process, which must have a single thread, into a helper that an ordinary [`wait`] does not see.
pub(crate) fn fork_unseen() -> io::Result<Fork> {
    // SAFETY: as above; without flags, not even a signal at its end, this is a fork.
    let pid = check_long(unsafe { libc::syscall(libc::SYS_clone, 0, 0, 0, 0, 0) })?;
    match pid {
        0 => Ok(Fork::Child),
        pid => Ok(Fork::Parent(pid as pid_t)),
    }
}

/// Where a process started by [`Stack::start`] runs until it execs.
pub(crate) struct Stack(Vec<u128>);

impl Stack {
    pub(crate) fn new() -> Stack {
        const BYTES: usize = 256 << 10;
        Stack(vec![0; BYTES / size_of::<u128>()])
    }

    /// Starts a process that runs `body` in our memory while we wait, until it execs or leaves.
    /// Much cheaper than a fork, since no page tables are copied. When `body` returns, the process leaves.
    /// Returns its id and a handle on it.
    pub(crate) fn start(&mut self, body: &mut dyn FnMut()) -> io::Result<(pid_t, OwnedFd)> {
        extern "C" fn run(body: *mut libc::c_void) -> c_int {
            // SAFETY: the pointer is the one made below, and its target lives as long as the parent waits.
            let body = unsafe { &mut **body.cast::<&mut dyn FnMut()>() };
            body();
            exit(78);
        }
        let mut body = body;
        let argument: *mut &mut dyn FnMut() = &raw mut body;
        let mut handle: c_int = -1;
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
        // SAFETY: the stack is large, aligned and grows down from its end. CLONE_VFORK suspends this single-threaded
        // process until the child no longer uses our memory, so the two never run in it at the same time.
        let pid = check(unsafe {
            let top = self.0.as_mut_ptr().add(self.0.len());
            libc::clone(run, top.cast(), flags, argument.cast(), &raw mut handle)
        })?;
        Ok((pid, own(handle)?))
    }
}

/// Leaves at once, without destructors.
pub(crate) fn exit(code: c_int) -> ! {
    // SAFETY: always sound; nothing of ours runs afterwards.
    unsafe { libc::_exit(code) }
}

/// How a child ended.
#[derive(Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) pid: pid_t,
    pub(crate) status: c_int,
    pub(crate) cpu: Duration,
    pub(crate) peak_kib: u64,
}

/// What a look for ended children finds.
pub(crate) enum Waited {
    /// This one has ended, and is gone now.
    Ended(Ended),
    /// There are children, and none has ended.
    Running,
    /// There is none.
    Childless,
}

/// Waits for a child (any with -1), or only looks for one that has ended when `block` is false.
/// Helpers made by [`fork_unseen`] are no children in this sense.
pub(crate) fn wait(pid: pid_t, block: bool) -> io::Result<Waited> {
    let mut status = 0;
    // SAFETY: an all-zero rusage is valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let flags = if block { 0 } else { libc::WNOHANG };
    loop {
        // SAFETY: both pointers are valid for writes.
        let result = unsafe { libc::wait4(pid, &raw mut status, flags, &raw mut usage) };
        match check(result) {
            Ok(0) => return Ok(Waited::Running),
            Ok(pid) => {
                return Ok(Waited::Ended(Ended {
                    pid,
                    status,
                    cpu: duration(usage.ru_utime) + duration(usage.ru_stime),
                    peak_kib: usage.ru_maxrss.max(0) as u64,
                }));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => {
                return Ok(Waited::Childless);
            }
            Err(error) => return Err(error),
        }
    }
}

pub(super) fn duration(time: libc::timeval) -> Duration {
    Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000)
}

/// A handle on a process that cannot come to mean another one.
pub(crate) fn pidfd(pid: pid_t) -> io::Result<OwnedFd> {
    // SAFETY: no pointers are involved.
    let fd = check_long(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    own(fd as c_int)
}

/// Lets a process go on that somebody stopped.
pub(crate) fn go_on(pid: pid_t) {
    // SAFETY: no pointers are involved.
    let _ = unsafe { libc::kill(pid, libc::SIGCONT) };
}

/// Kills the process behind a handle; it may be gone already.
pub(crate) fn kill_pidfd(fd: &OwnedFd) {
    let info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a null siginfo is allowed.
    let _ = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            fd.as_raw_fd(),
            libc::SIGKILL,
            info,
            0,
        )
    };
}

/// Sends SIGKILL to a process of our own, which may be gone already.
pub(crate) fn kill(pid: pid_t) {
    // SAFETY: no pointers are involved.
    let _ = unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// CPU time of a process, threads included; zero when it is gone.
pub(crate) fn cpu_of(pid: pid_t) -> Duration {
    let mut clock = 0;
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: both pointers are valid for writes.
    let failed = unsafe {
        libc::clock_getcpuclockid(pid, &raw mut clock) != 0
            || libc::clock_gettime(clock, &raw mut time) != 0
    };
    if failed {
        return Duration::ZERO;
    }
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Puts this process into a session of its own, away from any terminal.
pub(crate) fn new_session() {
    // SAFETY: no pointers are involved; it fails only when this is a session leader already.
    let _ = unsafe { libc::setsid() };
}

/// Arguments or an environment, in the form in which the kernel takes them.
pub(crate) struct Strings {
    /// What the pointers point to.
    _texts: Vec<CString>,
    pointers: Vec<*const libc::c_char>,
}

impl Strings {
    pub(crate) fn new(texts: Vec<CString>) -> Strings {
        let mut pointers: Vec<_> = texts.iter().map(|text| text.as_ptr()).collect();
        pointers.push(std::ptr::null());
        Strings {
            _texts: texts,
            pointers,
        }
    }

    /// Texts without zero bytes.
    pub(crate) fn of(texts: &[String]) -> io::Result<Strings> {
        let texts = texts.iter().map(|text| super::c_string(text.as_str()));
        Ok(Strings::new(texts.collect::<io::Result<_>>()?))
    }
}

/// Replaces this process by the program in an open file, or at the path in `argv[0]` when `program` is `None`.
/// Allocates nothing. Returns on failure only.
pub(crate) fn exec(program: Option<RawFd>, argv: &Strings, env: &Strings) -> io::Error {
    // SAFETY: both arrays end in a null pointer and live until the call, which returns only on failure.
    unsafe {
        match program {
            Some(fd) => {
                libc::syscall(
                    libc::SYS_execveat,
                    fd,
                    c"".as_ptr(),
                    argv.pointers.as_ptr(),
                    env.pointers.as_ptr(),
                    libc::AT_EMPTY_PATH,
                );
            }
            None => {
                let path = argv.pointers.first().copied().unwrap_or(std::ptr::null());
                libc::execve(path, argv.pointers.as_ptr(), env.pointers.as_ptr());
            }
        }
    }
    io::Error::last_os_error()
}

/// CPU time of this process so far.
pub(crate) fn own_cpu() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is valid for writes.
    let _ = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The most memory that this process has had, in bytes.
pub(crate) fn own_peak() -> u64 {
    // SAFETY: all-zero bytes are a valid structure of numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is valid for writes.
    let _ = unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    (usage.ru_maxrss.max(0) as u64) << 10
}

/// The children of this process, which must have a single thread.
pub(crate) fn children_of_self() -> Vec<pid_t> {
    let text = std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    text.split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}
