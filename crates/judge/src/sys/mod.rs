//! Narrow safe wrappers over the system calls that the cells need.
//! Nearly everything `unsafe` in this crate lives below.

use std::ffi::CString;
use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd};

use libc::{c_int, c_long};

mod files;
mod firsts;
mod processes;
mod sandbox;
mod sockets;

pub(crate) use files::*;
pub(crate) use firsts::*;
pub(crate) use processes::*;
pub(crate) use sandbox::*;
pub(crate) use sockets::*;

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
