//! Programs and the verdicts that they must get, on every rung that this machine gives.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "test helpers may panic and say what they skip"
)]

use domain::{Checker, Judging, Language, Limits, Program, Rung, Submission, Test, Verdict};
use judge::{Judge, Settings};

fn judge_on(rung: Rung) -> Option<Judge> {
    let settings = Settings {
        n_cells: 2,
        min_rung: rung,
        max_rung: rung,
        ..Settings::default()
    };
    match Judge::start(settings) {
        Ok(judge) => Some(judge),
        Err(error) => {
            println!("skipped: {error}");
            None
        }
    }
}

fn submission(language: Language, source: &str, test: Test) -> Submission {
    Submission {
        program: Program {
            language,
            source: source.into(),
        },
        tests: vec![test],
        checker: Checker::Lines,
        limits: Limits::default(),
        stop_on_first_failure: false,
    }
}

async fn judged(judge: &Judge, submission: Submission) -> Judging {
    judge.judge(&submission).await.unwrap()
}

async fn smoke(rung: Rung) {
    let Some(judge) = judge_on(rung) else { return };
    let stdio = Test::Stdio {
        input: "3\n".into(),
        expected: vec!["4\n".into()],
    };
    let python = submission(Language::Python, "print(int(input()) + 1)", stdio.clone());
    let judging = judged(&judge, python).await;
    assert_eq!(judging.verdict, Verdict::Accepted, "{judging:?}");
    assert_eq!(judging.rung, rung);
    let asserts = Test::Python {
        code: "assert f(3) == 4".into(),
    };
    let python = submission(
        Language::Python,
        "def f(x):\n    return x + 1",
        asserts.clone(),
    );
    let judging = judged(&judge, python).await;
    assert_eq!(judging.verdict, Verdict::Accepted, "{judging:?}");
    let python = submission(Language::Python, "def f(x):\n    return x + 2", asserts);
    let judging = judged(&judge, python).await;
    assert_eq!(judging.verdict, Verdict::WrongAnswer, "{judging:?}");
    assert_eq!(judging.cases[0].actual, "5");
    assert_eq!(judging.cases[0].message, "assert f(3) == 4");
    let source = "#include <iostream>\nint main() { int x; std::cin >> x; std::cout << x + 1; }";
    let judging = judged(&judge, submission(Language::Cpp, source, stdio)).await;
    assert_eq!(judging.verdict, Verdict::Accepted, "{judging:?}");
}

#[tokio::test]
async fn smoke_on_full() {
    smoke(Rung::Full).await;
}

#[tokio::test]
async fn smoke_on_userns() {
    smoke(Rung::Userns).await;
}

#[tokio::test]
async fn smoke_on_landlock() {
    smoke(Rung::Landlock).await;
}
