//! Starting native programs: children of the supervisor, which inherit all its restrictions.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};

use super::filter;
use crate::sys::{self, Stack, Strings};

/// What the programs of a cell have in common.
pub(super) struct Spawner {
    stack: Stack,
    variables: Vec<CString>,
    environment: Strings,
    directory: CString,
    /// Whom programs run as, where that is not who we are.
    user: Option<u32>,
}

/// A program about to be started. It is all made beforehand, since its process shares our memory until it execs.
pub(super) struct Start<'a> {
    /// The file to run; without it, `argv` begins with a path.
    pub(super) program: Option<&'a OwnedFd>,
    pub(super) argv: &'a Strings,
    /// The environment, where it is not that of every program.
    pub(super) environment: Option<&'a Strings>,
    /// Standard input, output and error, none of them numbered below 3.
    pub(super) standard: [RawFd; 3],
    pub(super) rlimits: &'a [(u32, u64)],
    /// A further filter, with a placeholder for the program's id; may be empty.
    pub(super) filter: Vec<u8>,
}

impl Spawner {
    pub(super) fn new(directory: &str, temporary: &str, user: Option<u32>) -> io::Result<Spawner> {
        let mut environment = environment();
        environment.push(sys::c_string(format!("TMPDIR={temporary}"))?);
        Ok(Spawner {
            stack: Stack::new(),
            environment: Strings::new(environment.clone()),
            variables: environment,
            directory: sys::c_string(directory)?,
            user,
        })
    }

    /// The environment of every program, changed by some `NAME=value`.
    pub(super) fn environment_with(&self, changes: &[String]) -> io::Result<Strings> {
        let mut variables = self.variables.clone();
        for change in changes {
            let name = change.split_inclusive('=').next().unwrap_or_default();
            variables.retain(|other| !other.as_bytes().starts_with(name.as_bytes()));
            variables.push(sys::c_string(change.as_str())?);
        }
        Ok(Strings::new(variables))
    }

    /// Starts a program; returns its id and a handle on it.
    pub(super) fn start(&mut self, mut start: Start<'_>) -> io::Result<(i32, OwnedFd)> {
        let Spawner {
            stack,
            environment,
            directory,
            user,
            ..
        } = self;
        let environment = start.environment.unwrap_or(environment);
        let mut failure = None;
        let started = stack.start(&mut || {
            let arranged = arrange(&mut start, directory, *user);
            failure = Some(match arranged {
                Ok(()) => {
                    let program = start.program.map(|file| file.as_raw_fd());
                    let error = sys::exec(program, start.argv, environment);
                    if program.is_none() {
                        // As a shell says it: the command is at fault, not the cell.
                        sys::write(2, format!("cannot be started: {error}\n").as_bytes());
                        sys::exit(127);
                    }
                    error
                }
                Err(error) => error,
            });
        })?;
        match failure {
            None => Ok(started),
            Some(error) => {
                let _ = sys::wait(started.0, true);
                Err(error)
            }
        }
    }
}

/// Turns the new process into what the program expects to find.
fn arrange(start: &mut Start<'_>, directory: &CString, user: Option<u32>) -> io::Result<()> {
    sys::new_session();
    for (number, fd) in start.standard.into_iter().enumerate() {
        sys::dup_to(fd, number as RawFd, true)?;
    }
    for &(resource, value) in start.rlimits {
        sys::set_rlimit(resource, value)?;
    }
    if let Some(user) = user {
        sys::become_user(user, user)?;
    }
    sys::change_directory(directory)?;
    if !start.filter.is_empty() {
        filter::bind(&mut start.filter, std::process::id());
        sys::install_filter(&start.filter)?;
    }
    Ok(())
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
