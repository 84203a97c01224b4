//! The restrictions under which programs run: set once in the process that starts them, inherited by each of them.

use std::path::Path;

use domain::Rung;
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, PathBeneath, PathFd,
    Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus, Scope,
};

use super::{filter, rlimits, rootfs};
use crate::protocol::{Purpose, Setup};
use crate::sys;

/// The newest set of access rights that we know; older kernels enforce what they can.
const LANDLOCK: ABI = ABI::V6;

/// What the supervisor keeps of its capabilities, in its own namespaces.
/// A program gets none of them, for an exec by a user that is not root gives them all up.
pub(super) fn kept(setup: &Setup, program_user: Option<u32>) -> u64 {
    const CAP_KILL: u64 = 1 << 5;
    const CAP_SETGID: u64 = 1 << 6;
    const CAP_SETUID: u64 = 1 << 7;
    // Where programs run as another user, it must become that user and end its processes.
    let of_users = match program_user {
        Some(_) => CAP_SETGID | CAP_SETUID | CAP_KILL,
        None => 0,
    };
    of_users | of_namespaces(setup)
}

/// What it takes to make namespaces for a program.
pub(super) fn of_namespaces(setup: &Setup) -> u64 {
    const CAP_SYS_ADMIN: u64 = 1 << 21;
    if setup.rung >= Rung::Userns {
        CAP_SYS_ADMIN
    } else {
        0
    }
}

/// Gives up everything that a program must not have, for this process and all that it starts.
pub(super) fn apply(setup: &Setup, kept: u64, program_user: Option<u32>) -> Result<(), String> {
    sys::default_signals();
    rlimits::set_common();
    if let Some(user) = program_user {
        let changed =
            sys::keep_capabilities_of_root(kept != 0).and_then(|()| sys::become_user(user, user));
        changed.map_err(|error| format!("change user: {error}"))?;
    }
    sys::keep_capabilities(kept).map_err(|error| format!("drop capabilities: {error}"))?;
    let _ = sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as u64);
    sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1)
        .map_err(|error| format!("no new privileges: {error}"))?;
    if setup.rung >= Rung::Landlock {
        let enforced = landlock(setup).map_err(|error| format!("Landlock: {error}"))?;
        // With a file system of its own, Landlock is a second wall; without one it is the only one.
        if !enforced && setup.rung == Rung::Landlock {
            return Err("Landlock: the kernel does not enforce it".into());
        }
    }
    // A compiler is no foreign code.
    let trusted = setup.purpose == Purpose::Compile;
    sys::install_filter(&filter::inherited(trusted, are_alone(setup)))
        .map_err(|error| format!("seccomp: {error}"))
}

/// Whether programs here are single processes, as nothing else keeps them from others.
pub(super) fn are_alone(setup: &Setup) -> bool {
    setup.rung < Rung::Userns && setup.purpose != Purpose::Compile
}

/// Restricts the file system; true when the kernel enforces it.
fn landlock(setup: &Setup) -> Result<bool, landlock::RulesetError> {
    let own_root = setup.rung >= Rung::Userns;
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(AccessNet::from_all(LANDLOCK))?
        .scope(Scope::from_all(LANDLOCK))?
        .create()?;
    let mut allow = |path: &str, access| -> Result<(), landlock::RulesetError> {
        let Ok(fd) = PathFd::new(path) else {
            return Ok(());
        };
        let access = if Path::new(path).is_dir() {
            access
        } else {
            access & AccessFs::from_file(LANDLOCK)
        };
        (&mut ruleset)
            .add_rule(PathBeneath::new(fd, access))
            .map(drop)
    };
    let read = AccessFs::from_read(LANDLOCK);
    let all = AccessFs::from_all(LANDLOCK);
    if own_root {
        allow("/", read)?;
        allow(
            rootfs::BOX,
            all & !AccessFs::MakeChar & !AccessFs::MakeBlock,
        )?;
    } else {
        for path in &setup.readable {
            allow(path, read)?;
        }
        if let Some(scratch) = &setup.scratch {
            let compiles = setup.purpose == Purpose::Compile;
            allow(scratch, if compiles { all } else { read })?;
        }
    }
    for device in rootfs::DEVICES {
        allow(
            &format!("/dev/{device}"),
            AccessFs::ReadFile | AccessFs::WriteFile,
        )?;
    }
    let status = ruleset.restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

/// Tries what must not work any more, and names what still does.
pub(super) fn self_test(setup: &Setup) -> Result<(), String> {
    let expect = |refused: bool, what: &str| {
        if refused {
            Ok(())
        } else {
            Err(format!("self-test: the sandbox still allows {what}"))
        }
    };
    if setup.rung == Rung::Weak {
        return Ok(());
    }
    expect(
        sys::is_refused(|| sys::try_socket(libc::AF_INET)),
        "network sockets",
    )?;
    expect(
        sys::is_refused(|| sys::try_socket(libc::AF_VSOCK)),
        "sockets to the host",
    )?;
    expect(sys::is_refused(sys::try_user_namespace), "user namespaces")?;
    let read = libc::O_RDONLY;
    expect(
        sys::is_refused(|| sys::try_open(c"/etc/passwd", read)),
        "reading /etc/passwd",
    )?;
    expect(
        sys::is_refused(|| sys::try_open(c"/proc/1/environ", read)),
        "reading /proc",
    )?;
    let write = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL;
    for path in [
        c"/judge-self-test",
        c"/usr/judge-self-test",
        c"/dev/shm/judge-self-test",
    ] {
        expect(
            sys::is_refused(|| sys::try_open(path, write)),
            "writing outside of the box",
        )?;
    }
    Ok(())
}
