//! Limits, users, mounts and filters: what a sandbox is built from.

use std::ffi::CStr;
use std::io;

use libc::{c_int, c_long};

use super::{change_directory, check, check_long};

/// Sets a resource limit, soft and hard alike; it must not be above the present hard limit.
pub(crate) fn set_rlimit(resource: u32, value: u64) -> io::Result<()> {
    let limit = libc::rlimit {
        rlim_cur: value,
        rlim_max: value,
    };
    // SAFETY: the pointer is valid.
    check(unsafe { libc::setrlimit(resource as _, &raw const limit) }).map(drop)
}

/// The present hard limit.
pub(crate) fn hard_rlimit(resource: u32) -> io::Result<u64> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the pointer is valid for writes.
    check(unsafe { libc::getrlimit(resource as _, &raw mut limit) })?;
    Ok(limit.rlim_max)
}

/// `prctl` with plain numbers.
pub(crate) fn prctl(option: c_int, value: u64) -> io::Result<()> {
    // SAFETY: the options in use take numbers only.
    check(unsafe { libc::prctl(option, value, 0u64, 0u64, 0u64) }).map(drop)
}

/// Becomes another user for good, without supplementary groups.
pub(crate) fn become_user(uid: u32, gid: u32) -> io::Result<()> {
    let none = std::ptr::null::<libc::gid_t>();
    // SAFETY: plain numbers, and an empty list of groups. The calls are made without the C library,
    // which would have other threads follow; there are none, but there may be a parent that shares our memory.
    unsafe {
        check_long(libc::syscall(libc::SYS_setgroups, 0, none))?;
        check_long(libc::syscall(libc::SYS_setresgid, gid, gid, gid))?;
        check_long(libc::syscall(libc::SYS_setresuid, uid, uid, uid)).map(drop)
    }
}

/// The effective user and group.
pub(crate) fn user() -> (u32, u32) {
    // SAFETY: always sound.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

/// Whether a change from root to another user leaves the capabilities as they are.
pub(crate) fn keep_capabilities_of_root(keep: bool) -> io::Result<()> {
    prctl(libc::PR_SET_KEEPCAPS, u64::from(keep))
}

/// Lets an exec keep some capabilities that this process has. The program must give them up before it runs foreign code.
pub(crate) fn pass_on_capabilities(mask: u64) -> io::Result<()> {
    set_capabilities(mask, mask)?;
    for capability in (0..64).filter(|number| mask >> number & 1 == 1) {
        // SAFETY: no pointers are involved.
        check(unsafe {
            libc::prctl(
                libc::PR_CAP_AMBIENT,
                libc::PR_CAP_AMBIENT_RAISE,
                capability as libc::c_ulong,
                0u64,
                0u64,
            )
        })?;
    }
    Ok(())
}

/// Gives up all capabilities but those in a mask, which it must have.
/// An exec does not pass them on, nor does a change to a user that is not root.
pub(crate) fn keep_capabilities(mask: u64) -> io::Result<()> {
    set_capabilities(mask, 0)
}

fn set_capabilities(mask: u64, inheritable: u64) -> io::Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    let header = [VERSION_3, 0];
    let half = |high: bool, mask: u64| {
        if high {
            (mask >> 32) as u32
        } else {
            mask as u32
        }
    };
    // Effective, permitted, inheritable: the low halves, then the high ones.
    let data =
        [false, true].map(|high| [half(high, mask), half(high, mask), half(high, inheritable)]);
    // SAFETY: header and data have the layout of version 3 for this process.
    check_long(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), data.as_ptr()) }).map(drop)
}

/// Resets signal handling to what a fresh program expects.
pub(crate) fn default_signals() {
    // SAFETY: an empty signal set is valid, and SIG_DFL is always allowed for SIGPIPE.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}

/// Mounts a file system.
pub(crate) fn mount(
    source: Option<&CStr>,
    target: &CStr,
    kind: Option<&CStr>,
    flags: u64,
    data: Option<&CStr>,
) -> io::Result<()> {
    let pointer = |text: Option<&CStr>| text.map_or(std::ptr::null(), CStr::as_ptr);
    // SAFETY: all strings are valid C strings or null, as the kernel allows for these.
    check(unsafe {
        libc::mount(
            pointer(source),
            target.as_ptr(),
            pointer(kind),
            flags as _,
            pointer(data).cast(),
        )
    })
    .map(drop)
}

/// Takes a mount out of the tree; what is open in it stays usable.
pub(crate) fn detach(target: &CStr) -> io::Result<()> {
    // SAFETY: the path is a valid C string.
    check(unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) }).map(drop)
}

/// Makes a mount read-only, without set-user-id programs and without devices; all mounts below it too when `recursive`.
pub(crate) fn make_read_only(target: &CStr, recursive: bool) -> io::Result<()> {
    #[repr(C)]
    struct MountAttr {
        set: u64,
        clear: u64,
        propagation: u64,
        userns_fd: u64,
    }
    let attributes = MountAttr {
        set: libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV,
        clear: 0,
        propagation: 0,
        userns_fd: 0,
    };
    let flags = if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is a valid C string and the structure has the layout and size that the kernel expects.
    check_long(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            target.as_ptr(),
            flags,
            &raw const attributes,
            size_of::<MountAttr>(),
        )
    })
    .map(drop)
}

/// Makes the working directory the root and drops the old one.
pub(crate) fn pivot_here() -> io::Result<()> {
    // SAFETY: both paths are valid C strings.
    check_long(unsafe { libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()) })?;
    detach(c".")?;
    change_directory(c"/")
}

/// Installs a seccomp filter, given as the raw bytes of its instructions.
/// The bytes need not be aligned, so they are copied; the copy may stay behind when the process shares its parent's memory.
pub(crate) fn install_filter(program: &[u8]) -> io::Result<()> {
    let mut instructions: Vec<libc::sock_filter> = program
        .chunks_exact(8)
        .map(|bytes| libc::sock_filter {
            code: u16::from_le_bytes([bytes[0], bytes[1]]),
            jt: bytes[2],
            jf: bytes[3],
            k: u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
        })
        .collect();
    let program = libc::sock_fprog {
        len: instructions.len() as u16,
        filter: instructions.as_mut_ptr(),
    };
    // SAFETY: the program points to `len` instructions; the kernel copies and verifies them.
    check(unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const program,
        )
    })
    .map(drop)
}

/// Starts a system call that must be refused inside a sandbox; true when it was.
pub(crate) fn is_refused(attempt: impl FnOnce() -> c_long) -> bool {
    attempt() < 0
}

/// Tries to make a socket of the given family.
pub(crate) fn try_socket(family: c_int) -> c_long {
    // SAFETY: no pointers are involved.
    c_long::from(unsafe { libc::socket(family, libc::SOCK_DGRAM, 0) })
}

/// Tries to make a user namespace.
pub(crate) fn try_user_namespace() -> c_long {
    // SAFETY: no pointers are involved.
    c_long::from(unsafe { libc::unshare(libc::CLONE_NEWUSER) })
}

/// Tries to open a path.
pub(crate) fn try_open(path: &CStr, flags: c_int) -> c_long {
    // SAFETY: the path is a valid C string.
    c_long::from(unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC, 0o600) })
}

/// What the kernel offers of Landlock.
pub(crate) fn landlock_version() -> String {
    const VERSION: u32 = 1;
    let none = std::ptr::null::<libc::c_void>();
    // SAFETY: with this flag the kernel takes no structure and only answers with a number.
    match unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, none, 0, VERSION) } {
        version if version > 0 => format!("version {version}"),
        _ => "absent".into(),
    }
}
