//! Readers of the sets with contest problems: the files that are here, and rows made after the schemas of the others.

use domain::{Form, Harness, Test};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::tests::shared;
use crate::{DataSet, Format, load, read};

fn rows(rows: &[Value]) -> DataSet {
    let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
    read("rows.jsonl", text.as_bytes()).unwrap()
}

fn stdio(input: &str, expected: &[&str]) -> Test {
    Test::Stdio {
        input: input.to_string(),
        expected: expected.iter().map(|text| text.to_string()).collect(),
    }
}

fn call(arguments: &str, expected: &[&str]) -> Test {
    Test::Call {
        function: "f".to_string(),
        arguments: arguments.to_string(),
        expected: expected.iter().map(|text| text.to_string()).collect(),
    }
}

/// Packed by CPython: `base64.b64encode(zlib.compress(pickle.dumps(json.dumps(...))))` of one call of two arguments.
const PACKED: &str = "eJxrYJnqzgABPc7R1UqZeQWlJUpWCkrRhjoKRrExecZKOgpK+aUlMGHjWJBASWpxSUllQSpIKK00L7kkMz8vMUepNnaKHgB3DhfF";

#[test]
fn mapcoder_s_rows_of_apps_keep_their_places_and_their_errata() {
    let Some(path) = shared("benchmarks/apps_150.jsonl") else {
        return;
    };
    let set = load(&path).unwrap();
    assert_eq!((set.format, set.tasks.len()), (Format::AppsSubset, 150));
    assert_eq!(set.skipped, []);
    let n = |what: &str| {
        set.errata
            .iter()
            .filter(|one| one.what.contains(what))
            .count()
    };
    assert_eq!((n("not texts"), n("not ASCII")), (74, 2));
    assert_eq!(set.tasks[7].problem.id, "APPS-150/7");
    assert_eq!(set.tasks[0].hidden.reveal()[0], stdio("[1]", &["100"]));
    assert_eq!(set.format.harness(), Some(Harness::ExecEval));
}

