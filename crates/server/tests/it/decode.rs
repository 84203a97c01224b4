//! Submissions as JSON.

use std::time::Duration;

use domain::{Checker, Harness, Isolation, Language, Limits, Test};
use proptest::prelude::*;
use serde_json::{Value, json};
use server::{checker, decode, id};

fn read(value: &Value) -> Result<server::Request, String> {
    decode(value.to_string().as_bytes(), Isolation::Pooled).map_err(|error| error.to_string())
}

#[test]
fn every_kind_of_test_is_read() {
    let request = decode(
        br#"{"id": 7, "language": "py", "code": "x", "tests": [
            {"input": "1", "expected": "2"}, {"input": "1", "expected": ["2", "3"]},
            {"python": "assert f()"},
            {"function": "f", "arguments": [1, 12345678901234567890123, 0.1], "expected": [1.50]},
            {"function": "f", "arguments": [], "expected_any": [null, "a"]},
            {"function": "f", "arguments": [], "expected": null}
        ]}"#,
        Isolation::Fresh,
    )
    .unwrap();
    assert_eq!(request.id.unwrap().get(), "7");
    let submission = request.submission;
    assert_eq!(submission.program.language, Language::Python);
    assert_eq!(submission.isolation, Isolation::Fresh);
    assert_eq!(
        (submission.checker, submission.limits),
        (Checker::Lines, Limits::default())
    );
    let stdio = |expected: &[&str]| Test::Stdio {
        input: "1".into(),
        expected: expected.iter().map(ToString::to_string).collect(),
    };
    let call = |arguments: &str, expected: &[&str]| Test::Call {
        function: "f".into(),
        arguments: arguments.into(),
        expected: expected.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(
        submission.tests,
        [
            stdio(&["2"]),
            stdio(&["2", "3"]),
            Test::Python {
                code: "assert f()".into()
            },
            // Numbers keep all their digits.
            call("[1, 12345678901234567890123, 0.1]", &["[1.50]"]),
            call("[]", &["null", "\"a\""]),
            call("[]", &["null"]),
        ]
    );
}

#[test]
fn limits_and_checkers_are_read() {
    let request = read(&json!({
        "language": "cpp20", "source": "", "tests": [], "isolation": "fresh", "stop_on_first_failure": true,
        "limits": {"cpu_seconds": 0.5, "memory_mib": 64, "output_mib": 1, "file_mib": 2, "processes": 3},
        "checker": {"kind": "custom", "source": "int main() {}"},
    }))
    .unwrap();
    let submission = request.submission;
    assert!(submission.stop_on_first_failure && submission.isolation == Isolation::Fresh);
    assert_eq!(
        submission.limits,
        Limits {
            cpu: Duration::from_millis(500),
            wall: Duration::from_millis(2500),
            memory_bytes: 64 << 20,
            output_bytes: 1 << 20,
            file_bytes: 2 << 20,
            processes: 3,
        }
    );
    assert_eq!(
        submission.checker,
        Checker::Custom {
            source: "int main() {}".into()
        }
    );
    for (name, expect) in [
        ("lines", Some(Checker::Lines)),
        ("tokens", Some(Checker::Tokens)),
        ("float:1e-6", Some(Checker::Float { tolerance: 1e-6 })),
        (
            "testlib:wcmp",
            Some(Checker::Testlib {
                name: "wcmp".into(),
            }),
        ),
        (
            "compat:execeval",
            Some(Checker::Compat {
                harness: Harness::ExecEval,
            }),
        ),
        ("float", None),
        ("float:-1", None),
        ("float:nan", None),
        ("float:inf", None),
        ("lines:1", None),
        ("compat:", None),
        ("testlib:", None),
        ("custom:/etc/passwd", None),
        ("", None),
    ] {
        assert_eq!(checker(name).ok(), expect, "{name}");
        let request = read(&json!({"language": "c", "source": "", "tests": [], "checker": name}));
        assert_eq!(
            request.ok().map(|request| request.submission.checker),
            expect
        );
    }
}

