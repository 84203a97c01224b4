//! Sockets that carry bytes and descriptors, and waiting on them.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::time::Duration;

use libc::c_long;

use super::{check, check_long, own};

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
