//! What runs share with each other and with the cell, pooled and fresh.

use domain::{Exit, Isolation, Language, Rung, Submission, Verdict};
use judge::Judge;

use crate::common::{assert_healthy, asserts, judge_on, judged, stdio, submission};

const RUNGS: [Rung; 3] = [Rung::Full, Rung::Userns, Rung::Landlock];

async fn assert_accepted(judge: &Judge, submission: &Submission) {
    let judging = judged(judge, submission).await;
    assert_eq!(judging.verdict, Verdict::Accepted, "{judging:?}");
}

fn fresh(submission: Submission) -> Submission {
    Submission {
        isolation: Isolation::Fresh,
        ..submission
    }
}

const CPP_IDS: &str = "#include <cstdio>\n#include <unistd.h>\nint main() { printf(\"%d %d\", getpid(), getppid()); }";
const PYTHON_IDS: &str = "import os\nprint(os.getpid(), os.getppid())";

#[tokio::test]
async fn a_fresh_run_is_alone_in_its_namespace_and_not_its_first_process() {
    for rung in [Rung::Full, Rung::Userns] {
        let Some(judge) = judge_on(rung) else {
            continue;
        };
        // The parent of a native program is outside.
        let native = (Language::Cpp, CPP_IDS, "2 0");
        for (language, source, expected) in [native, (Language::Python, PYTHON_IDS, "2 1")] {
            let ids = submission(language, source, vec![stdio("", expected); 3]);
            assert_accepted(&judge, &fresh(ids.clone())).await;
            let pooled = judged(&judge, &ids).await;
            assert_eq!(pooled.verdict, Verdict::WrongAnswer, "{pooled:?}");
        }
        assert_healthy(&judge, "fresh runs").await;
    }
}

#[tokio::test]
async fn fresh_runs_end_as_pooled_ones_do() {
    for rung in RUNGS {
        let Some(judge) = judge_on(rung) else {
            continue;
        };
        let killed = "import os\nos.kill(os.getpid(), 9)";
        let left = "import sys\nsys.exit(3)";
        for isolation in [Isolation::Pooled, Isolation::Fresh] {
            for (source, exit) in [(killed, Exit::Signal(9)), (left, Exit::Code(3))] {
                let ends = Submission {
                    isolation,
                    ..submission(Language::Python, source, vec![stdio("", "")])
                };
                let judging = judged(&judge, &ends).await;
                assert_eq!(judging.verdict, Verdict::RuntimeError, "{judging:?}");
                assert_eq!(judging.cases[0].exit, Some(exit), "{isolation:?} on {rung}");
            }
            let aborts = Submission {
                isolation,
                ..submission(
                    Language::Cpp,
                    "#include <cstdlib>\nint main() { abort(); }",
                    vec![stdio("", "")],
                )
            };
            let judging = judged(&judge, &aborts).await;
            assert_eq!(judging.cases[0].exit, Some(Exit::Signal(6)), "{judging:?}");
        }
        let tests = vec![asserts("assert f(1) == 2"), asserts("assert f(2) == 3")];
        let function = submission(Language::Python, "def f(x): return x + 1", tests);
        assert_accepted(&judge, &fresh(function)).await;
    }
}

#[tokio::test]
async fn a_daemon_dies_with_its_fresh_namespace() {
    let daemon = "import os\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        while True: pass\n    os._exit(0)\nprint('done')";
    for rung in [Rung::Full, Rung::Userns] {
        let Some(judge) = judge_on(rung) else {
            continue;
        };
        let daemon = submission(Language::Python, daemon, vec![stdio("", "done"); 2]);
        assert_accepted(&judge, &fresh(daemon)).await;
        assert_healthy(&judge, "a daemon").await;
    }
}

#[tokio::test]
async fn a_program_holds_no_capability_and_sets_nothing_of_the_cell() {
    let source = r#"
import ctypes, os, resource
libc = ctypes.CDLL(None, use_errno=True)
attempts = {
    "namespace": lambda: libc.syscall(56 if os.uname().machine == "x86_64" else 220, 0x28000011, 0, 0, 0, 0),
    "limit": lambda: resource.prlimit(1, resource.RLIMIT_NOFILE, (4, 4)),
    "affinity": lambda: os.sched_setaffinity(1, {0}),
    "priority": lambda: os.setpriority(os.PRIO_PROCESS, 1, 19),
    "priorities": lambda: os.setpriority(os.PRIO_USER, 0, 19),
}
for name, attempt in attempts.items():
    try:
        result = attempt()
        if result == 0 and name == "namespace":
            os._exit(0)
        print(name, "refused" if result == -1 else "allowed")
    except PermissionError:
        print(name, "refused")
"#;
    let expected = "namespace refused\nlimit refused\naffinity refused\npriority refused\npriorities refused\n";
    for rung in RUNGS {
        let Some(judge) = judge_on(rung) else {
            continue;
        };
        let attempts = submission(Language::Python, source, vec![stdio("", expected)]);
        for isolation in [attempts.clone(), fresh(attempts)] {
            assert_accepted(&judge, &isolation).await;
        }
    }
}
