//! Cases 1 to 12: how programs end, and when they have to.

use std::time::Duration;

use domain::Verdict::{Accepted, IdleLimit, RuntimeError, TimeLimit};
use domain::{CaseReport, Exit};

use super::case::{Case, LIMITS, NO_PROCESSES, cpp, native, python};

/// The kernel would stop a program by itself after some full seconds. Before that, it was we who did.
const BACKSTOP: Duration = Duration::from_millis(1300);

fn stopped_in_time(report: &CaseReport) -> bool {
    report.exit.is_none() && report.cpu >= LIMITS.cpu && report.cpu < BACKSTOP
}

fn by_signal(report: &CaseReport, signal: i32) -> bool {
    report.exit == Some(Exit::Signal(signal))
}

pub(super) const CASES: &[Case] = &[
    python(1, "empty program", "", &[Accepted]).expects(""),
    cpp(1, "empty main", "int main() {}", &[Accepted]).expects(""),
    native(
        2,
        "right, then exit code 1",
        "answers_then_fails",
        &[RuntimeError],
    )
    .proves(|report| report.exit == Some(Exit::Code(1)) && report.actual == "1\n"),
    python(
        2,
        "right, then exit(1)",
        "print(1); import sys; sys.exit(1)",
        &[RuntimeError],
    ),
    python(
        2,
        "right, then a message",
        "print(1); raise SystemExit('no')",
        &[RuntimeError],
    ),
    python(
        2,
        "right, then exit(0)",
        "print(1); import sys; sys.exit(0)",
        &[Accepted],
    ),
    python(2, "right, then exit()", "print(1); exit()", &[Accepted]),
    python(
        2,
        "right, then an exception",
        "print(1); 1 / 0",
        &[RuntimeError],
    ),
    native(3, "right, then abort", "aborts", &[RuntimeError])
        .proves(|report| by_signal(report, libc::SIGABRT)),
    python(
        3,
        "right, then abort",
        "print(1, flush=True); import os; os.abort()",
        &[RuntimeError],
    )
    .proves(|report| by_signal(report, libc::SIGABRT)),
    native(4, "kills itself", "kills_itself", &[RuntimeError])
        .proves(|report| by_signal(report, libc::SIGKILL)),
    python(
        4,
        "kills itself",
        "print(1, flush=True); import os; os.kill(os.getpid(), 9)",
        &[RuntimeError],
    )
    .proves(|report| by_signal(report, libc::SIGKILL)),
    native(5, "terminates itself", "terminates_itself", &[RuntimeError])
        .proves(|report| by_signal(report, libc::SIGTERM)),
    python(
        5,
        "terminates itself",
        "print(1, flush=True); import os; os.kill(os.getpid(), 15)",
        &[RuntimeError],
    )
    .proves(|report| by_signal(report, libc::SIGTERM)),
    native(6, "null pointer", "null_pointer", &[RuntimeError])
        .proves(|report| by_signal(report, libc::SIGSEGV)),
    native(7, "division by zero", "divides_by_zero", &[RuntimeError])
        .proves(|report| by_signal(report, libc::SIGFPE)),
    native(8, "spins", "spins", &[TimeLimit])
        .cpu(300)
        .proves(stopped_in_time),
    python(8, "spins", "while True: pass", &[TimeLimit])
        .cpu(300)
        .proves(stopped_in_time),
    native(9, "sleeps", "sleeps", &[IdleLimit]),
    python(
        9,
        "waits for itself",
        "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
        &[IdleLimit],
    ),
    python(
        9,
        "stops itself",
        "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
        &[IdleLimit],
    ),
    native(
        10,
        "ignores signals and spins",
        "ignores_and_spins",
        &[TimeLimit],
    )
    .cpu(300)
    .proves(stopped_in_time),
    native(11, "threads spin", "threads_spin", &[TimeLimit]).cpu(300),
    python(
        11,
        "threads spin",
        "import threading, time\ndef spin():\n  while True: pass\nfor _ in range(8): threading.Thread(target=spin, daemon=True).start()\ntime.sleep(100)",
        &[TimeLimit],
    ).cpu(300),
    native(12, "children spin", "children_spin", &[TimeLimit]).except(&[NO_PROCESSES]),
];
