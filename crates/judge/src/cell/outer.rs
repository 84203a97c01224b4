//! The part of a cell that stays outside of its namespaces.

use std::io::{self, Write as _};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use domain::Rung;

use super::cgroup::Group;
use super::init::Init;
use crate::protocol::{Ready, Setup, Step, read_frame, write_frame};
use crate::sys::{self, Fork, Waited};

/// The user that programs run as inside, where the kernel lets us choose.
const INSIDE_USER: u32 = 1000;
/// The same user as the rest of the machine sees it: nobody.
const OUTSIDE_USER: u32 = 65534;

const NAMESPACES: i32 = libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// Runs a cell: descriptor 0 is the socket to the judge. Never returns.
pub(super) fn run() -> ! {
    let code = match receive_setup() {
        Ok((control, mut setup)) => match build(&control, &mut setup) {
            Ok(()) => 0,
            Err(error) => {
                let ready = Ready {
                    steps: Vec::new(),
                    error: Some(error),
                };
                let _ = write_frame(&control, &ready, &[], &[]);
                71
            }
        },
        Err(_) => 70,
    };
    sys::exit(code);
}

/// Moves the socket out of the way of standard input and reads the first frame from it.
fn receive_setup() -> io::Result<(OwnedFd, Setup)> {
    sys::usual_file_modes();
    // SAFETY: the judge started us with its socket as descriptor 0, which nothing else here uses.
    let socket = unsafe { OwnedFd::from_raw_fd(0) };
    sys::dup_to(socket.as_raw_fd(), 3, false)?;
    drop(socket);
    // Whatever else the judge had open and forgot to close is not for us.
    sys::close_from(4);
    // SAFETY: descriptor 3 was just made, and nothing else was left open.
    let control = unsafe { OwnedFd::from_raw_fd(3) };
    let null = sys::open_null()?;
    for standard in 0..3 {
        sys::dup_to(null.as_raw_fd(), standard, true)?;
    }
    if null.as_raw_fd() < 3 {
        std::mem::forget(null);
    }
    let frame = read_frame::<Setup>(&control).map_err(io::Error::other)?;
    Ok((control, frame.header))
}

/// Starts the inside and stays until it, or the judge, is gone.
fn build(control: &OwnedFd, setup: &mut Setup) -> Result<(), String> {
    let judge = std::os::unix::process::parent_id() as i32;
    let judge = sys::pidfd(judge).map_err(|error| format!("watch the judge: {error}"))?;
    let _ = sys::prctl(libc::PR_SET_CHILD_SUBREAPER, 1);
    let mut steps = Vec::new();
    let group = if setup.rung >= Rung::Full {
        let group = Group::create().map_err(|error| format!("control groups: {error}"))?;
        steps.push(Step {
            name: "control groups".into(),
            detail: group.describe(),
        });
        Some(group)
    } else {
        None
    };
    if let Some(parent) = setup.scratch.take() {
        let scratch = make_scratch(&parent).map_err(|error| format!("{parent}: {error}"))?;
        setup.scratch = Some(scratch);
    }
    let outcome = start(control, setup, steps, group.as_ref()).and_then(|inside| {
        let handle = sys::pidfd(inside).map_err(|error| format!("watch the cell: {error}"))?;
        // Only the inside may hold the socket: its end must be the end of the connection.
        let _ = sys::dup_to(0, control.as_raw_fd(), false);
        let _ = sys::prctl(libc::PR_SET_DUMPABLE, 0);
        loop {
            match sys::poll([judge.as_raw_fd(), handle.as_raw_fd()], None) {
                Ok([false, false]) => {}
                Ok([_, true]) => break,
                Ok([true, false]) | Err(_) => {
                    sys::kill_pidfd(&handle);
                    break;
                }
            }
        }
        let _ = sys::wait(inside, true);
        Ok(())
    });
    bury_children();
    if let Some(group) = &group {
        group.remove();
    }
    if let Some(scratch) = &setup.scratch {
        let _ = std::fs::remove_dir_all(scratch);
    }
    outcome
}

/// Makes a directory that only the programs' user can enter.
fn make_scratch(parent: &str) -> io::Result<String> {
    use std::os::unix::fs::{DirBuilderExt as _, chown};
    let path = format!("{parent}/mapcoder-judge-{}", std::process::id());
    std::fs::DirBuilder::new().mode(0o700).create(&path)?;
    if sys::user().0 == 0 {
        chown(&path, Some(OUTSIDE_USER), Some(OUTSIDE_USER))?;
    }
    Ok(path)
}

/// Kills and reaps whatever outlived the inside; with process namespaces there is nothing left.
fn bury_children() {
    loop {
        for pid in sys::children_of_self() {
            sys::kill(pid);
        }
        if !matches!(sys::wait(-1, true), Ok(Waited::Ended(_))) {
            return;
        }
    }
}

/// Forks the inside into its namespaces and gives it its users.
fn start(
    control: &OwnedFd,
    setup: &Setup,
    steps: Vec<Step>,
    group: Option<&Group>,
) -> Result<i32, String> {
    let (uid, gid) = sys::user();
    let namespaces = setup.rung >= Rung::Userns;
    let program_user = (uid == 0).then_some(if namespaces {
        INSIDE_USER
    } else {
        OUTSIDE_USER
    });
    let (go, gate) =
        sys::socket_pair(sys::Sockets::Stream).map_err(|error| format!("gate: {error}"))?;
    let forked = if namespaces {
        sys::fork_into(NAMESPACES).map_err(|error| format!("namespaces: {error}"))?
    } else {
        sys::fork().map_err(|error| format!("fork: {error}"))?
    };
    let pid = match forked {
        Fork::Child => {
            drop(go);
            if !matches!(sys::read(&gate, &mut [0]), Ok(Some(1))) {
                sys::exit(72);
            }
            drop(gate);
            Init::run(control, setup, steps, group, program_user);
        }
        Fork::Parent(pid) => pid,
    };
    drop(gate);
    let mapped = if namespaces {
        map_users(pid, uid, gid).map_err(|error| format!("user namespace: {error}"))
    } else {
        Ok(())
    };
    let opened = mapped.and_then(|()| {
        UnixStream::from(go)
            .write_all(b"x")
            .map_err(|error| format!("gate: {error}"))
    });
    if let Err(error) = opened {
        sys::kill(pid);
        let _ = sys::wait(pid, true);
        return Err(error);
    }
    Ok(pid)
}

/// Maps users into the new namespace: root and nobody where we are root, else ourselves alone.
fn map_users(pid: i32, uid: u32, gid: u32) -> io::Result<()> {
    let map = |id: u32| {
        if uid == 0 {
            format!("0 {id} 1\n{INSIDE_USER} {OUTSIDE_USER} 1\n")
        } else {
            format!("{INSIDE_USER} {id} 1\n")
        }
    };
    std::fs::write(format!("/proc/{pid}/uid_map"), map(uid))?;
    if uid != 0 {
        std::fs::write(format!("/proc/{pid}/setgroups"), "deny")?;
    }
    std::fs::write(format!("/proc/{pid}/gid_map"), map(gid))
}
