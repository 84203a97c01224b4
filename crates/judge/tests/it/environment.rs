//! A process of its own for each rung and user, so that whatever is found below it belongs to its own judge.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use domain::Rung;

use crate::required::skip;

/// Names the environment in which the test program was started a second time.
const ENVIRONMENT: &str = "JUDGE_TEST_SUITE";
/// A user without any right, and another than the one that programs of a root's judge run as.
const NOBODY: u32 = 65533;

/// Who owns the judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    /// Whoever runs the tests.
    Own,
    /// A user without any right, where root runs the tests.
    Nobody,
    /// Whoever runs the tests, in a container that was given nothing.
    Contained,
    /// A user without any right in such a container.
    ContainedNobody,
}

impl User {
    fn is_nobody(self) -> bool {
        matches!(self, User::Nobody | User::ContainedNobody)
    }

    fn is_contained(self) -> bool {
        matches!(self, User::Contained | User::ContainedNobody)
    }
}

/// Runs `suite` in a process of this user, as a part of the test of this name; says why where that is not possible.
#[expect(
    clippy::disallowed_methods,
    reason = "the test starts itself a second time, under a name in the environment"
)]
pub(crate) fn run(test: &str, rung: Rung, user: User, suite: impl FnOnce(Rung)) {
    let name = format!("{test} {rung} {user:?}");
    if let Ok(environment) = std::env::var(ENVIRONMENT) {
        // Another rung or user of the same test has a process of its own.
        if environment == name {
            // SAFETY: no pointers are passed.
            unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) };
            suite(rung);
        }
        return;
    }
    // SAFETY: the call takes nothing and cannot fail.
    let is_root = unsafe { libc::geteuid() } == 0;
    if user.is_nobody() && !is_root {
        skip(rung, format!("{name}: only root can become somebody else"));
        return;
    }
    let mut command = Command::new("/proc/self/exe");
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(ENVIRONMENT, &name)
        .current_dir("/");
    if user.is_nobody() {
        command.uid(NOBODY).gid(NOBODY);
    }
    if user.is_contained() {
        let filter = of_a_container();
        // SAFETY: the new process makes two system calls before it execs.
        unsafe { command.pre_exec(move || install(&filter)) };
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            skip(rung, format!("{name}: {error}"));
            return;
        }
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    for line in said.lines().filter(|line| line.starts_with("skipped")) {
        println!("{line}");
    }
    assert!(output.status.success(), "{name}: {said}\n{errors}");
    assert!(said.contains("1 passed"), "{name} did not run: {said}");
}

/// Refuses what a container without further privileges refuses: namespaces and mounts.
fn of_a_container() -> Vec<libc::sock_filter> {
    const REFUSED: [libc::c_long; 11] = [
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_open_tree,
        libc::SYS_move_mount,
        libc::SYS_fsopen,
        libc::SYS_fsmount,
        libc::SYS_mount_setattr,
        libc::SYS_bpf,
    ];
    const NAMESPACES: i32 = libc::CLONE_NEWNS
        | libc::CLONE_NEWCGROUP
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUSER
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET;
    // The number of the call, and its first argument, in what a filter sees of it.
    const NUMBER: u32 = 0;
    const ARGUMENT: u32 = 16;
    let refuse = |errno: i32| libc::SECCOMP_RET_ERRNO | errno as u32;
    let step = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    let load = |k| step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, k);
    let end = |k| step(libc::BPF_RET | libc::BPF_K, 0, 0, k);
    let unless = |call: libc::c_long, n_over| {
        let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
        step(equal, 0, n_over, call as u32)
    };
    let mut filter = vec![load(NUMBER)];
    for call in REFUSED {
        filter.extend([unless(call, 1), end(refuse(libc::EPERM))]);
    }
    filter.extend([unless(libc::SYS_clone3, 1), end(refuse(libc::ENOSYS))]);
    let any_bit = libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K;
    filter.extend([
        unless(libc::SYS_clone, 3),
        load(ARGUMENT),
        step(any_bit, 0, 1, NAMESPACES as u32),
        end(refuse(libc::EPERM)),
        end(libc::SECCOMP_RET_ALLOW),
    ]);
    filter
}

/// Puts this process, and all that it starts, under a filter.
fn install(filter: &[libc::sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_ptr().cast_mut(),
    };
    let check = |result| match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    };
    // SAFETY: the program points to as many instructions as it says; the kernel copies them.
    unsafe {
        check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        check(libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const program,
        ))
    }
}
