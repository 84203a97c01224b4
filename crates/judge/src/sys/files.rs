//! Descriptors, files and directories.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};

use libc::{c_int, c_long};

use super::{check, check_long, own};

/// Bytes in sealed memory, at offset 0: nobody can change them any more.
pub(crate) fn sealed(name: &CStr, bytes: &[u8]) -> io::Result<OwnedFd> {
    sealed_parts(name, &[bytes])
}

/// An empty file in memory, which can be sealed.
pub(crate) fn memory_file(name: &CStr) -> io::Result<OwnedFd> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name is a valid C string.
    own(unsafe { libc::memfd_create(name.as_ptr(), flags) })
}

/// Cuts a file to nothing and goes to its start.
pub(crate) fn empty_file(fd: &OwnedFd) -> io::Result<()> {
    // SAFETY: no pointers are involved.
    check(unsafe { libc::ftruncate(fd.as_raw_fd(), 0) })?;
    seek_to_start(fd)
}

/// Bytes that lie in several places, in sealed memory.
pub(crate) fn sealed_parts(name: &CStr, parts: &[&[u8]]) -> io::Result<OwnedFd> {
    use io::Write as _;
    let mut file = std::fs::File::from(memory_file(name)?);
    for part in parts {
        file.write_all(part)?;
    }
    let seals = libc::F_SEAL_SEAL | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE;
    // SAFETY: no pointers are involved.
    check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) })?;
    let fd = OwnedFd::from(file);
    seek_to_start(&fd)?;
    Ok(fd)
}

/// All bytes of sealed memory, wherever other holders of it have read up to.
pub(crate) fn read_all_sealed(fd: &OwnedFd) -> io::Result<Vec<u8>> {
    let file = std::fs::File::from(fd.try_clone()?);
    let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    read_memory(fd, length)
}

/// The first bytes of a file in memory, which must hold at least as many.
pub(crate) fn read_memory(fd: &OwnedFd, n_bytes: usize) -> io::Result<Vec<u8>> {
    use std::os::unix::fs::FileExt as _;
    let file = std::fs::File::from(fd.try_clone()?);
    if file.metadata()?.len() < n_bytes as u64 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut bytes = vec![0; n_bytes];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
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

/// Writes as much as goes at once; for last words.
pub(crate) fn write(fd: RawFd, bytes: &[u8]) {
    // SAFETY: the text is readable for its whole length.
    let _ = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
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

/// Opens the null device for both directions.
pub(crate) fn open_null() -> io::Result<OwnedFd> {
    // SAFETY: the path is a valid C string.
    own(unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) })
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

/// When a file, its mode or its attributes last changed: seconds and nanoseconds of the clock in [`coarse_clock`].
pub(crate) fn change_time(path: &CStr) -> io::Result<(i64, i64)> {
    // SAFETY: an all-zero stat is valid.
    let mut status: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: the path is a valid C string, and the pointer is valid for writes.
    check(unsafe { libc::lstat(path.as_ptr(), &raw mut status) })?;
    Ok((status.st_ctime, status.st_ctime_nsec))
}

/// The clock that file systems stamp changes with.
pub(crate) fn coarse_clock() -> (i64, i64) {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is valid for writes.
    let _ = unsafe { libc::clock_gettime(libc::CLOCK_REALTIME_COARSE, &raw mut time) };
    (time.tv_sec, time.tv_nsec)
}

/// Free blocks and files of a file system.
pub(crate) fn free_space(path: &CStr) -> io::Result<(u64, u64)> {
    // SAFETY: an all-zero statfs is valid.
    let mut status: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: the path is a valid C string, and the pointer is valid for writes.
    check(unsafe { libc::statfs(path.as_ptr(), &raw mut status) })?;
    Ok((status.f_bfree, status.f_ffree))
}
