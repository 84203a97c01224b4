//! Checkers that are programs.

use domain::{Checker, Harness, Judging, Language, Submission, Test, Verdict};
use judge::{Judge, JudgeError};

use crate::common::{best_judge, judge_on, submission};

/// Accepts any two numbers above zero whose sum is the answer.
const SUM: &str = r#"#include "testlib.h"
using namespace std;
int main(int argc, char *argv[]) {
    registerTestlibCmd(argc, argv);
    int n = inf.readInt();
    long long sum = ans.readLong(), found = 0;
    for (int i = 0; i < n; i++) found += ouf.readInt(1, 1000, "part");
    if (found != sum) quitf(_wa, "the sum is %lld, not %lld", found, sum);
    quitf(_ok, "%d parts", n);
}
"#;

async fn checked(
    judge: &Judge,
    checker: &str,
    output: &str,
    answers: &[&str],
) -> Result<Judging, JudgeError> {
    let test = Test::Stdio {
        input: "2\n".into(),
        expected: answers.iter().map(|answer| answer.to_string()).collect(),
    };
    let program = format!("import sys\nsys.stdout.write({output:?})");
    let submission = Submission {
        checker: Checker::Custom {
            source: checker.into(),
        },
        ..submission(Language::Python, &program, vec![test])
    };
    judge.judge(&submission).await
}

#[tokio::test]
async fn harnesses_that_see_an_output_otherwise_are_named() {
    let judge = best_judge();
    let run = async |checker: Checker, output: &str| {
        let tests = ["7\n", "1 2\n"].map(|expected| Test::Stdio {
            input: String::new(),
            expected: vec![expected.to_string()],
        });
        let program = format!("import sys\nsys.stdout.write({output:?})");
        let submission = Submission {
            checker,
            stop_on_first_failure: true,
            ..submission(Language::Python, &program, tests.to_vec())
        };
        judge.judge(&submission).await.unwrap()
    };
    // Wrong by every rule: what stands behind does not matter.
    let wrong = run(Checker::Lines, "8").await;
    assert!(wrong.cases[0].otherwise.is_empty());
    assert_eq!(wrong.is_accepted_by(Harness::Apps, 2), Some(false));
    // A number within a tolerance: right for some, and the second test is left out.
    let near = run(Checker::Lines, "7.000001").await;
    assert_eq!(near.verdict, Verdict::WrongAnswer);
    assert!(near.cases[0].otherwise.contains(&Harness::CodeContests));
    assert_eq!(near.is_accepted_by(Harness::CodeContests, 2), None);
    // The other way round.
    let theirs = Checker::Compat {
        harness: Harness::CodeContests,
    };
    let near = run(theirs, "7.000001").await;
    assert_eq!(near.cases[0].verdict, Verdict::Accepted);
    assert!(!near.cases[0].otherwise.contains(&Harness::CodeContests));
    assert!(near.cases[0].otherwise.contains(&Harness::ExecEval));
    assert_eq!(near.is_accepted_by(Harness::ExecEval, 2), Some(false));
    // What its own checker decides is compared by nobody else.
    let custom = checked(&judge, SUM, "3 5", &["8"]).await.unwrap();
    assert!(custom.cases[0].otherwise.is_empty());
}

#[tokio::test]
async fn a_checker_decides_by_its_own_program() {
    let judge = best_judge();
    let cases = [
        ("3 4\n", "7\n", Verdict::Accepted, ""),
        ("1 6", "7", Verdict::Accepted, ""),
        ("3 5", "7", Verdict::WrongAnswer, "the sum is 8, not 7"),
        (
            "0 7",
            "7",
            Verdict::WrongAnswer,
            "Value [name=part] equals to 0, violates the range [1, 1000]",
        ),
        (
            "3",
            "7",
            Verdict::WrongAnswer,
            "wrong output format: Unexpected end of file - int32 expected",
        ),
        (
            "",
            "7",
            Verdict::WrongAnswer,
            "wrong output format: Unexpected end of file - int32 expected",
        ),
        (
            "3 four",
            "7",
            Verdict::WrongAnswer,
            "wrong output format: Expected int64, but \"four\" found",
        ),
        (
            "3 4 0",
            "7",
            Verdict::WrongAnswer,
            "wrong output format: Extra information in the output file",
        ),
    ];
    for (output, answer, verdict, message) in cases {
        let judging = checked(&judge, SUM, output, &[answer]).await.unwrap();
        assert_eq!(judging.verdict, verdict, "{output}: {judging:?}");
        assert_eq!(judging.cases[0].message, message, "{output}");
    }
    let several = checked(&judge, SUM, "3 4", &["8", "7"]).await.unwrap();
    assert_eq!(several.verdict, Verdict::Accepted);
}

