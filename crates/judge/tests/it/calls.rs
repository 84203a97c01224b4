//! Tests that call a function with typed values.

use domain::{CaseReport, Checker, Harness, Language, Submission, Test, Verdict};
use judge::{Judge, JudgeError};

use crate::common::{best_judge, submission};

fn call(function: &str, arguments: &str, expected: &[&str]) -> Test {
    Test::Call {
        function: function.into(),
        arguments: arguments.into(),
        expected: expected.iter().map(|answer| answer.to_string()).collect(),
    }
}

async fn judged(
    judge: &Judge,
    source: &str,
    checker: Checker,
    tests: Vec<Test>,
) -> Vec<CaseReport> {
    let submission = Submission {
        checker,
        ..submission(Language::Python, source, tests)
    };
    judge.judge(&submission).await.unwrap().cases
}

/// What the identity returns for a Python expression, compared with a JSON value.
async fn verdicts(checker: Checker, pairs: &[(&str, &str)]) -> Vec<(String, Verdict)> {
    let judge = best_judge();
    let mut verdicts = Vec::new();
    let source = format!(
        "VALUES = [{}]\ndef f(at):\n    return VALUES[at]()",
        pairs
            .iter()
            .map(|(value, _)| format!("lambda: {value}, "))
            .collect::<String>()
    );
    let tests = pairs.iter().enumerate();
    let tests = tests
        .map(|(at, (_, expected))| call("f", &format!("[{at}]"), &[expected]))
        .collect();
    for ((value, expected), case) in pairs
        .iter()
        .zip(judged(&judge, &source, checker, tests).await)
    {
        verdicts.push((
            format!("{value} for {expected}: {}", case.message),
            case.verdict,
        ));
    }
    verdicts
}

async fn assert_all(verdict: Verdict, checker: Checker, pairs: &[(&str, &str)]) {
    for (pair, found) in verdicts(checker, pairs).await {
        assert_eq!(found, verdict, "{pair}");
    }
}

#[tokio::test]
async fn equal_values_are_accepted() {
    let pairs = [
        ("1", "1"),
        ("10**5000", &format!("1{}", "0".repeat(5000))),
        ("1.0", "1"),
        ("2", "2.0"),
        ("True", "true"),
        ("None", "null"),
        ("'é'", "\"\\u00e9\""),
        ("(1, [2, (3,)])", "[1, [2, [3]]]"),
        ("{1: {True: 'a'}}", "{\"1\": {\"true\": \"a\"}}"),
        ("{'1': 2}", "{\"1\": 2}"),
        ("[]", "[]"),
        ("1e308", "1e308"),
    ];
    assert_all(Verdict::Accepted, Checker::Lines, &pairs).await;
}

#[tokio::test]
async fn other_values_are_wrong() {
    let pairs = [
        ("2", "1"),
        ("10**18 + 1", "1000000000000000000"),
        ("1e18", "1000000000000000001"),
        ("True", "1"),
        ("1", "true"),
        ("'1'", "1"),
        ("1", "\"1\""),
        ("None", "false"),
        ("[1, 2]", "[1]"),
        ("[1]", "[1, 2]"),
        ("{1, 2}", "[1, 2]"),
        ("{1: 2, '1': 2}", "{\"1\": 2}"),
        ("{}", "[]"),
        ("range(2)", "[0, 1]"),
        ("iter([1])", "[1]"),
        ("b'a'", "\"a\""),
        ("float('nan')", "NaN"),
        ("0.1 + 0.2", "0.3"),
        ("object()", "1"),
    ];
    assert_all(Verdict::WrongAnswer, Checker::Lines, &pairs).await;
}

#[tokio::test]
async fn floats_may_differ_with_a_float_checker() {
    let checker = Checker::Float { tolerance: 1e-6 };
    let right = [
        ("[0.1 + 0.2]", "[0.3]"),
        ("1000000.5", "1000000"),
        ("3", "3.0000001"),
    ];
    assert_all(Verdict::Accepted, checker.clone(), &right).await;
    let wrong = [
        ("1000001", "1000000"),
        ("0.30001", "0.3"),
        ("float('inf')", "1e308"),
        ("10**400", "1.5"),
    ];
    assert_all(Verdict::WrongAnswer, checker, &wrong).await;
}

#[tokio::test]
async fn a_method_of_the_class_solution_is_called_on_a_fresh_object() {
    let source = "n = 0\ndef other(x): return -x\nclass Solution:\n    def __init__(self): self.seen = []\n    def add(self, x, y):\n        self.seen.append(x)\n        return x + y + len(self.seen)\n    @staticmethod\n    def twice(x): return 2 * x";
    let tests = vec![
        call("add", "[1, 2]", &["4"]),
        call("add", "[1, 2]", &["4"]),
        call("twice", "[\"ab\"]", &["\"abab\""]),
        call("other", "[5]", &["-5"]),
        call("other", "[5]", &["5", "-5"]),
    ];
    for case in judged(&best_judge(), source, Checker::Lines, tests).await {
        assert_eq!(case.verdict, Verdict::Accepted, "{case:?}");
    }
}