#[test]
fn xcodeeval_has_samples_and_finds_its_unit_tests_beside_it() {
    let row = json!({
        "src_uid": "a", "description": "Add.", "input_from": "standard input", "output_to": "standard output",
        "time_limit": "1.5 seconds", "memory_limit": "64 megabytes", "input_spec": "Two integers.",
        "output_spec": "One.", "notes": null, "sample_inputs": ["1 2\r\n"], "sample_outputs": ["3\r\n"],
        "tags": ["math"], "difficulty": 800
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("problems.jsonl");
    std::fs::write(&path, row.to_string()).unwrap();
    let alone = load(&path).unwrap();
    assert_eq!(alone.format, Format::XCodeEval);
    assert!(alone.tasks[0].hidden.is_empty());
    let problem = &alone.tasks[0].problem;
    assert_eq!(problem.samples, [stdio("1 2\n", &["3\n"])]);
    assert_eq!(problem.limits.cpu.as_millis(), 1500);
    assert_eq!(problem.limits.memory_bytes, 64 << 20);
    assert_eq!(
        (problem.difficulty.as_deref(), &problem.tags[..]),
        (Some("800"), &["math".to_string()][..])
    );
    assert!(problem.statement.contains("## Input\n\nTwo integers."));
    let database = json!({
        "b": [{"input": "9", "output": ["9"]}],
        "a": [{"input": "4\r\n3 2 3 2\r\n", "output": ["1", "2\r\n"]}],
    });
    std::fs::write(folder.path().join("unittest_db.json"), database.to_string()).unwrap();
    let whole = load(&path).unwrap();
    assert_eq!(
        whole.tasks[0].hidden.reveal(),
        [stdio("4\n3 2 3 2\n", &["1", "2\n"])]
    );
    std::fs::write(
        folder.path().join("unittest_db.json"),
        r#"{"a": [{"input": 1}]}"#,
    )
    .unwrap();
    let error = load(&path).unwrap_err().to_string();
    assert!(error.contains("unittest_db.json"), "{error}");
    let Some(path) = shared("benchmarks/xcodeeval_val_106.jsonl") else {
        return;
    };
    let set = load(&path).unwrap();
    assert_eq!((set.tasks.len(), set.skipped.len()), (106, 0));
}

/// A row of xCodeEval's joined form: a submission with its problem and the tests of that, each list as JSON text.
fn joined_xcodeeval() -> Value {
    json!({
        "prob_desc_description": "Add.", "prob_desc_input_from": "standard input",
        "prob_desc_output_to": "standard output", "prob_desc_time_limit": "2 seconds",
        "prob_desc_memory_limit": "256 megabytes", "prob_desc_input_spec": "Two integers.",
        "prob_desc_output_spec": "One.", "prob_desc_notes": null, "prob_desc_sample_inputs": "[\"1 2\\r\\n\"]",
        "prob_desc_sample_outputs": "[\"3\\r\\n\"]", "prob_desc_created_at": "1300000000", "lang": "Python 3",
        "lang_cluster": "Python", "source_code": "print(3)", "src_uid": "u", "code_uid": "c", "tags": ["math"],
        "difficulty": 800, "exec_outcome": "PASSED", "file_name": "validation.jsonl",
        "hidden_unit_tests": "[{\"input\": \"4\\r\\n\", \"output\": [\"5\", \"6\\r\\n\"]}]",
    })
}

#[test]
fn xcodeeval_in_its_joined_form_has_its_hidden_tests_in_the_row() {
    let mut broken = joined_xcodeeval();
    broken["src_uid"] = json!("v");
    broken["hidden_unit_tests"] = json!("[{\"input\": 4}]");
    let set = rows(&[joined_xcodeeval(), broken]);
    assert_eq!(set.format, Format::XCodeEval);
    let reason = &set.skipped[0].reason;
    assert!(reason.starts_with("`hidden_unit_tests`: "), "{reason}");
    let task = &set.tasks[0];
    assert_eq!(task.problem.samples, [stdio("1 2\n", &["3\n"])]);
    assert_eq!(task.hidden.reveal(), [stdio("4\n", &["5", "6\n"])]);
    assert_eq!(task.problem.limits.cpu.as_secs(), 2);
    assert!(task.problem.statement.contains("## Input\n\nTwo integers."));
    assert!(!task.problem.statement.contains("print(3)"));
}

#[test]
fn apps_has_programs_and_functions() {
    let program = json!({
        "problem_id": 0, "question": "Add.\n\nInput\n1 2\n\nOutput\n3\n", "difficulty": "introductory", "url": "",
        "solutions": "[\"print(3)\"]", "starter_code": "",
        "input_output": json!({"inputs": ["1 2\n", ["4", 5]], "outputs": ["3\n", ["9"]]}).to_string(),
    });
    let function = json!({
        "problem_id": 1, "question": "Add.", "difficulty": "interview", "starter_code": "def f(a, b):\n\t",
        "solutions": "", "input_output":
            r#"{"fn_name": "f", "inputs": [[1, 12345678901234567890123], [[1], "x"]], "outputs": [[3], [1, 2]]}"#,
    });
    let set = rows(&[
        program,
        function,
        json!({"problem_id": 2, "question": "?", "input_output": ""}),
    ]);
    assert_eq!((set.format, set.tasks.len()), (Format::Apps, 2));
    assert_eq!(set.skipped[0].reason, "it has no tests");
    let program = &set.tasks[0];
    assert_eq!(
        program.hidden.reveal(),
        [stdio("1 2\n", &["3\n"]), stdio("4\n5\n", &["9\n"])]
    );
    assert_eq!(program.problem.samples, [stdio("1 2\n", &["3\n"])]);
    let function = &set.tasks[1];
    assert!(
        matches!(&function.problem.form, Form::Function { entry_point, .. } if entry_point == "f")
    );
    let first = call("[1, 12345678901234567890123]", &["3", "[3]"]);
    assert_eq!(
        function.hidden.reveal(),
        [first, call(r#"[[1], "x"]"#, &["[1, 2]"])]
    );
}

#[test]
fn codecontests_has_three_groups_of_tests_limits_and_files() {
    let tests = |n: u32| json!({"input": [format!("{n}\n")], "output": [format!("{n}\n")]});
    let row = json!({
        "name": "1_A. Echo", "description": "Read in.txt.", "public_tests": tests(1), "private_tests": tests(2),
        "generated_tests": tests(3), "source": 2, "difficulty": 7, "cf_rating": 1200, "cf_tags": ["strings", ""],
        "time_limit": {"seconds": 2, "nanos": 500_000_000}, "memory_limit_bytes": 64_000_000,
        "input_file": "in.txt", "output_file": "",
        "solutions": {"language": [2, 3], "solution": ["int main(){}", "print(input())"]},
    });
    let broken =
        json!({"name": "b", "description": "", "public_tests": {"input": ["1"], "output": []}});
    let set = rows(&[row, broken]);
    assert_eq!(set.format, Format::CodeContests);
    assert_eq!(
        set.skipped[0].reason,
        "`public_tests` has 1 inputs and 0 outputs"
    );
    let task = &set.tasks[0];
    assert_eq!(task.problem.samples, [stdio("1\n", &["1\n"])]);
    assert_eq!(task.hidden.len(), 3);
    assert_eq!(task.problem.limits.cpu.as_millis(), 2500);
    assert_eq!(task.problem.limits.memory_bytes, 64_000_000);
    assert_eq!(
        (task.problem.difficulty.as_deref(), task.problem.tags.len()),
        (Some("1200"), 1)
    );
    assert!(task.problem.statement.contains("not the files"));
    assert!(set.errata[0].what.contains("files"));
}

#[test]
fn codecontests_in_mapcoder_s_form() {
    let row = json!({
        "name": "1_A. Echo", "description": "Echo.", "tags": ["a"], "difficulty": 7, "id": 1,
        "sample_io": [{"input": "1\n", "output": ["1\n"]}], "test_list": [{"input": "2\n", "output": ["2\n", "two\n"]}],
    });
    let set = rows(&[row]);
    assert_eq!(set.format, Format::CodeContestsSubset);
    assert_eq!(
        set.tasks[0].hidden.reveal(),
        [stdio("2\n", &["2\n", "two\n"])]
    );
}

fn livecodebench(private: &str, starter: &str, metadata: &str, public: Value) -> Value {
    json!({
        "question_title": "Add", "question_content": "Add.", "platform": "leetcode", "question_id": "abc_a",
        "contest_id": "abc", "contest_date": "2024-01-01", "starter_code": starter, "difficulty": "easy",
        "public_test_cases": public.to_string(), "private_test_cases": private, "metadata": metadata,
    })
}

#[test]
fn livecodebench_has_both_kinds_of_tests_and_packed_ones() {
    let public = json!([{"input": "[4]\n5", "output": "9", "testtype": "functional"}]);
    let functional = livecodebench(
        PACKED,
        "class Solution:\n    def f(self, a, b):",
        r#"{"func_name": "f"}"#,
        public,
    );
    let plain = json!([{"input": "1 2\r\n", "output": "3\r\n", "testtype": "stdin"}]);
    let mut stdin = livecodebench(&plain.to_string(), "", "{}", plain.clone());
    stdin["question_id"] = json!(7);
    let set = rows(&[functional, stdin]);
    assert_eq!(
        (set.format, &set.skipped[..]),
        (Format::LiveCodeBench, &[][..])
    );
    let functional = &set.tasks[0];
    assert_eq!(
        functional.hidden.reveal(),
        [call("[[4], 5]", &["9"]), call("[[1, 2], 3]", &["[3]"])]
    );
    assert!(
        matches!(&functional.problem.form, Form::Function { entry_point, .. } if entry_point == "f")
    );
    let stdin = &set.tasks[1];
    assert_eq!(
        (stdin.problem.id.as_str(), &stdin.problem.form),
        ("7", &Form::Stdio)
    );
    assert_eq!(stdin.problem.samples, [stdio("1 2\n", &["3\n"])]);
}

#[test]
fn errata_of_livecodebench_are_found_by_id_or_title() {
    let plain = json!([{"input": "1", "output": "1", "testtype": "stdin"}]);
    let row = |id: &str, title: &str| {
        let mut row = livecodebench("[]", "", "{}", plain.clone());
        row["question_id"] = json!(id);
        row["question_title"] = json!(title);
        row
    };
    let set = rows(&[
        row("abc311_c", "Find it!"),
        row("3194", "find-the-peaks"),
        row("abc337_e", "Bad Juice"),
        row("abc311_d", "Grid Ice Floor"),
    ]);
    let found: Vec<(&str, bool)> = set
        .errata
        .iter()
        .map(|one| (one.id.as_str(), one.what.contains("interactive")))
        .collect();
    assert_eq!(
        found,
        [("abc311_c", false), ("3194", false), ("abc337_e", true)]
    );
}

#[test]
fn statements_that_accept_any_of_several_answers_are_errata() {
    let row = |id: &str, statement: &str| {
        json!({"src_uid": id, "description": "d", "output_spec": statement, "sample_inputs": ["1"],
            "sample_outputs": ["1"]})
    };
    let set = rows(&[
        row(
            "any",
            "If there are multiple\nsolutions, output any of them.",
        ),
        row(
            "least",
            "If there are several solutions, print the least one.",
        ),
        row("word", "He captures any of the pawns."),
    ]);
    assert_eq!(set.errata.len(), 1);
    assert_eq!(set.errata[0].id, "any");
    let Some(path) = shared("benchmarks/xcodeeval_val_106.jsonl") else {
        return;
    };
    assert_eq!(load(&path).unwrap().errata.len(), 2);
}

#[test]
fn broken_rows_of_livecodebench_are_named() {
    let public = json!([]);
    for (private, metadata, expect) in [
        ("!!", "{}", "neither JSON nor base64"),
        ("AAAA", "{}", "zlib"),
        (PACKED, "{}", "`metadata` does not name"),
        ("[]", "{}", "it has no tests"),
        (
            r#"[{"input": "", "output": "", "testtype": "file"}]"#,
            "{}",
            "its kind is `file`",
        ),
        (
            r#"[{"input": "x", "output": "1", "testtype": "functional"}]"#,
            r#"{"func_name": "f"}"#,
            "is no JSON value",
        ),
    ] {
        let set = rows(&[livecodebench(private, "", metadata, public.clone())]);
        let reason = &set.skipped[0].reason;
        assert!(reason.contains(expect), "{reason}");
    }
}

#[test]
fn evalplus_compares_with_its_own_solution() {
    let row = json!({
        "task_id": "HumanEval/0", "prompt": "def f(n):\n    \"\"\"\n    >>> f(1)\n    2\n    \"\"\"\n",
        "contract": "", "canonical_solution": "    return n + 1\n", "entry_point": "f", "base_input": [[1]],
        "plus_input": [[2], [3]], "atol": 0,
    });
    let set = rows(&[row]);
    assert_eq!(
        (set.format, set.tasks[0].hidden.len()),
        (Format::EvalPlus, 2)
    );
    let problem = serde_json::to_string(&set.tasks[0].problem).unwrap();
    assert!(
        !problem.contains("return n + 1"),
        "the solution stays hidden"
    );
    let Test::Python { code } = &set.tasks[0].hidden.reveal()[1] else {
        panic!("an assert test")
    };
    assert!(code.contains(r#"json.loads("[[2],[3]]")"#), "{code}");
}

/// A row of MBPP+: its solution is whole, its samples are the asserts of MBPP.
fn mbpp_plus() -> Value {
    json!({
        "task_id": "Mbpp/2",
        "prompt": "\"\"\"\nWrite a function that adds one.\nassert inc(1) == 2\n\"\"\"\n",
        "entry_point": "inc", "canonical_solution": "\ndef inc(n):\n    return n + 1\n", "contract": "",
        "base_input": [[1]], "plus_input": [[2], [0.5]], "atol": 0,
        "assertion": "\nassert inc(1) == 2\nassert inc(41) == 42\n\n",
    })
}

#[test]
fn mbpp_plus_has_a_whole_solution_and_the_asserts_of_mbpp() {
    let text = mbpp_plus().to_string();
    let set = read("MbppPlus.jsonl", text.as_bytes()).unwrap();
    assert_eq!(set.format, Format::EvalPlus);
    let task = &set.tasks[0];
    let samples: Vec<Test> = ["assert inc(1) == 2", "assert inc(41) == 42"]
        .map(|code| Test::Python {
            code: code.to_string(),
        })
        .to_vec();
    assert_eq!(task.problem.samples, samples);
    assert_eq!(task.hidden.len(), 2);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("MbppPlus.jsonl");
    std::fs::write(&path, text).unwrap();
    let references = crate::references(&path).unwrap();
    assert_eq!(references[0].source, "\ndef inc(n):\n    return n + 1\n");
}

/// A row of MBPP with the names that its full form, its sanitized form and MBPP-ET share.
fn mbpp(more: Value) -> Value {
    let mut row = json!({
        "task_id": 2, "code": "import math\ndef root(n):\n  return math.isqrt(n)",
        "test_list": ["assert root(4) == 2", "assert math.sqrt(9) == root(9)"],
    });
    let fields = row.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    row
}

#[test]
fn sanitized_mbpp_is_one_list_with_prompts_and_imports() {
    let row = mbpp(
        json!({"source_file": "Benchmark Questions Verification V2.ipynb",
        "prompt": "Write a function to find a root.", "test_imports": ["import math", "import re"]}),
    );
    let mut broken = row.clone();
    broken["task_id"] = json!("two");
    // As it is published: one list over many lines.
    let text = serde_json::to_string_pretty(&json!([row, broken])).unwrap();
    let set = read("sanitized-mbpp.json", text.as_bytes()).unwrap();
    assert_eq!((set.format, set.tasks.len()), (Format::Mbpp, 1));
    assert_eq!(set.skipped[0].line, 2);
    let task = &set.tasks[0];
    assert_eq!(task.problem.id, "MBPP/2");
    assert!(
        task.problem
            .statement
            .starts_with("Write a function to find a root.")
    );
    assert_eq!(
        task.hidden.reveal()[1],
        Test::Python {
            code: "import math\nimport re\nassert math.sqrt(9) == root(9)".to_string()
        }
    );
}

#[test]
fn mbpp_et_has_more_asserts_of_the_same_problem() {
    let asserts: Vec<String> = (0..30)
        .map(|n| format!("assert root({n} * {n}) == {n}"))
        .collect();
    let row = mbpp(
        json!({"text": "Find a root.", "test_setup_code": "", "challenge_test_list": [],
        "test_list": asserts}),
    );
    let set = rows(&[row]);
    let task = &set.tasks[0];
    assert_eq!((set.format, task.hidden.len()), (Format::Mbpp, 30));
    assert_eq!(task.problem.samples, task.hidden.reveal()[..1]);
}

/// Whole rows of every format, most of them in more than one shape.
fn specimens() -> Vec<String> {
    let tests = json!([{"input": "1", "output": ["2"]}]);
    let function = |more: Value| {
        let mut row = json!({"task_id": "t", "prompt": "def f(n):\n    \"\"\"\n    >>> f(1)\n    2\n    \"\"\"\n",
            "entry_point": "f", "canonical_solution": "    return n + 1\n"});
        row.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        row
    };
    let script = "def check(candidate):\n    assert candidate(1) == 2\n";
    [
        function(json!({"test": script})),
        function(json!({"test": script, "sample_io": ["assert f(1) == 2"]})),
        function(json!({"test": script, "test_case_list": ["assert f(1) == 2"]})),
        function(json!({"test": script, "given_tests": ["assert f(1) == 2"], "difficulty": 3})),
        function(json!({"test": ["assert f(1) == 2"], "given_tests": script})),
        json!({"name": "mbpp_2_f", "language": "py", "prompt": "def f(n: int) -> int:\n", "entry_point": "f",
            "test": script, "sample_io": ["assert f(1) == 2"]}),
        mbpp(json!({"text": "Find a root.", "test_setup_code": "import math", "challenge_test_list": []})),
        mbpp(json!({"prompt": "Find a root.", "test_imports": ["import math"]})),
        mbpp_plus(),
        joined_xcodeeval(),
        json!({"title": "T", "statement": "s", "samples": [{"input": "1", "output": "2"}]}),
        json!({"id": 1, "description": "d", "difficulty": "x", "sample_io": tests, "test_list": tests, "starter_code": ""}),
        json!({"name": "n", "description": "d", "sample_io": tests, "test_list": tests}),
        json!({"problem_id": 1, "question": "q", "solutions": "[]",
            "input_output": "{\"inputs\": [\"1\"], \"outputs\": [\"2\"]}", "starter_code": ""}),
        json!({"name": "n", "description": "d", "public_tests": {"input": ["1"], "output": ["2"]}}),
        livecodebench(PACKED, "def f(): pass", "{\"func_name\": \"f\"}", json!([])),
        json!({"src_uid": "u", "description": "d", "sample_inputs": ["1"], "sample_outputs": ["2"],
            "time_limit": "1 second", "memory_limit": "256 megabytes", "tags": "[\"a\"]"}),
        json!({"task_id": "t", "prompt": "def f(n):\n", "canonical_solution": " pass", "entry_point": "f",
            "base_input": [[1]], "plus_input": []}),
    ]
    .iter()
    .map(Value::to_string)
    .collect()
}

#[test]
fn every_specimen_is_whole_and_every_format_has_one() {
    let mut formats = Vec::new();
    for row in specimens() {
        let set = read("rows.jsonl", row.as_bytes()).unwrap();
        assert_eq!((set.tasks.len(), &set.skipped[..]), (1, &[][..]), "{row}");
        formats.push(set.format);
    }
    for format in Format::ALL {
        assert!(formats.contains(&format), "{format:?}");
    }
}

proptest! {
    /// A value of a good row is replaced by another one, or a piece of the row is overwritten.
    #[test]
    fn no_row_breaks_a_reader(
        row in prop::sample::select(specimens()),
        key in any::<prop::sample::Index>(),
        value in prop_oneof![
            Just(json!(null)), Just(json!(-1)), Just(json!(1e300)), Just(json!([])), Just(json!([[]])), Just(json!({})),
            Just(json!("[[[[")), Just(json!({"input": ["1"], "output": [1]})), Just(json!([{"input": "1", "output": [{"a": [null]}]}])),
            "\\PC{0,20}".prop_map(Value::from),
        ],
        cut in any::<prop::sample::Index>(),
        junk in "\\PC{0,6}",
    ) {
        let mut changed: serde_json::Map<String, Value> = serde_json::from_str(&row).unwrap();
        let keys: Vec<String> = changed.keys().cloned().collect();
        changed[&keys[key.index(keys.len())]] = value;
        let _ = read("rows.jsonl", Value::Object(changed).to_string().as_bytes());
        let mut cut = cut.index(row.len());
        while !row.is_char_boundary(cut) {
            cut -= 1;
        }
        let _ = read("rows.jsonl", format!("{row}\n{}{junk}{}", &row[..cut], &row[cut..]).as_bytes());
    }
}
