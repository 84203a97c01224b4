//! What the judge promises around the verdicts.

use std::time::Duration;

use domain::{Checker, Exit, Language, Limits, Rung, Submission, Verdict};
use judge::{Judge, JudgeError, Settings, probe};

use crate::common::{asserts, best_judge, judge_with, judged, on, stdio, submission};

#[tokio::test]
async fn dropping_the_future_frees_the_cell() {
    let judge = Judge::start(Settings {
        n_cells: 1,
        ..Settings::default()
    })
    .unwrap();
    let spins = Submission {
        limits: Limits::with_cpu(Duration::from_secs(3600)),
        ..submission(Language::Python, "while True: pass", vec![stdio("", "")])
    };
    let spins_in_a_call = Submission {
        tests: vec![asserts("f()")],
        program: domain::Program {
            source: "def f():\n  while True: pass".into(),
            ..spins.program.clone()
        },
        ..spins.clone()
    };
    for endless in [spins, spins_in_a_call] {
        let running = tokio::time::timeout(Duration::from_millis(300), judge.judge(&endless)).await;
        assert!(running.is_err());
        let benign = submission(Language::Python, "print(1)", vec![stdio("", "1")]);
        assert_eq!(judged(&judge, &benign).await.verdict, Verdict::Accepted);
    }
}

/// What the cell holds of a large output is not taken for the memory of the program after it.
#[tokio::test]
async fn a_large_output_costs_the_next_program_no_memory() {
    for rung in [Rung::Full, Rung::Userns, Rung::Landlock] {
        let Some(judge) = judge_with(Settings {
            n_cells: 1,
            ..on(rung)
        }) else {
            continue;
        };
        let limits = |mebibytes: u64| Limits {
            memory_bytes: mebibytes << 20,
            ..Limits::default()
        };
        let large = Submission {
            limits: limits(64),
            ..submission(
                Language::Cpp,
                "#include <cstdio>\nint main() { for (int i = 0; i < 15000000; i++) putchar('x'); }",
                vec![stdio("", "x")],
            )
        };
        let small = Submission {
            limits: limits(4),
            ..submission(
                Language::Cpp,
                "#include <cstdio>\nint main() { puts(\"1\"); }",
                vec![stdio("", "1")],
            )
        };
        assert_eq!(judged(&judge, &large).await.verdict, Verdict::WrongAnswer);
        let judging = judged(&judge, &small).await;
        assert_eq!(judging.verdict, Verdict::Accepted, "on {rung}: {judging:?}");
    }
}

#[tokio::test]
async fn the_first_failure_may_end_it() {
    let judge = best_judge();
    let tests = vec![stdio("1", "1"), stdio("2", "no"), stdio("3", "3")];
    let all = submission(Language::Python, "print(input())", tests);
    let first = Submission {
        stop_on_first_failure: true,
        ..all.clone()
    };
    let verdicts = |judging: domain::Judging| -> Vec<_> {
        judging.cases.iter().map(|case| case.verdict).collect()
    };
    let (right, wrong) = (Verdict::Accepted, Verdict::WrongAnswer);
    assert_eq!(verdicts(judged(&judge, &all).await), [right, wrong, right]);
    assert_eq!(verdicts(judged(&judge, &first).await), [right, wrong]);
}

#[tokio::test]
async fn reports_are_shown_in_the_order_of_the_tests() {
    let judge = best_judge();
    // The first takes longest, and still comes first.
    let source = "n = int(input())\nsum(range(10**n))\nprint(n)";
    let tests = vec![stdio("7", "7"), stdio("1", "no"), stdio("2", "2")];
    let submission = submission(Language::Python, source, tests);
    let mut shown = Vec::new();
    let judging = judge
        .judge_each(&submission, |index, case| shown.push((index, case.clone())))
        .await
        .unwrap();
    let expected: Vec<_> = judging.cases.into_iter().enumerate().collect();
    assert_eq!(shown, expected);
    assert_eq!(shown.len(), 3);
}

