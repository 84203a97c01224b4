//! The same programs many times, more at once than there are cores: no verdict may change.

use std::time::Duration;

use domain::Verdict::{
    Accepted, IdleLimit, MemoryLimit, OutputLimit, RuntimeError, TimeLimit, WrongAnswer,
};
use domain::{Language, Limits, Rung, Submission, Test, Verdict};
use judge::{Judge, Settings};

use crate::common::{asserts, stdio, submission};

/// Runs on the strongest rung, unless the environment asks for more; the others get a share.
const RUNS: usize = 1000;

const LIMITS: Limits = Limits {
    cpu: Duration::from_millis(100),
    wall: Duration::from_millis(500),
    memory_bytes: 64 << 20,
    output_bytes: 1 << 20,
    file_bytes: 1 << 20,
    processes: 16,
};

/// Uses seven tenths of its CPU time, by its own clock.
const NEARLY_TOO_LONG: &str =
    "import time\nwhile time.process_time() < 0.07: pass\nprint(int(input()) + 1)";
const NEARLY_TOO_LONG_NATIVE: &str = "#include <cstdio>\n#include <ctime>\nint main() { int n; while (clock() < 70000) {} if (scanf(\"%d\", &n) == 1) printf(\"%d\", n + 1); }";
/// Waits for half of its time on the clock.
const WAITS: &str = "import time\ntime.sleep(0.25)\nprint(int(input()) + 1)";
/// Uses seven tenths of its memory.
const NEARLY_TOO_MUCH: &str =
    "block = bytearray(b'x') * (45 << 20)\nprint(int(input()) + 1 + 0 * len(block))";
const NATIVE: &str =
    "#include <cstdio>\nint main() { int n; if (scanf(\"%d\", &n) == 1) printf(\"%d\", n + 1); }";
const NATIVE_SPINS: &str = "int main() { for (volatile int i = 0;; i = i + 1) {} }";
const NATIVE_ABORTS: &str = "#include <cstdlib>\nint main() { abort(); }";

fn programs() -> Vec<(Submission, Verdict)> {
    use Language::{Cpp, Python};
    let sum = || stdio("3\n", "4\n");
    let call = || asserts("assert f(3) == 4");
    let plan: Vec<(Language, &str, Test, Verdict)> = vec![
        (Python, "print(int(input()) + 1)", sum(), Accepted),
        (Python, NEARLY_TOO_LONG, sum(), Accepted),
        (Cpp, NEARLY_TOO_LONG_NATIVE, sum(), Accepted),
        (Python, WAITS, sum(), Accepted),
        (Python, NEARLY_TOO_MUCH, sum(), Accepted),
        (Cpp, NATIVE, sum(), Accepted),
        (Cpp, NATIVE, stdio("4\n", "4\n"), WrongAnswer),
        (Python, "print(input())", sum(), WrongAnswer),
        (Python, "print(4); 1 / 0", sum(), RuntimeError),
        (Python, "import os; os.abort()", sum(), RuntimeError),
        (Cpp, NATIVE_ABORTS, sum(), RuntimeError),
        (Python, "while True: pass", sum(), TimeLimit),
        (Cpp, NATIVE_SPINS, sum(), TimeLimit),
        (Python, "import time; time.sleep(1e6)", sum(), IdleLimit),
        (Python, "x = bytearray(10**9)", sum(), MemoryLimit),
        (Python, "print('x' * (2 << 20))", sum(), OutputLimit),
        (Python, "def f(x): return x + 1", call(), Accepted),
        (
            Python,
            "import time\ndef f(x):\n  while time.process_time() < 0.07: pass\n  return x + 1",
            call(),
            Accepted,
        ),
        (Python, "def f(x): return x", call(), WrongAnswer),
        (
            Python,
            "def f(x): raise ValueError(x)",
            call(),
            RuntimeError,
        ),
        (
            Python,
            "import os\ndef f(x): os._exit(0)",
            call(),
            RuntimeError,
        ),
        (Python, "def f(x):\n  while True: pass", call(), TimeLimit),
    ];
    let limited = |(language, source, test, verdict)| {
        let submission = Submission {
            limits: LIMITS,
            ..submission(language, source, vec![test])
        };
        (submission, verdict)
    };
    plan.into_iter().map(limited).collect()
}

/// Judges so many programs in twice as many cells as there are cores, all at once.
async fn judge_many(rung: Rung, n_runs: usize) {
    let settings = Settings {
        n_cells: 2 * Settings::default().n_cells,
        min_rung: rung,
        max_rung: rung,
        ..Settings::default()
    };
    let judge = match Judge::start(settings) {
        Ok(judge) => judge,
        Err(error) => {
            println!("skipped: {error}");
            return;
        }
    };
    let runs = programs().into_iter().cycle().take(n_runs);
    let runs = runs.map(|(submission, verdict)| {
        let judge = judge.clone();
        tokio::spawn(async move {
            let judging = judge.judge(&submission).await;
            let source = submission.program.source;
            match judging {
                Ok(judging) if judging.verdict == verdict => None,
                judging => Some(format!("{source}: {verdict}: {judging:?}")),
            }
        })
    });
    let mut changed = Vec::new();
    for run in runs.collect::<Vec<_>>() {
        changed.extend(run.await.unwrap());
    }
    let n_changed = changed.len();
    assert!(
        changed.is_empty(),
        "{n_changed} of {n_runs} on {rung}:\n{}",
        changed.join("\n")
    );
}

/// So that no two loads measure each other, the rungs take turns.
#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "whoever has the time asks for more runs"
)]
async fn no_verdict_changes_under_load() {
    let asked = std::env::var("JUDGE_LOAD_RUNS")
        .ok()
        .and_then(|runs| runs.parse().ok());
    let n_runs = asked.unwrap_or(RUNS);
    judge_many(Rung::Full, n_runs).await;
    judge_many(Rung::Userns, n_runs / 5).await;
    judge_many(Rung::Landlock, n_runs / 5).await;
}