#[test]
fn what_is_wrong_is_named_by_its_place() {
    let whole = json!({"language": "c", "source": "", "tests": []});
    let check = |field: &str, value: Value, expect: &str| {
        let mut wrong = whole.clone();
        wrong[field] = value;
        let error = read(&wrong).unwrap_err();
        assert!(error.contains(expect) && !error.contains('\n'), "{error}");
    };
    check("language", json!("x"), "`language`");
    check("language", json!(1), "invalid type: integer `1`");
    check("frobnicate", json!(1), "unknown field `frobnicate`");
    check("code", json!(""), "duplicate field `source`");
    check(
        "id",
        json!({"a": 1}),
        "read `id` of the submission: expected a text or a number",
    );
    check("isolation", json!("none"), "unknown variant `none`");
    check("checker", json!("exact"), "unknown checker `exact`");
    check(
        "checker",
        json!({"kind": "float", "tolerance": -1}),
        "read `checker`",
    );
    check("checker", json!(7), "read `checker`");
    for (test, expect) in [
        (json!({}), "`tests[0]`"),
        (
            json!({"input": "", "python": "", "expected": ""}),
            "exactly one of",
        ),
        (
            json!({"input": ""}),
            "`tests[0].expected` of the submission: is missing",
        ),
        (
            json!({"input": "", "expected": []}),
            "`tests[0].expected` of the submission: is empty",
        ),
        (
            json!({"input": "", "expected": 1}),
            "a text or a list of texts",
        ),
        (
            json!({"input": "", "expected": "", "arguments": []}),
            "`tests[0].arguments`",
        ),
        (
            json!({"python": "", "expected": ""}),
            "does not belong to a test in Python",
        ),
        (
            json!({"function": "f", "expected": 1}),
            "`tests[0].arguments` of the submission: is missing",
        ),
        (
            json!({"function": "f", "arguments": {}, "expected": 1}),
            "expected a list",
        ),
        (
            json!({"function": "f", "arguments": []}),
            "`tests[0].expected`",
        ),
        (
            json!({"function": "f", "arguments": [], "expected": 1, "expected_any": [1]}),
            "either",
        ),
        (
            json!({"function": "f", "arguments": [], "expected_any": []}),
            "is empty",
        ),
    ] {
        check("tests", json!([test]), expect);
    }
    for (limit, value) in [
        ("cpu_seconds", json!(0)),
        ("cpu_seconds", json!(-1)),
        ("cpu_seconds", json!(1e300)),
        ("wall_seconds", json!(0)),
        ("memory_mib", json!(0)),
        ("memory_mib", json!(u64::MAX)),
        ("output_mib", json!(10_000)),
        ("processes", json!(0)),
    ] {
        check(
            "limits",
            json!({limit: value}),
            &format!("`limits.{limit}`"),
        );
    }
    check("limits", json!({"cpu": 1}), "unknown field `cpu`");
}

#[test]
fn a_submission_that_cannot_be_read_may_still_have_a_name() {
    let name = |json: &str| id(json.as_bytes()).map(|id| id.get().to_string());
    assert_eq!(name(r#"{"id": "a", "tests": 3}"#), Some("\"a\"".into()));
    assert_eq!(name(r#"{"id": {"a": 1}}"#), None);
    assert_eq!(name("{\"id\": \"a\""), None);
}

/// JSON of the shapes and words that submissions are made of.
fn anything() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "id",
        "language",
        "source",
        "code",
        "tests",
        "checker",
        "limits",
        "isolation",
        "input",
        "python",
        "function",
        "arguments",
        "expected",
        "expected_any",
        "kind",
        "tolerance",
        "cpu_seconds",
        "memory_mib",
        "lines",
        "float:1",
        "c",
        "x",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        words.clone().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(words.clone(), inner, 0..8).prop_map(|fields| {
                let fields = fields
                    .into_iter()
                    .map(|(name, value)| (name.to_string(), value));
                Value::Object(fields.collect())
            }),
        ]
    })
}

fn test() -> impl Strategy<Value = Value> {
    prop_oneof![
        (
            any::<String>(),
            prop::collection::vec(any::<String>(), 1..3)
        )
            .prop_map(|(input, expected)| json!({"input": input, "expected": expected})),
        any::<String>().prop_map(|code| json!({"python": code})),
        (
            any::<String>(),
            prop::collection::vec(anything(), 0..3),
            anything()
        )
            .prop_map(|(function, arguments, expected)| {
                json!({"function": function, "arguments": arguments, "expected": expected})
            }),
    ]
}

proptest! {
    #[test]
    fn no_bytes_and_no_json_make_the_decoder_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        value in anything(),
        cut in any::<prop::sample::Index>(),
    ) {
        drop(decode(&bytes, Isolation::Pooled));
        let text = value.to_string();
        drop(read(&value));
        drop(decode(&text.as_bytes()[..cut.index(text.len() + 1)], Isolation::Pooled));
        drop(id(&bytes));
    }

    #[test]
    fn what_is_written_is_what_is_read(
        source in any::<String>(),
        tests in prop::collection::vec(test(), 0..4),
        name in any::<String>(),
    ) {
        let request = read(&json!({"id": name, "language": "go", "source": source, "tests": tests})).unwrap();
        let id = request.id.unwrap();
        prop_assert_eq!(id.get(), Value::from(name).to_string());
        prop_assert_eq!(&request.submission.program.source, &source);
        for (test, wire) in request.submission.tests.iter().zip(&tests) {
            let again = match test {
                Test::Stdio { input, expected } => json!({"input": input, "expected": expected}),
                Test::Python { code } => json!({"python": code}),
                Test::Call { function, arguments, expected } => json!({
                    "function": function,
                    "arguments": serde_json::from_str::<Value>(arguments).unwrap(),
                    "expected": serde_json::from_str::<Value>(&expected[0]).unwrap(),
                }),
            };
            prop_assert_eq!(&again, wire);
        }
        prop_assert_eq!(request.submission.tests.len(), tests.len());
    }
}