#[tokio::test]
async fn a_checker_runs_on_every_rung() {
    for rung in [
        domain::Rung::Full,
        domain::Rung::Userns,
        domain::Rung::Landlock,
    ] {
        let Some(judge) = judge_on(rung) else {
            continue;
        };
        let judging = checked(&judge, SUM, "3 4", &["7"]).await.unwrap();
        assert_eq!(judging.verdict, Verdict::Accepted, "{rung}: {judging:?}");
    }
}

#[tokio::test]
async fn a_checker_may_bring_its_own_reading() {
    // As a whole testlib inside the source would do it.
    let source = r#"#include <cstdio>
#include <cstring>
int main(int argc, char *argv[]) {
    char output[100] = "", answer[100] = "";
    std::fread(output, 1, 99, std::fopen(argv[2], "rb"));
    std::fread(answer, 1, 99, fopen(argv[3], "r"));
    if (argc != 4 || std::fopen("other", "rb")) return 3;
    if (std::strcmp(answer, output) == 0) return 0;
    std::fprintf(stderr, "wrong answer found %s", output);
    return 1;
}
"#;
    let judge = best_judge();
    assert_eq!(
        checked(&judge, source, "ab", &["ab"])
            .await
            .unwrap()
            .verdict,
        Verdict::Accepted
    );
    let wrong = checked(&judge, source, "abc", &["ab"]).await.unwrap();
    assert_eq!(
        (wrong.verdict, &*wrong.cases[0].message),
        (Verdict::WrongAnswer, "found abc")
    );
}

#[tokio::test]
async fn a_checker_at_fault_says_nothing_about_the_program() {
    let judge = best_judge();
    let main = |body: &str| {
        format!(
            "#include \"testlib.h\"\nint main(int argc, char *argv[]) {{\n    registerTestlibCmd(argc, argv);\n    {body}\n}}\n"
        )
    };
    let faults = [
        (
            SUM.to_string(),
            "it fails: FAIL Expected int64, but \"x\" found (answer)",
        ),
        (
            main("ans.readWord(\"[a-w]\"); quitf(_ok, \"\");"),
            "it fails: FAIL Token \"x\" does not match \"[a-w]\" (answer)",
        ),
        (
            main("ensuref(inf.readInt() == 3, \"not %d\", 3);"),
            "it fails: FAIL not 3",
        ),
        (
            main("quitp(0.5, \"half\");"),
            "it gives points and decides nothing: points 0.5",
        ),
        (main("abort();"), "it ended by signal 6: "),
        (main("for (;;) argc++;"), "it ran out of time"),
        (main("return 9;"), "it ended with code 9: "),
        (
            main("ouf.nothing();"),
            "it does not compile: checker.cpp: In function",
        ),
    ];
    for (checker, reason) in faults {
        let error = checked(&judge, &checker, "", &["x"])
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("the checker failed: custom checker "),
            "{error}"
        );
        assert!(error.contains(reason), "{error}, not {reason}");
    }
}

#[tokio::test]
async fn patterns_are_testlibs() {
    let judge = best_judge();
    let line = |pattern: &str, word: &str, matches: bool| {
        format!(
            "    if (pattern(\"{pattern}\").matches(\"{word}\") != {matches}) quitf(_fail, \"%d\", __LINE__);\n"
        )
    };
    let body: String = [
        line("0|-?[1-9][0-9]*", "0", true),
        line("0|-?[1-9][0-9]*", "-10", true),
        line("0|-?[1-9][0-9]*", "-0", false),
        line("[a-z]{1,3}", "abc", true),
        line("[a-z]{1,3}", "abcd", false),
        line("[a-z]{2}", "a", false),
        line("[a-z]{2,}x", "abcx", true),
        line("(YES|NO)+", "YESNO", true),
        line("(YES|NO)+", "YESN", false),
        line("a(b|cd)?e", "acde", true),
        line("[^0-9]*", "abc", true),
        line("[^0-9]*", "a1c", false),
        line("\\\\[a\\\\-\\\\]", "[a-]", true),
        line("", "", true),
        "    if (stringToLongLong(ouf, \"-7\") != -7 || stringToDouble(ouf, \"1e3\") != 1000) quitf(_fail, \"numbers\");\n".to_string(),
    ]
    .concat();
    let checker = format!(
        "#include \"testlib.h\"\nint main(int argc, char *argv[]) {{\n    registerTestlibCmd(argc, argv);\n{body}    quitf(_ok, \"\");\n}}\n"
    );
    let judging = checked(&judge, &checker, "", &["x"]).await.unwrap();
    assert_eq!(judging.verdict, Verdict::Accepted);
}
