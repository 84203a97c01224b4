//! Narrow safe wrappers over the system calls that the cells need.
//! Everything `unsafe` that is not a mere constant lives here.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use libc::{c_int, c_long, pid_t};

/// Turns the usual -1 into the error behind it.
fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

fn check_long(result: c_long) -> io::Result<c_long> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

fn own(fd: c_int) -> io::Result<OwnedFd> {
    let fd = check(fd)?;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A path or name for the kernel.
pub(crate) fn c_string(text: impl Into<Vec<u8>>) -> io::Result<CString> {
    CString::new(text).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
}

/// Bytes in sealed memory, at offset 0: nobody can change them any more.
pub(crate) fn sealed(name: &CStr, bytes: &[u8]) -> io::Result<OwnedFd> {
    use io::Write as _;
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name is a valid C string.
    let fd = own(unsafe { libc::memfd_create(name.as_ptr(), flags) })?;
    let mut file = std::fs::File::from(fd);
    file.write_all(bytes)?;
    let seals = libc::F_SEAL_SEAL | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE;
    // SAFETY: no pointers are involved.
    check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) })?;
    let fd = OwnedFd::from(file);
    seek_to_start(&fd)?;
    Ok(fd)
}

fn seek_to_start(fd: &OwnedFd) -> io::Result<()> {
    // SAFETY: no pointers are involved.
    if unsafe { libc::lseek(fd.as_raw_fd(), 0, libc::SEEK_SET) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// A pipe: what is written to the second end comes out of the first, which never blocks.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [0; 2];
    // SAFETY: the array has room for two descriptors.
    check(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) })?;
    let pair = (own(fds[0])?, own(fds[1])?);
    set_nonblocking(&pair.0)?;
    Ok(pair)
}

fn set_nonblocking(fd: &OwnedFd) -> io::Result<()> {
    // SAFETY: no pointers are involved.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) }).map(drop)
}

/// What a pair of sockets keeps together.
#[derive(Clone, Copy)]
pub(crate) enum Sockets {
    /// Bytes.
    Stream,
    /// Whole messages.
    Datagram,
}

/// Two connected Unix sockets.
pub(crate) fn socket_pair(kind: Sockets) -> io::Result<(OwnedFd, OwnedFd)> {
    let kind = match kind {
        Sockets::Stream => libc::SOCK_STREAM,
        Sockets::Datagram => libc::SOCK_SEQPACKET,
    };
    let mut fds = [0; 2];
    // SAFETY: the array has room for two descriptors.
    check(unsafe {
        libc::socketpair(
            libc::AF_UNIX,
            kind | libc::SOCK_CLOEXEC,
            0,
            fds.as_mut_ptr(),
        )
    })?;
    Ok((own(fds[0])?, own(fds[1])?))
}

/// The most descriptors in one message.
pub(crate) const MAX_FDS: usize = 6;

/// Room for the control message that carries [`MAX_FDS`] descriptors, aligned as the kernel wants it.
#[repr(align(8))]
struct ControlBuffer([u8; 64]);

/// Sends bytes, and descriptors with the first of them; returns how many bytes went out.
pub(crate) fn send(socket: BorrowedFd<'_>, bytes: &[u8], fds: &[RawFd]) -> io::Result<usize> {
    assert!(fds.len() <= MAX_FDS, "too many descriptors in one message");
    let mut part = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    let mut control = ControlBuffer([0; 64]);
    // SAFETY: an all-zero msghdr is valid.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    if !fds.is_empty() {
        let n_bytes = size_of_val(fds) as u32;
        message.msg_control = control.0.as_mut_ptr().cast();
        // SAFETY: the buffer has room for one header and MAX_FDS descriptors, which the assertion above bounds.
        unsafe {
            message.msg_controllen = libc::CMSG_SPACE(n_bytes) as _;
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(n_bytes) as _;
            let data = libc::CMSG_DATA(header).cast::<RawFd>();
            for (idx, fd) in fds.iter().enumerate() {
                data.add(idx).write_unaligned(*fd);
            }
        }
    }
    loop {
        // SAFETY: the message and all that it points to live until the call returns.
        let sent =
            unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) };
        match check_long(sent as c_long) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other.map(|sent| sent as usize),
        }
    }
}

