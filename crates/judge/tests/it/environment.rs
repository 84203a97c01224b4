//! A process of its own for each rung and user, so that whatever is found below it belongs to its own judge.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use domain::Rung;

/// Names the environment in which the test program was started a second time.
const ENVIRONMENT: &str = "JUDGE_TEST_SUITE";
/// A user without any right, and another than the one that programs of a root's judge run as.
const NOBODY: u32 = 65533;

/// Who owns the judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum User {
    /// Whoever runs the tests.
    Own,
    /// A user without any right, where root runs the tests.
    Nobody,
}

/// Runs `suite` in a process of this user, as a part of the test of this name; says why where that is not possible.
#[expect(
    clippy::disallowed_methods,
    reason = "the test starts itself a second time, under a name in the environment"
)]
pub(super) fn run(test: &str, rung: Rung, user: User, suite: fn(Rung)) {
    let name = format!("{test} {rung} {user:?}");
    if std::env::var(ENVIRONMENT).is_ok_and(|environment| environment == name) {
        // SAFETY: no pointers are passed.
        unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) };
        suite(rung);
        return;
    }
    // SAFETY: the call takes nothing and cannot fail.
    let is_root = unsafe { libc::geteuid() } == 0;
    if user == User::Nobody && !is_root {
        println!("skipped: {name}: only root can become somebody else");
        return;
    }
    let mut command = Command::new("/proc/self/exe");
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(ENVIRONMENT, &name)
        .current_dir("/");
    if user == User::Nobody {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            println!("skipped: {name}: {error}");
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
