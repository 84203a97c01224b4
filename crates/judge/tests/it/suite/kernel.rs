//! Cases 43 to 48: what programs ask the kernel for.

use domain::Verdict::{Accepted, MemoryLimit, RuntimeError, TimeLimit};
use domain::{Exit, Rung};

use super::case::{Case, Exception, native, python};

pub(super) const CASES: &[Case] = &[
    native(
        43,
        "opens sockets of every kind",
        "opens_sockets",
        &[Accepted],
    ),
    python(
        43,
        "calls home",
        "import socket\nfor address in (('1.1.1.1', 53), ('127.0.0.1', 80), ('::1', 80)):\n  try: socket.create_connection(address, timeout=0.1); print('connected')\n  except OSError: pass\ntry: socket.getaddrinfo('example.org', 80); print('resolved')\nexcept OSError: pass\nprint(1)",
        &[Accepted],
    ),
    native(44, "asks for everything", "asks_the_kernel", &[Accepted]),
    native(
        44,
        "calls the other interface",
        "calls_the_other_abi",
        &[RuntimeError],
    )
    .proves(|report| matches!(report.exit, Some(Exit::Signal(_)))),
    native(45, "raises its limits", "raises_its_limits", &[Accepted]),
    native(45, "poisons its parent", "poisons_its_parent", &[Accepted]),
    python(
        45,
        "poisons its parent",
        "import os, resource\nparent = os.getppid()\nfor call in (lambda: resource.prlimit(parent, resource.RLIMIT_STACK, (1, 1)), lambda: os.sched_setaffinity(parent, {0}), lambda: os.setpriority(os.PRIO_PROCESS, parent, 19), lambda: os.sched_setscheduler(parent, os.SCHED_IDLE, os.sched_param(0))):\n  try: call()\n  except (OSError, ValueError): pass\nprint(1)",
        &[Accepted],
    ),
    native(
        46,
        "types at the terminal",
        "types_at_the_terminal",
        &[Accepted],
    ),
    native(47, "100,000 threads", "makes_threads", &[Accepted]).except(&[Exception {
        rung: Rung::Landlock,
        verdicts: &[Accepted, TimeLimit],
        reason: "threads are not counted apart from the user's others: their CPU time bounds them",
    }]),
    python(
        47,
        "100,000 threads",
        "import threading, time\ntry:\n  for _ in range(100000): threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\nexcept (RuntimeError, MemoryError): print(1)",
        &[Accepted, MemoryLimit, RuntimeError],
    ),
    native(48, "a million descriptors", "opens_many_files", &[Accepted]),
    python(
        48,
        "a million descriptors",
        "import os\ntry:\n  while True: os.dup(0)\nexcept OSError: print(1)",
        &[Accepted],
    ),
];
