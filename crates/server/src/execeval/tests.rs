use std::collections::BTreeSet;

use domain::{Isolation, Language, Test};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::job::Job;
use super::runtime::{RUNTIMES, Runtime, names};

fn error(body: &Value) -> String {
    Job::read(body.to_string().as_bytes())
        .unwrap_err()
        .to_string()
}

#[test]
fn names_mean_one_language_each_and_every_language_has_one() {
    let unique: BTreeSet<_> = RUNTIMES.iter().map(|runtime| runtime.name).collect();
    assert_eq!(unique.len(), RUNTIMES.len());
    for language in Language::ALL {
        assert!(!names(language).is_empty(), "{language}");
        for name in names(language) {
            assert_eq!(Runtime::find(Some(name)).unwrap().language, language);
        }
    }
}

#[test]
fn what_is_wrong_with_a_job_is_named_by_its_place() {
    let whole = json!({"language": "Go", "source_code": "", "unittests": []});
    for (field, value, expect) in [
        (
            "language",
            json!(1),
            "read `language` of the request: expected a text",
        ),
        (
            "source_code",
            Value::Null,
            "read `source_code` of the request: expected a text",
        ),
        (
            "unittests",
            json!({}),
            "read `unittests` of the request: expected a list of tests",
        ),
        (
            "unittests",
            json!([1]),
            "read `unittests[0]` of the request: expected an object",
        ),
        (
            "unittests",
            json!([{}]),
            "read `unittests[0].input` of the request: expected a text",
        ),
        (
            "unittests",
            json!([{"input": "", "output": "1"}]),
            "read `unittests[0].output` of the request: expected a list of texts",
        ),
        (
            "unittests",
            json!([{"input": "", "output": [1]}]),
            "read `unittests[0].output` of the request: expected a list of texts",
        ),
        (
            "limits",
            json!([]),
            "read `limits` of the request: expected an object",
        ),
        (
            "limits",
            json!({"cpu": "2"}),
            "read `limits.cpu` of the request: expected a number",
        ),
        (
            "limits",
            json!({"cpu": -1}),
            "read `limits.cpu` of the request: expected a number of seconds, more than 0 and at most 3600",
        ),
        (
            "use_sanitizer",
            json!("no"),
            "read `use_sanitizer` of the request: expected true or false",
        ),
    ] {
        let mut wrong = whole.clone();
        wrong[field] = value;
        assert_eq!(error(&wrong), expect);
    }
}

#[test]
fn limits_are_taken_over_where_they_do_not_keep_a_runtime_from_starting() {
    let read = |limits: Value| {
        let body = json!({"language": "Go", "source_code": "", "unittests": [], "limits": limits});
        let job = Job::read(body.to_string().as_bytes()).unwrap();
        let runtime = Runtime::find(Some("Go")).unwrap();
        job.submission(runtime, Isolation::Pooled).limits
    };
    let default = read(Value::Null);
    assert_eq!((default.cpu.as_secs(), default.memory_bytes), (2, 2 << 30));
    let small = read(json!({"_as": 64 << 20, "nproc": 1, "fsize": 0, "cpu": 0.5}));
    assert_eq!((small.cpu.as_millis(), small.memory_bytes), (500, 64 << 20));
    assert_eq!(
        (small.processes, small.file_bytes),
        (default.processes, default.file_bytes)
    );
    let large = read(json!({"_as": -1, "nproc": 500, "fsize": 1 << 30}));
    assert_eq!(
        (large.memory_bytes, large.processes, large.file_bytes),
        (2 << 30, 500, 1 << 30)
    );
}

proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(Job::read(&bytes));
    }

    #[test]
    fn texts_lose_their_carriage_returns_and_nothing_else(
        source in ".*",
        input in "[\r\n a-c]*",
        outputs in prop::collection::vec("[\r\n a-c]*", 0..3),
        cpu in any::<f64>(),
        memory in any::<f64>(),
    ) {
        let body = json!({
            "language": "Go", "source_code": source, "limits": {"_as": memory, "nproc": memory},
            "unittests": [{"input": input, "output": outputs}],
        });
        let job = Job::read(body.to_string().as_bytes()).unwrap();
        let submission = job.submission(Runtime::find(Some("Go")).unwrap(), Isolation::Pooled);
        prop_assert_eq!(submission.program.source, source.replace('\r', ""));
        let expected: Vec<_> = outputs.iter().map(|output| output.replace('\r', "")).collect();
        prop_assert_eq!(submission.tests, vec![Test::Stdio { input: input.replace('\r', ""), expected }]);
        let body = json!({"language": "Go", "source_code": "", "unittests": [], "limits": {"cpu": cpu}});
        drop(Job::read(body.to_string().as_bytes()));
    }
}
