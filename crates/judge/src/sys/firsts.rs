//! First processes of process namespaces: they do nothing but reap, and when one is killed, so is all of its namespace.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::Duration;

use libc::{c_int, c_long, pid_t};

use super::processes::duration;
use super::{check, kill_pidfd, own, pidfd};

/// The only namespaces that the filter lets a process make, if it has the capability, as no program has.
pub(crate) const NESTING: c_int = libc::CLONE_NEWPID | libc::CLONE_NEWIPC;

/// A living first process, a child of ours that an ordinary wait does not see.
pub(crate) struct First {
    pid: pid_t,
    handle: OwnedFd,
    /// What it runs on, in our memory.
    _stack: Vec<u128>,
}

/// The way back to the namespace of this process's own.
pub(crate) struct Home(OwnedFd);

impl Home {
    /// The namespace of this process, which must have a single thread.
    pub(crate) fn here() -> io::Result<Home> {
        pidfd(std::process::id() as pid_t).map(Home)
    }

    /// Has later children live here again, after a [`First::start`].
    pub(crate) fn have_children(&self) -> io::Result<()> {
        // SAFETY: no pointers are involved.
        check(unsafe { libc::setns(self.0.as_raw_fd(), libc::CLONE_NEWPID) }).map(drop)
    }
}

impl First {
    /// Makes namespaces and their first process. Later children live in them too, until [`Home::have_children`].
    /// It shares our memory, since copying it would take as long as a whole run, and touches nothing in it.
    pub(crate) fn start() -> io::Result<First> {
        const BYTES: usize = 16 << 10;
        // SAFETY: no pointers are involved.
        check(unsafe { libc::unshare(NESTING) })?;
        let mut stack = vec![0_u128; BYTES / size_of::<u128>()];
        let mut handle: c_int = -1;
        let flags = libc::CLONE_VM | libc::CLONE_PIDFD;
        // SAFETY: the stack is aligned, grows down from its end, and is kept until the process is gone.
        // `reap_forever` makes system calls only, without the C library, whose state belongs to us.
        let pid = check(unsafe {
            let top = stack.as_mut_ptr().add(stack.len());
            let nothing = std::ptr::null_mut();
            libc::clone(reap_forever, top.cast(), flags, nothing, &raw mut handle)
        })?;
        Ok(First {
            pid,
            handle: own(handle)?,
            _stack: stack,
        })
    }

    pub(crate) fn pid(&self) -> pid_t {
        self.pid
    }

    /// Kills it, and with it all that lives in its namespace; the CPU time of what it had reaped.
    pub(crate) fn end(self) -> io::Result<Duration> {
        kill_pidfd(&self.handle);
        // SAFETY: an all-zero rusage is valid.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        let status = std::ptr::null_mut();
        // SAFETY: the status may be left out, and the other pointer is valid for writes.
        check(unsafe { libc::wait4(self.pid, status, libc::__WALL, &raw mut usage) })?;
        Ok(duration(usage.ru_utime) + duration(usage.ru_stime))
    }
}

/// The life of a first process.
extern "C" fn reap_forever(_: *mut libc::c_void) -> c_int {
    let ended: u64 = 1 << (libc::SIGCHLD - 1);
    let ended = &raw const ended as c_long;
    let any = c_long::from(libc::WNOHANG | libc::__WALL);
    let size = size_of::<u64>() as c_long;
    call(
        libc::SYS_rt_sigprocmask,
        [c_long::from(libc::SIG_BLOCK), ended, 0, size],
    );
    loop {
        call(libc::SYS_rt_sigtimedwait, [ended, 0, 0, size]);
        while call(libc::SYS_wait4, [-1, 0, any, 0]) > 0 {}
    }
}

/// A system call that leaves `errno` alone.
fn call(number: c_long, [a, b, c, d]: [c_long; 4]) -> c_long {
    let result;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the calls made here read one word of ours and write nothing.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") a,
            in("rsi") b,
            in("rdx") c,
            in("r10") d,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack, readonly),
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        std::arch::asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") a => result,
            in("x1") b,
            in("x2") c,
            in("x3") d,
            options(nostack, readonly),
        );
    }
    result
}
