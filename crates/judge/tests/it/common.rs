use domain::{Checker, Judging, Language, Limits, Program, Rung, Submission, Test, Verdict};
use judge::{Judge, Settings};

use crate::required::skip;

/// The settings of a judge on exactly this rung.
pub(crate) fn on(rung: Rung) -> Settings {
    Settings {
        n_cells: 2,
        min_rung: rung,
        max_rung: rung,
        ..Settings::default()
    }
}

/// A judge on exactly this rung, or a word on why there is none here.
pub(crate) fn judge_on(rung: Rung) -> Option<Judge> {
    judge_with(on(rung))
}

/// A judge on this rung that finds what the user's shell finds.
pub(crate) fn judge_with_all_tools(rung: Rung) -> Option<Judge> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a user's own toolchains are found on the search path"
    )]
    let path = std::env::var_os("PATH")?;
    let mut search_path = Settings::default().search_path;
    search_path.extend(std::env::split_paths(&path));
    judge_with(Settings {
        search_path,
        ..on(rung)
    })
}

/// A judge with these settings, which name one rung, or a word on why there is none here.
pub(crate) fn judge_with(settings: Settings) -> Option<Judge> {
    let rung = settings.max_rung;
    let judge = Judge::start(settings);
    judge.inspect_err(|error| skip(rung, error)).ok()
}

/// A judge on the strongest rung of this machine.
pub(crate) fn best_judge() -> Judge {
    Judge::start(Settings {
        n_cells: 2,
        ..Settings::default()
    })
    .unwrap()
}

pub(crate) fn submission(language: Language, source: &str, tests: Vec<Test>) -> Submission {
    Submission {
        program: Program {
            language,
            source: source.into(),
        },
        tests,
        checker: Checker::Lines,
        limits: Limits::default(),
        isolation: domain::Isolation::Pooled,
        stop_on_first_failure: false,
    }
}

pub(crate) fn stdio(input: &str, expected: &str) -> Test {
    Test::Stdio {
        input: input.into(),
        expected: vec![expected.into()],
    }
}

pub(crate) fn asserts(code: &str) -> Test {
    Test::Python { code: code.into() }
}

/// Judges, and insists that the next run in the same cells is not affected.
pub(crate) async fn judged(judge: &Judge, submission: &Submission) -> Judging {
    judge.judge(submission).await.unwrap()
}

/// The two things that every cell must still do right after whatever ran before.
pub(crate) async fn assert_healthy(judge: &Judge, after: &str) {
    let program = submission(
        Language::Python,
        "print(int(input()) + 1)",
        vec![stdio("3\n", "4\n")],
    );
    let function = submission(
        Language::Python,
        "def f(x):\n    return x + 1",
        vec![asserts("assert f(3) == 4")],
    );
    for benign in [program, function] {
        let judging = judged(judge, &benign).await;
        assert_eq!(
            judging.verdict,
            Verdict::Accepted,
            "benign run after {after}: {judging:?}"
        );
    }
}

/// Rows of a data file that lies outside of the repository; `None`, with a word on it, when it is absent.
pub(crate) fn rows(file: &str) -> Option<Vec<serde_json::Value>> {
    let path = format!("{}/../../../shared/data/{file}", env!("CARGO_MANIFEST_DIR"));
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(
            text.lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect(),
        ),
        Err(_) => {
            println!("skipped: {file} is not there");
            None
        }
    }
}