#[tokio::test]
async fn evidence_is_reported() {
    let judge = best_judge();
    let source = "import sys\nx = bytearray(100 << 20)\nsum(i for i in range(10**6))\nprint('out')\nprint('err', file=sys.stderr)\nsys.exit(7)";
    let judging = judged(
        &judge,
        &submission(Language::Python, source, vec![stdio("", "out")]),
    )
    .await;
    let case = &judging.cases[0];
    assert_eq!(case.verdict, Verdict::RuntimeError);
    assert_eq!(case.exit, Some(Exit::Code(7)));
    assert_eq!(
        (case.actual.as_str(), case.stderr_tail.as_str()),
        ("out\n", "err\n")
    );
    assert!(
        case.cpu > Duration::from_millis(5) && case.cpu <= case.wall * 2,
        "{case:?}"
    );
    assert!(
        (100 << 20..200 << 20).contains(&case.memory_bytes),
        "{case:?}"
    );
    assert!(judging.toolchain.starts_with("CPython 3."), "{judging:?}");
    assert_eq!(judging.rung, judge.rung());
}

#[tokio::test]
async fn any_accepted_output_will_do_under_any_checker() {
    let judge = best_judge();
    let tests = vec![domain::Test::Stdio {
        input: String::new(),
        expected: vec!["2".into(), "0.333333".into()],
    }];
    let submission = Submission {
        checker: Checker::Float { tolerance: 1e-5 },
        ..submission(Language::Python, "print(1 / 3)", tests)
    };
    assert_eq!(judged(&judge, &submission).await.verdict, Verdict::Accepted);
}

#[tokio::test]
async fn many_may_wait_at_once() {
    let judge = best_judge();
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let judge = judge.clone();
            tokio::spawn(async move {
                let wrong = n % 7 == 0;
                let expected = if wrong {
                    "no".into()
                } else {
                    format!("{}", n + 1)
                };
                let program = "print(int(input()) + 1)";
                let test = stdio(&n.to_string(), &expected);
                let judging =
                    judged(&judge, &submission(Language::Python, program, vec![test])).await;
                assert_eq!(judging.verdict == Verdict::Accepted, !wrong, "{judging:?}");
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn a_missing_toolchain_is_no_fault_of_the_program() {
    let judge = Judge::start(Settings {
        search_path: Vec::new(),
        ..Settings::default()
    })
    .unwrap();
    for language in Language::ALL {
        assert_eq!(judge.toolchain(language), None);
        let judging = judged(&judge, &submission(language, "", vec![stdio("", "")])).await;
        assert_eq!(judging.verdict, Verdict::LanguageUnavailable);
        assert!(judging.cases.is_empty());
    }
}

#[tokio::test]
async fn python_tests_of_other_languages_are_refused() {
    let submission = submission(Language::Cpp, "int main() {}", vec![asserts("f()")]);
    let result = best_judge().judge(&submission).await;
    assert!(matches!(result, Err(JudgeError::Unsupported(_))));
}

#[tokio::test]
async fn the_weakest_rung_must_be_asked_for() {
    let weak = Settings {
        max_rung: Rung::Weak,
        ..Settings::default()
    };
    let Err(error) = Judge::start(weak.clone()) else {
        panic!("a judge without a sandbox")
    };
    assert!(
        error.to_string().contains("no sandbox of rung `landlock`"),
        "{error}"
    );
    let judge = Judge::start(Settings {
        min_rung: Rung::Weak,
        ..weak
    })
    .unwrap();
    assert_eq!(judge.rung(), Rung::Weak);
    let program = submission(Language::Python, "print(1)", vec![stdio("", "1")]);
    let judging = judged(&judge, &program).await;
    assert_eq!(
        (judging.verdict, judging.rung),
        (Verdict::Accepted, Rung::Weak)
    );
}

#[test]
fn a_probe_says_what_works_and_what_does_not() {
    let probes = probe(&Settings::default());
    let best = Judge::start(Settings::default()).unwrap().rung();
    let named = |name: &str| probes.iter().find(|probe| probe.name == name);
    assert!(
        named(&format!("rung {best}")).unwrap().result.is_ok(),
        "{probes:?}"
    );
    let none = probe(&Settings {
        search_path: Vec::new(),
        ..Settings::default()
    });
    let python = none.iter().find(|probe| probe.name == "python").unwrap();
    assert_eq!(python.result, Err("no python3 on the search path".into()));
}
