//! Cases 13 to 19: processes that stay, and processes that reach for others.

use std::time::Duration;

use domain::Rung;
use domain::Verdict::{Accepted, IdleLimit, MemoryLimit, RuntimeError, TimeLimit, WrongAnswer};

use super::case::{Case, Exception, NO_PROCESSES, native, python};

pub(super) const CASES: &[Case] = &[
    native(13, "fork bomb", "fork_bomb", &[TimeLimit, RuntimeError, IdleLimit, MemoryLimit])
        .except(&[Exception { verdicts: &[TimeLimit], ..NO_PROCESSES }]),
    python(13, "fork bomb", "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass", &[TimeLimit, RuntimeError, IdleLimit, MemoryLimit])
        .except(&[Exception { verdicts: &[TimeLimit], ..NO_PROCESSES }]),
    native(14, "daemon", "daemon_leaves", &[Accepted])
        .except(&[NO_PROCESSES])
        .proves(|report| report.wall < Duration::from_millis(900)),
    python(14, "child of its parent", "import ctypes, os\npid = ctypes.CDLL(None).syscall(56 if os.uname().machine == 'x86_64' else 220, 0x8000 | 17, 0, 0, 0, 0)\nif pid == 0:\n  for fd in range(3): os.close(fd)\n  while True: pass\nprint(1)", &[Accepted]),
    native(15, "daemon holds the output", "daemon_holds_the_output", &[Accepted])
        .except(&[NO_PROCESSES])
        .proves(|report| report.wall < Duration::from_millis(900)),
    python(15, "thread goes on", "import threading\ndef spin():\n  while True: pass\nthreading.Thread(target=spin, daemon=True).start()\nprint(1)", &[Accepted]),
    native(16, "child prints later", "child_prints_later", &[Accepted])
        .except(&[NO_PROCESSES])
        .proves(|report| report.actual == "1\n")
        .times(5),
    native(17, "starts a shell", "starts_a_shell", &[Accepted]).except(&[NO_PROCESSES]),
    python(17, "starts a shell", "import subprocess\nprint(subprocess.run('echo 1', shell=True, capture_output=True).stdout.decode())", &[Accepted])
        .except(&[NO_PROCESSES]),
    python(17, "forks", "import os\ntry:\n  if os.fork() == 0: os._exit(0)\n  os.wait()\nexcept BlockingIOError: pass\nprint(1)", &[Accepted]),
    native(18, "traces", "traces", &[Accepted]),
    native(19, "kills everybody", "signals_everybody", &[RuntimeError]),
    python(19, "takes the interpreter apart", "import gc, sys\nfor o in gc.get_objects():\n  try: o.clear()\n  except Exception: pass\nsys.modules.clear()", &[WrongAnswer, RuntimeError, TimeLimit]),
    python(19, "kills its parent", "import os\nos.kill(os.getppid(), 9)\nprint(1)", &[RuntimeError]).when_fresh(&[Accepted], DEAF_PARENT),
    python(19, "kills the cell", "import os\nfor pid in (1, os.getpgid(os.getppid())):\n  try: os.kill(pid, 9)\n  except OSError: pass\nprint(1)", &[Accepted, RuntimeError]),
    native(19, "stops everybody", "stops_everybody", &[Accepted, RuntimeError, IdleLimit])
        .except(&[NO_SIGNALS]),
    python(19, "stops its parent", "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)\nprint(1)", &[RuntimeError, IdleLimit])
        .except(&[Exception { verdicts: &[RuntimeError], ..NO_SIGNALS }])
        .when_fresh(&[Accepted], DEAF_PARENT),
    native(19, "lets the kernel signal", "owns_signals", &[Accepted, RuntimeError]),
];

const DEAF_PARENT: &str =
    "its parent is the first process of its namespace, which the kernel keeps from its signals";

const NO_SIGNALS: Exception = Exception {
    rung: Rung::Landlock,
    verdicts: &[Accepted],
    reason: "a program can signal nobody but itself, and goes on",
};