#[tokio::test]
async fn reports_say_what_came_back_and_where_it_differs() {
    let judge = best_judge();
    let source = "def f(x): return {'a': [1, x]}\ndef g(): raise ValueError('bad')\nclass P:\n    def __eq__(self, o): return True\ndef h(): return P()\ndef exit(): import os; os._exit(0)\ndef spin():\n    while True: pass";
    let tests = vec![
        call("f", "[2]", &["{\"a\": [1, 3]}"]),
        call("g", "[]", &["1"]),
        call("missing", "[]", &["1"]),
        call("h", "[]", &["1"]),
        call("exit", "[]", &["1"]),
        call("f", "[1, 2]", &["1"]),
        call("f", "[1]", &[]),
    ];
    let cases = judged(&judge, source, Checker::Lines, tests).await;
    let found: Vec<_> = cases
        .iter()
        .map(|case| (case.verdict, &*case.message))
        .collect();
    assert_eq!(cases[0].actual, "{'a': [1, 2]}");
    assert!(
        cases[1].stderr_tail.contains("line 2, in g"),
        "{:?}",
        cases[1]
    );
    assert_eq!(
        found[0],
        (Verdict::WrongAnswer, "at ['a'][1]: expected 3, found 2")
    );
    assert_eq!(found[1], (Verdict::RuntimeError, "ValueError: bad"));
    assert_eq!(
        found[2],
        (
            Verdict::RuntimeError,
            "NameError: name 'missing' is not defined"
        )
    );
    assert_eq!(found[3].0, Verdict::WrongAnswer);
    assert_eq!(
        found[4],
        (
            Verdict::RuntimeError,
            "the program ended before its tests did"
        )
    );
    assert_eq!(found[5].0, Verdict::RuntimeError);
    assert_eq!(
        found[6],
        (Verdict::WrongAnswer, "the test accepts no answer")
    );
    let spinning = judged(
        &judge,
        source,
        Checker::Lines,
        vec![call("spin", "[]", &["1"])],
    )
    .await;
    assert_eq!(spinning[0].verdict, Verdict::TimeLimit);
}

#[tokio::test]
async fn a_test_without_sense_is_an_error() {
    let judge = best_judge();
    for (arguments, expected) in [("{}", "1"), ("[", "1"), ("[]", "one")] {
        let tests = vec![call("f", arguments, &[expected])];
        let error = judge
            .judge(&submission(Language::Python, "def f(): return 1", tests))
            .await;
        assert!(matches!(error, Err(JudgeError::Checker(_))), "{error:?}");
    }
    let texts_only = Submission {
        checker: Checker::Testlib {
            name: "wcmp".into(),
        },
        ..submission(
            Language::Python,
            "def f(): return 1",
            vec![call("f", "[]", &["1"])],
        )
    };
    assert!(matches!(
        judge.judge(&texts_only).await,
        Err(JudgeError::Unsupported(_))
    ));
    let unknown = Submission {
        checker: Checker::Testlib {
            name: "xcmp".into(),
        },
        ..texts_only
    };
    let error = judge.judge(&unknown).await.unwrap_err().to_string();
    assert!(
        error.starts_with("unknown checker `xcmp`: expected one of acmp, caseicmp,"),
        "{error}"
    );
}

#[tokio::test]
async fn the_rule_of_apps_is_python_equality_with_a_list_of_one() {
    let checker = Checker::Compat {
        harness: Harness::Apps,
    };
    let right = [
        ("True", "1"),
        ("1.0", "1"),
        ("(1, 2)", "[1, 2]"),
        ("[(1, 2)]", "[[1, 2]]"),
        ("['a']", "\"a\""),
        ("{1: 2}", "{\"1\": 2}"),
    ];
    assert_all(Verdict::Accepted, checker.clone(), &right).await;
    let wrong = [
        ("[[(1,)]]", "[[[1]]]"),
        ("0.3000001", "0.3"),
        ("{'1': 2}", "{\"1\": 2}"),
    ];
    assert_all(Verdict::WrongAnswer, checker.clone(), &wrong).await;
    let tests = vec![call("f", "[{\"3\": 4}]", &["7"])];
    let cases = judged(
        &best_judge(),
        "def f(d): return sum(d) + sum(d.values())",
        checker,
        tests,
    )
    .await;
    assert_eq!(cases[0].verdict, Verdict::Accepted, "{cases:?}");
}

#[tokio::test]
async fn the_rule_of_livecodebench_is_python_equality() {
    let checker = Checker::Compat {
        harness: Harness::LiveCodeBench,
    };
    let right = [("True", "1"), ("(1, 2)", "[1, 2]"), ("2", "2.0")];
    assert_all(Verdict::Accepted, checker.clone(), &right).await;
    let wrong = [
        ("[(1, 2)]", "[[1, 2]]"),
        ("['a']", "\"a\""),
        ("{1: 2}", "{\"1\": 2}"),
    ];
    assert_all(Verdict::WrongAnswer, checker, &wrong).await;
}
