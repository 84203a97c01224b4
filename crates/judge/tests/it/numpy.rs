//! Programs that use numpy run in an interpreter that has it loaded, and those that do not in one that has not.
//! Skipped, and said so, where the interpreter does not have it.

use domain::Verdict::{self, Accepted, MemoryLimit, RuntimeError};
use domain::{Isolation, Judging, Language, Limits, Rung, Submission};
use judge::Judge;

use crate::common::{asserts, judge_on, judged, stdio, submission};

/// Says whether numpy is loaded before the line that imports it has run.
const FORETOLD: &str = "\
import sys
print('numpy' in sys.modules)
if input() == 'load':
    import numpy as np
    print(np.dot(np.arange(500.0), np.ones(500)), np.random.randint(1 << 30))
";

fn run(source: &str, tests: Vec<domain::Test>) -> Submission {
    Submission {
        limits: Limits {
            memory_bytes: 256 << 20,
            ..Limits::default()
        },
        ..submission(Language::Python, source, tests)
    }
}

fn verdicts(judging: &Judging) -> Vec<Verdict> {
    judging.cases.iter().map(|case| case.verdict).collect()
}

async fn has_numpy(judge: &Judge) -> bool {
    let judging = judged(judge, &run("import numpy", vec![stdio("", "")])).await;
    if judging.verdict == RuntimeError {
        let said = &judging.cases[0].stderr_tail;
        assert!(said.contains("No module named 'numpy'"), "{judging:#?}");
        println!("skipped: {} has no numpy", judging.toolchain);
    }
    judging.verdict == Accepted
}

async fn check(rung: Rung) {
    let Some(judge) = judge_on(rung) else { return };
    if !has_numpy(&judge).await {
        return;
    }
    // Four runs on two cells that keep numpy, two of them in namespaces of their own: all draw the same number.
    let mut drawn = Vec::new();
    for isolation in [Isolation::Pooled, Isolation::Fresh] {
        let program = Submission {
            isolation,
            ..run(FORETOLD, vec![stdio("load", ""), stdio("load", "")])
        };
        for case in judged(&judge, &program).await.cases {
            assert!(case.actual.starts_with("True\n124750.0 "), "{case:#?}");
            drawn.push(case.actual);
        }
    }
    drawn.dedup();
    assert_eq!(drawn.len(), 1, "{drawn:?}");
    // What one run does to the library, no other sees.
    let vandal = "import numpy\nnumpy.dot = None\nnumpy.random.seed(7)";
    assert_eq!(
        judged(&judge, &run(vandal, vec![stdio("", ""); 2]))
            .await
            .verdict,
        Accepted
    );
    let again = judged(&judge, &run(FORETOLD, vec![stdio("load", &drawn[0])])).await;
    assert_eq!(again.verdict, Accepted, "{again:#?}");
    // A program without it starts without it.
    let without = FORETOLD
        .replace("import numpy as np", "pass")
        .replace("np.", "");
    let judging = judged(&judge, &run(&without, vec![stdio("no", "False")])).await;
    assert_eq!(judging.verdict, Accepted, "{judging:#?}");
    // Functions, whose numbers of numpy's are no numbers of Python's, and memory.
    let total = "import numpy as np\ndef total(n):\n    return int(np.arange(n).sum())";
    let judging = judged(&judge, &run(total, vec![asserts("assert total(5) == 10")])).await;
    assert_eq!(judging.verdict, Accepted, "{judging:#?}");
    let hog = "import numpy as np\nx = [np.ones(1 << 22) for _ in range(64)]";
    let judging = judged(&judge, &run(hog, vec![stdio("", "")])).await;
    assert_eq!(verdicts(&judging), [MemoryLimit], "{judging:#?}");
}

#[tokio::test]
async fn full() {
    check(Rung::Full).await;
}

#[tokio::test]
async fn userns() {
    check(Rung::Userns).await;
}

#[tokio::test]
async fn landlock() {
    check(Rung::Landlock).await;
}
