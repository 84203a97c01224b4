//! Several Python tests of one submission: each counts for itself, however they are run.

use std::time::Duration;

use domain::Verdict::{Accepted, RuntimeError, WrongAnswer};
use domain::{Isolation, Language, Limits, Submission, Test, Verdict};

use super::common::{assert_healthy, asserts, best_judge, judged, submission};

/// Verdicts of some tests: all run, all run fresh, and run up to the first failure.
async fn verdicts(source: &str, codes: &[&str]) -> [Vec<Verdict>; 3] {
    let judge = best_judge();
    let tests: Vec<Test> = codes.iter().map(|code| asserts(code)).collect();
    let all = submission(Language::Python, source, tests);
    let fresh = Submission {
        isolation: Isolation::Fresh,
        ..all.clone()
    };
    let first = Submission {
        stop_on_first_failure: true,
        ..all.clone()
    };
    let mut verdicts = [const { Vec::new() }; 3];
    for (verdicts, submission) in verdicts.iter_mut().zip([all, fresh, first]) {
        let judging = judged(&judge, &submission).await;
        verdicts.extend(judging.cases.iter().map(|case| case.verdict));
    }
    assert_healthy(&judge, "several tests").await;
    verdicts
}

#[tokio::test]
async fn no_test_sees_what_another_left() {
    let counter = "n = 0\ndef f():\n    global n\n    n += 1\n    return n";
    let ones = verdicts(counter, &["assert f() == 1"; 5]).await;
    assert_eq!(ones, [const { [Accepted; 5] }; 3].map(Vec::from));
    let rising = ["assert f() == 1", "assert f() == 2", "assert f() == 1"];
    let [all, fresh, first] = verdicts(counter, &rising).await;
    assert_eq!(all, [Accepted, WrongAnswer, Accepted]);
    assert_eq!(fresh, all);
    assert_eq!(first, all[..2]);
}

#[tokio::test]
async fn a_name_of_one_test_is_not_one_of_the_next() {
    let source = "def f(x): return g(x)\ndef g(x): return x + 1\ndef sum(x): return 7";
    let tests = [
        "def g(x): return 0\nassert f(g(1)) == 1",
        "assert g(1) == 2",
        "assert sum([1]) == 7",
        "assert f(sum([1])) == 2",
    ];
    for verdicts in verdicts(source, &tests).await {
        assert_eq!(verdicts, [Accepted; 4]);
    }
}

#[tokio::test]
async fn a_process_that_ends_takes_no_other_test_along() {
    let source = "import os\ndef f(x):\n    if x == 2: os._exit(0)\n    return x";
    let tests = ["assert f(1) == 1", "assert f(2) == 2", "assert f(3) == 3"];
    let [all, fresh, first] = verdicts(source, &tests).await;
    assert_eq!(all, [Accepted, RuntimeError, Accepted]);
    assert_eq!(fresh, all);
    assert_eq!(first, all[..2]);
}

#[tokio::test]
async fn limits_are_of_one_test() {
    let source = "import time\ndef f(x):\n    end = time.process_time() + 0.4\n    while time.process_time() < end: pass\n    return x";
    let slow = Submission {
        limits: Limits {
            wall: Duration::from_secs(20),
            ..Limits::with_cpu(Duration::from_secs(1))
        },
        ..submission(
            Language::Python,
            source,
            vec![asserts("assert f(1) == 1"); 6],
        )
    };
    let judging = judged(&best_judge(), &slow).await;
    assert_eq!(judging.verdict, Accepted, "{judging:?}");
    assert_eq!(judging.cases.len(), 6);
}