/// Receives some bytes, and the descriptors that came with them; 0 bytes mean that the other side is gone.
pub(crate) fn receive(
    socket: BorrowedFd<'_>,
    bytes: &mut [u8],
    fds: &mut Vec<OwnedFd>,
) -> io::Result<usize> {
    let mut part = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    let mut control = ControlBuffer([0; 64]);
    // SAFETY: an all-zero msghdr is valid.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;
    let received = loop {
        // SAFETY: the message and all that it points to live until the call returns.
        let received =
            unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) };
        match check_long(received as c_long) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => break other? as usize,
        }
    };
    // SAFETY: the kernel filled in the control buffer; the macros stay inside `msg_controllen`,
    // and the descriptors in an SCM_RIGHTS message are new and ours.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(&raw const message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_RIGHTS {
                let n_bytes = (*header).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                let data = libc::CMSG_DATA(header).cast::<RawFd>();
                for idx in 0..n_bytes / size_of::<RawFd>() {
                    fds.push(OwnedFd::from_raw_fd(data.add(idx).read_unaligned()));
                }
            }
            header = libc::CMSG_NXTHDR(&raw const message, header);
        }
    }
    Ok(received)
}

/// Reads once from a descriptor; `None` when it would block.
pub(crate) fn read(fd: &OwnedFd, bytes: &mut [u8]) -> io::Result<Option<usize>> {
    // SAFETY: the buffer is writable for its whole length.
    let n_bytes = unsafe { libc::read(fd.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len()) };
    match check_long(n_bytes as c_long) {
        Ok(n_bytes) => Ok(Some(n_bytes as usize)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Reads a small control file from its beginning through a descriptor that stays open.
pub(crate) fn read_again(fd: &OwnedFd) -> io::Result<String> {
    let mut bytes = [0u8; 1024];
    // SAFETY: the buffer is writable for its whole length.
    let n_bytes = unsafe { libc::pread(fd.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    let n_bytes = check_long(n_bytes as c_long)? as usize;
    Ok(String::from_utf8_lossy(&bytes[..n_bytes]).into_owned())
}

/// Writes a small value into a control file.
pub(crate) fn write_control(fd: &OwnedFd, value: &str) -> io::Result<()> {
    // SAFETY: the text is readable for its whole length.
    let n_bytes = unsafe { libc::pwrite(fd.as_raw_fd(), value.as_ptr().cast(), value.len(), 0) };
    check_long(n_bytes as c_long).map(drop)
}

/// Waits until one of the descriptors can be read or is closed; tells which.
/// A negative descriptor is skipped.
pub(crate) fn poll<const N: usize>(
    fds: [RawFd; N],
    timeout: Option<Duration>,
) -> io::Result<[bool; N]> {
    let mut polled = fds.map(|fd| libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    });
    let spec = timeout.map(|timeout| libc::timespec {
        tv_sec: timeout.as_secs() as _,
        tv_nsec: timeout.subsec_nanos() as _,
    });
    let spec = spec.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the array has N entries, and the timeout lives until the call returns.
    let result = unsafe { libc::ppoll(polled.as_mut_ptr(), N as _, spec, std::ptr::null()) };
    match check(result) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok([false; N]),
        Err(error) => Err(error),
        Ok(_) => Ok(polled.map(|polled| polled.revents != 0)),
    }
}

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

/// Starts a process that runs `body` in our memory while we wait, until it execs or leaves.
/// Much cheaper than a fork, since no page tables are copied. When `body` returns, the process leaves.
pub(crate) fn fork_for_exec(body: &mut dyn FnMut()) -> io::Result<pid_t> {
    const STACK: usize = 256 << 10;
    extern "C" fn run(body: *mut libc::c_void) -> c_int {
        // SAFETY: the pointer is the one made below, and its target lives as long as the parent waits.
        let body = unsafe { &mut **body.cast::<&mut dyn FnMut()>() };
        body();
        exit(78);
    }
    let mut stack = vec![0u128; STACK / size_of::<u128>()];
    let mut body = body;
    let argument: *mut &mut dyn FnMut() = &raw mut body;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the stack is large, aligned and grows down from its end. CLONE_VFORK suspends this single-threaded
    // process until the child no longer uses our memory, so the two never run in it at the same time.
    check(unsafe {
        let top = stack.as_mut_ptr().add(stack.len());
        libc::clone(run, top.cast(), flags, argument.cast())
    })
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

/// Waits for a child (any with -1); `None` when none has ended and `block` is false, or none is left.
pub(crate) fn wait(pid: pid_t, block: bool) -> io::Result<Option<Ended>> {
    let mut status = 0;
    // SAFETY: an all-zero rusage is valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let flags = if block { 0 } else { libc::WNOHANG };
    loop {
        // SAFETY: both pointers are valid for writes.
        let result =
            unsafe { libc::wait4(pid, &raw mut status, flags | libc::__WALL, &raw mut usage) };
        match check(result) {
            Ok(0) => return Ok(None),
            Ok(pid) => {
                return Ok(Some(Ended {
                    pid,
                    status,
                    cpu: duration(usage.ru_utime) + duration(usage.ru_stime),
                    peak_kib: usage.ru_maxrss.max(0) as u64,
                }));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

fn duration(time: libc::timeval) -> Duration {
    Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000)
}

/// A handle on a process that cannot come to mean another one.
pub(crate) fn pidfd(pid: pid_t) -> io::Result<OwnedFd> {
    // SAFETY: no pointers are involved.
    let fd = check_long(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    own(fd as c_int)
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

/// Sets a resource limit, soft and hard alike, as far as the present hard limit allows.
pub(crate) fn set_rlimit(resource: u32, value: u64) -> io::Result<()> {
    let value = value.min(hard_rlimit(resource)?);
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

/// Closes all descriptors from `first` on.
pub(crate) fn close_from(first: RawFd) {
    // SAFETY: callers own no descriptor in that range any more; they exec or leave next.
    let _ = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
}

/// Makes `target` mean the same as `fd`.
pub(crate) fn dup_to(fd: RawFd, target: RawFd, keep_on_exec: bool) -> io::Result<()> {
    let flags = if keep_on_exec { 0 } else { libc::O_CLOEXEC };
    if fd == target {
        // SAFETY: no pointers are involved.
        return check(unsafe {
            libc::fcntl(
                fd,
                libc::F_SETFD,
                if keep_on_exec { 0 } else { libc::FD_CLOEXEC },
            )
        })
        .map(drop);
    }
    // SAFETY: no pointers are involved; what `target` meant before is meant to be lost.
    check(unsafe { libc::dup3(fd, target, flags) }).map(drop)
}

/// A copy of a descriptor, numbered `least` or higher.
pub(crate) fn dup_above(fd: RawFd, least: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: no pointers are involved.
    own(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, least) })
}

/// Puts this process into a session of its own, away from any terminal.
pub(crate) fn new_session() {
    // SAFETY: no pointers are involved; it fails only when this is a session leader already.
    let _ = unsafe { libc::setsid() };
}

/// Becomes another user for good, without supplementary groups.
pub(crate) fn become_user(uid: u32, gid: u32) -> io::Result<()> {
    // SAFETY: plain numbers, and an empty list of groups.
    unsafe {
        check(libc::setgroups(0, std::ptr::null()))?;
        check(libc::setresgid(gid, gid, gid))?;
        check(libc::setresuid(uid, uid, uid)).map(drop)
    }
}

/// The effective user and group.
pub(crate) fn user() -> (u32, u32) {
    // SAFETY: always sound.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

/// Gives up all capabilities.
pub(crate) fn drop_capabilities() -> io::Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    let header = [VERSION_3, 0];
    let data = [0u32; 6];
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

/// Replaces this process by the program in an open file, or at a path when `program` is `None`. Returns on failure only.
pub(crate) fn exec(program: Option<RawFd>, argv: &[CString], env: &[CString]) -> io::Error {
    let pointers = |strings: &[CString]| {
        let mut pointers: Vec<_> = strings.iter().map(|text| text.as_ptr()).collect();
        pointers.push(std::ptr::null());
        pointers
    };
    let (argv_pointers, env_pointers) = (pointers(argv), pointers(env));
    // SAFETY: both arrays end in a null pointer and live until the call, which returns only on failure.
    unsafe {
        match program {
            Some(fd) => {
                libc::syscall(
                    libc::SYS_execveat,
                    fd,
                    c"".as_ptr(),
                    argv_pointers.as_ptr(),
                    env_pointers.as_ptr(),
                    libc::AT_EMPTY_PATH,
                );
            }
            None => {
                libc::execve(
                    argv[0].as_ptr(),
                    argv_pointers.as_ptr(),
                    env_pointers.as_ptr(),
                );
            }
        }
    }
    io::Error::last_os_error()
}

/// Changes the working directory.
pub(crate) fn change_directory(path: &CStr) -> io::Result<()> {
    // SAFETY: the path is a valid C string.
    check(unsafe { libc::chdir(path.as_ptr()) }).map(drop)
}

/// Opens a file for reading relative to a directory, never through a symbolic link at the end, never blocking.
pub(crate) fn open_at(directory: &OwnedFd, path: &CStr, flags: c_int) -> io::Result<OwnedFd> {
    let flags = flags | libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_NONBLOCK;
    // SAFETY: the path is a valid C string.
    own(unsafe { libc::openat(directory.as_raw_fd(), path.as_ptr(), flags) })
}

/// Opens a directory by path.
pub(crate) fn open_directory(path: &CStr) -> io::Result<OwnedFd> {
    // SAFETY: the path is a valid C string.
    own(unsafe {
        libc::open(
            path.as_ptr(),
            libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC,
        )
    })
}

/// The names in a directory, without `.` and `..`.
pub(crate) fn list(directory: &OwnedFd) -> io::Result<Vec<CString>> {
    /// Where the name begins in `struct linux_dirent64`, and where its length field lies.
    const NAME: usize = 19;
    const LENGTH: usize = 16;
    seek_to_start(directory)?;
    let mut names = Vec::new();
    let mut buffer = [0u8; 4096];
    loop {
        // SAFETY: the buffer is writable for its whole length.
        let n_bytes = check_long(unsafe {
            libc::syscall(
                libc::SYS_getdents64,
                directory.as_raw_fd(),
                buffer.as_mut_ptr(),
                buffer.len(),
            )
        })? as usize;
        if n_bytes == 0 {
            return Ok(names);
        }
        let mut entries = &buffer[..n_bytes];
        while entries.len() > NAME {
            let length = usize::from(u16::from_ne_bytes([entries[LENGTH], entries[LENGTH + 1]]));
            let (entry, rest) = entries.split_at(length.clamp(NAME, entries.len()));
            entries = rest;
            if let Ok(name) = CStr::from_bytes_until_nul(&entry[NAME..])
                && name != c"."
                && name != c".."
            {
                names.push(name.to_owned());
            }
        }
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

/// Opens the null device for both directions.
pub(crate) fn open_null() -> io::Result<OwnedFd> {
    // SAFETY: the path is a valid C string.
    own(unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) })
}

/// The children of this process, which must have a single thread.
pub(crate) fn children_of_self() -> Vec<pid_t> {
    let text = std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    text.split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

/// Lets no descriptor from `first` on survive an exec.
pub(crate) fn close_on_exec_from(first: RawFd) {
    const CLOSE_RANGE_CLOEXEC: u32 = 4;
    // SAFETY: no pointers are involved.
    let _ = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, CLOSE_RANGE_CLOEXEC) };
}

/// Files that this process makes from now on are readable by all and writable by their owner.
pub(crate) fn usual_file_modes() {
    // SAFETY: no pointers are involved.
    let _ = unsafe { libc::umask(0o022) };
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
