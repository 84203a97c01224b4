use std::io::Write as _;
use std::path::{Path, PathBuf};

use domain::{Digest, Form, Test};
use flate2::write::GzEncoder;
use proptest::prelude::*;

use crate::*;

/// A file of the real data beside the repository; says so when it is absent.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data")
        .join(name);
    if !path.exists() {
        println!("skipped: {} is absent", path.display());
    }
    path.exists().then_some(path)
}

fn code(test: &Test) -> &str {
    match test {
        Test::Python { code } => code,
        Test::Stdio { .. } | Test::Call { .. } => panic!("an assert test is wanted"),
    }
}

fn rows(text: &str) -> DataSet {
    read("rows.jsonl", text.as_bytes()).unwrap()
}

const HUMANEVAL: &str = r#"{"task_id": "T/0", "prompt": "def inc(n):\n    \"\"\"\n    >>> inc(1)\n    2\n    \"\"\"\n", "entry_point": "inc", "canonical_solution": "    return n + 1\n", "test": "def check(candidate):\n    assert candidate(2) == 3\n"}"#;

#[test]
fn humaneval_gives_samples_from_its_documentation_and_one_hidden_test() {
    let set = rows(HUMANEVAL);
    assert_eq!((set.format, set.name.as_str()), (Format::HumanEval, "rows"));
    assert_eq!(set.digest, Digest::of(HUMANEVAL));
    let task = &set.tasks[0];
    assert_eq!(task.problem.id, "T/0");
    assert_eq!(code(&task.problem.samples[0]), "assert inc(1) == 2");
    assert_eq!(
        code(&task.hidden.reveal()[0]),
        "def check(candidate):\n    assert candidate(2) == 3\n\n\ncheck(inc)\n"
    );
    assert!(task.problem.statement.contains("def inc(n):"));
}

#[test]
fn a_task_never_holds_the_published_solution() {
    let task = serde_json::to_string(&rows(HUMANEVAL).tasks[0]).unwrap();
    assert!(!task.contains("return n + 1"), "{task}");
}

#[test]
fn mapcoder_samples_are_mended_and_bad_ones_reported() {
    let row = HUMANEVAL.replace(
        "\"test\":",
        r#""sample_io": ["asssert inc(1) == 2", "assert inc([1 == 2", "inc(4) => 5"], "test":"#,
    );
    let set = rows(&row);
    let samples: Vec<&str> = set.tasks[0].problem.samples.iter().map(code).collect();
    assert_eq!(samples, ["assert inc(1) == 2", "assert inc(4) == 5"]);
    assert_eq!(set.dropped.len(), 1);
    assert_eq!(
        (set.dropped[0].id.as_str(), set.dropped[0].sample.as_str()),
        ("T/0", "assert inc([1 == 2")
    );
}

#[test]
fn mbpp_shows_its_first_assert_and_scores_with_all() {
    let set = rows(
        r#"{"text": "Find it. ", "code": "import re\r\ndef helper(x):\r\n  return x\r\ndef find(x):\r\n  return helper(x)", "task_id": 11, "test_setup_code": "x = 1", "test_list": ["assert find(helper(1)) == 1", "assert find(2) == 2"]}"#,
    );
    let task = &set.tasks[0];
    assert_eq!(
        (set.format, task.problem.id.as_str()),
        (Format::Mbpp, "MBPP/11")
    );
    assert_eq!(
        task.problem.statement,
        "Find it.\n\nThe function is called `find`.\n"
    );
    assert_eq!(task.problem.samples.len(), 1);
    assert_eq!(
        code(&task.problem.samples[0]),
        "x = 1\nassert find(helper(1)) == 1"
    );
    assert_eq!(task.hidden.reveal().len(), 2);
}

#[test]
fn lpw_in_both_of_its_shapes() {
    let plain = r#"{"task_id": "A/1", "prompt": "def f(n):\n    '''f'''\n", "entry_point": "f", "test": "def check(candidate):\n    assert candidate(1) == 1\ncheck(f)\n", "given_tests": ["assert f(2) == 2"], "canonical_solution": ["x"], "difficulty": 12}"#;
    let swapped = r#"{"task_id": "A/2", "prompt": "def f(n):\n    '''\n    f(3) == 3\n    '''\n", "entry_point": "f", "canonical_solution": "    return n\n", "given_tests": "def check(candidate):\n    assert candidate(4242) == 4242\n", "test": ["assert f(1) == 1", "assert f(2) == 2"]}"#;
    let set = rows(&format!("{plain}\n{swapped}\n"));
    assert_eq!(set.format, Format::Lpw);
    let [first, second] = &set.tasks[..] else {
        panic!(
            "two tasks are wanted, these were skipped: {:?}",
            set.skipped
        );
    };
    assert_eq!(first.problem.difficulty.as_deref(), Some("12"));
    assert_eq!(code(&first.problem.samples[0]), "assert f(2) == 2");
    assert_eq!(code(&first.hidden.reveal()[0]).matches("check(").count(), 2);
    assert_eq!(code(&second.problem.samples[0]), "assert f(3) == 3");
    assert_eq!(
        code(&second.hidden.reveal()[0]),
        "assert f(1) == 1\nassert f(2) == 2"
    );
    assert!(
        !serde_json::to_string(second).unwrap().contains("4242"),
        "a hidden test is shown"
    );
}

#[test]
fn malformed_rows_and_duplicates_are_named_and_never_stop_the_rest() {
    let text = format!(
        "\u{feff}not json\n{HUMANEVAL}\n\n{{\"task_id\": 3}}\n{HUMANEVAL}\n{}\n",
        HUMANEVAL.replace("T/0", "T/1")
    );
    let set = rows(&text);
    let ids: Vec<&str> = set
        .tasks
        .iter()
        .map(|task| task.problem.id.as_str())
        .collect();
    assert_eq!(ids, ["T/0", "T/1"]);
    let skipped: Vec<(usize, &str)> = set
        .skipped
        .iter()
        .map(|row| (row.line, row.reason.as_str()))
        .collect();
    assert_eq!(
        skipped,
        [
            (1, "expected ident (column 2)"),
            (
                4,
                "invalid type: integer `3`, expected a string (column 13)"
            ),
            (5, "the id `T/0` is already taken"),
        ]
    );
}

#[test]
fn what_is_no_data_set_is_refused_with_a_reason() {
    let check = |file: &str, bytes: &[u8], expect: &str| {
        let message = read(file, bytes).unwrap_err().to_string();
        assert!(message.starts_with(expect), "{message}");
    };
    check(
        "a.jsonl",
        b"{\"x\": 1}\n",
        "tell the format of a.jsonl: no row has the fields of",
    );
    check("a.jsonl", b"", "tell the format of a.jsonl");
    check(
        "a.csv",
        b"",
        "read a.csv: its name must end in .md, .json, .jsonl or .parquet",
    );
    check("a.jsonl", b"\xff\xfe", "read a.jsonl: it is not UTF-8 text");
    check("a.jsonl.gz", b"no gzip", "read a.jsonl.gz: ");
    check("a.md", b"text", "read a.md, line 1: the title is missing");
    let absent = load(Path::new("/nowhere/x.jsonl")).unwrap_err().to_string();
    assert!(
        absent.starts_with("read /nowhere/x.jsonl: No such file"),
        "{absent}"
    );
}

#[test]
fn packed_files_keep_the_digest_of_their_bytes() {
    let mut packer = GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(HUMANEVAL.as_bytes()).unwrap();
    let packed = packer.finish().unwrap();
    let set = read("T.jsonl.gz", &packed).unwrap();
    assert_eq!((set.name.as_str(), set.tasks.len()), ("T", 1));
    assert_eq!(set.digest, Digest::of(&packed));
    let cut = &packed[..packed.len() / 2];
    assert!(matches!(read("T.jsonl.gz", cut), Err(LoadError::Io { .. })));
}

#[test]
fn a_folder_of_problems_is_a_data_set() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("README.md", "not a problem");
    write("b.md", "# B\n\nText.\n");
    write("a.json", r#"{"title": "A", "statement": "Text."}"#);
    write("c.md", "no title");
    write("notes.txt", "");
    let set = load(folder.path()).unwrap();
    let ids: Vec<&str> = set
        .tasks
        .iter()
        .map(|task| task.problem.id.as_str())
        .collect();
    assert_eq!(ids, ["a", "b"]);
    assert_eq!(set.skipped.len(), 1);
    assert_eq!(
        (set.skipped[0].file.as_str(), set.skipped[0].line),
        ("c.md", 1)
    );
    let before = set.digest;
    write("b.md", "# B\n\nOther text.\n");
    assert_ne!(load(folder.path()).unwrap().digest, before);
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(
        load(empty.path()),
        Err(LoadError::EmptyFolder { .. })
    ));
}

#[test]
fn select_filters_first_and_then_limits() {
    let text: String = (0..20)
        .map(|n| format!("{}\n", HUMANEVAL.replace("T/0", &format!("T/{n}"))))
        .collect();
    let set = rows(&text).select(Some(3), Some("/1"));
    let ids: Vec<&str> = set
        .tasks
        .iter()
        .map(|task| task.problem.id.as_str())
        .collect();
    assert_eq!(ids, ["T/1", "T/10", "T/11"]);
    assert_eq!(set.digest, Digest::of(&text));
}

#[test]
fn every_real_file_is_read_without_a_skipped_row() {
    for (name, format, n_tasks) in [
        ("benchmarks/humaneval.jsonl", Format::HumanEval, 164),
        ("benchmarks/humaneval_et.jsonl", Format::HumanEvalEt, 164),
        ("benchmarks/mbpp_397.jsonl", Format::MultiplE, 397),
        ("benchmarks/mbpp_974.jsonl", Format::Mbpp, 974),
        ("lpw/APPS.tests.jsonl", Format::Lpw, 139),
        ("lpw/CodeContests.tests.jsonl", Format::Lpw, 150),
        ("lpw/LiveCode.tests.jsonl", Format::Lpw, 140),
        ("lpw/humaneval.tests.jsonl", Format::Lpw, 164),
        ("lpw/humaneval-et.tests.jsonl", Format::Lpw, 164),
        ("lpw/mbpp.tests.jsonl", Format::Lpw, 500),
    ] {
        let Some(path) = shared(name) else { continue };
        let set = load(&path).unwrap();
        assert_eq!((set.format, set.tasks.len()), (format, n_tasks), "{name}");
        assert_eq!(set.skipped, [], "{name}");
        for task in &set.tasks {
            assert!(!task.hidden.is_empty(), "{name}: {}", task.problem.id);
            let Form::Function {
                entry_point,
                prompt,
            } = &task.problem.form
            else {
                panic!("{name}: {} asks for a function", task.problem.id);
            };
            assert!(
                prompt.is_empty() || prompt.contains(&format!("def {entry_point}")),
                "{name}: {}",
                task.problem.id
            );
        }
    }
}

/// The original file is MapCoder's without `sample_io`.
fn original_humaneval() -> Option<DataSet> {
    let text = std::fs::read_to_string(shared("benchmarks/humaneval.jsonl")?).unwrap();
    let rows: String = text
        .lines()
        .map(|line| {
            let mut row: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(line).unwrap();
            row.remove("sample_io");
            format!("{}\n", serde_json::Value::Object(row))
        })
        .collect();
    Some(read("humaneval.jsonl", rows.as_bytes()).unwrap())
}

#[test]
fn humaneval_has_visible_samples_for_all_but_three_problems() {
    for (set, n_samples) in [
        (original_humaneval(), 451),
        (
            shared("benchmarks/humaneval.jsonl").map(|path| load(&path).unwrap()),
            454,
        ),
    ] {
        let Some(set) = set else { continue };
        let without: Vec<&str> = set
            .tasks
            .iter()
            .filter(|task| task.problem.samples.is_empty())
            .map(|task| task.problem.id.as_str())
            .collect();
        // 41 and 83 show no example; all those of 116 contradict its tests.
        assert_eq!(without, ["HumanEval/41", "HumanEval/83", "HumanEval/116"]);
        let total: usize = set
            .tasks
            .iter()
            .map(|task| task.problem.samples.len())
            .sum();
        assert_eq!(total, n_samples);
        for task in &set.tasks {
            for sample in task.problem.samples.iter().map(code) {
                let (_, value) = sample.rsplit_once(" == ").unwrap();
                assert!(
                    python::is_literal(value) || value.ends_with(')'),
                    "{sample}"
                );
                assert!(python::is_balanced(sample), "{sample}");
            }
        }
    }
}

fn errata(set: &DataSet) -> Vec<&str> {
    set.errata.iter().map(|one| one.id.as_str()).collect()
}

#[test]
fn values_behind_a_comma_of_an_assert_are_an_erratum() {
    let row = |assert: &str| {
        let row = serde_json::json!({"text": "t", "code": "def f(x): return x", "task_id": 1, "test_list": [assert]});
        rows(&row.to_string()).errata.len()
    };
    for (assert, n) in [
        ("assert f(1) == 1, 2", 1),
        ("assert f([1]) == [1, 2] , [3]", 1),
        ("assert f(1) == (1, 2)", 0),
        ("assert f(1) == 1, 'a message'", 0),
        ("assert f(1) == 1, f\"{f(1)}\"", 0),
        ("assert f(1)", 0),
    ] {
        assert_eq!(row(assert), n, "{assert}");
    }
    let Some(path) = shared("benchmarks/mbpp_974.jsonl") else {
        return;
    };
    assert_eq!(
        errata(&load(&path).unwrap()),
        ["MBPP/313", "MBPP/362", "MBPP/436"]
    );
}

#[test]
fn every_erratum_of_lpw_is_of_a_problem_in_its_files() {
    let mut found = Vec::new();
    for name in ["humaneval", "mbpp"] {
        let Some(path) = shared(&format!("lpw/{name}.tests.jsonl")) else {
            return;
        };
        let set = load(&path).unwrap();
        found.extend(errata(&set).into_iter().map(str::to_string));
    }
    let mut known: Vec<&str> = errata::names(Format::Lpw).collect();
    found.sort();
    known.sort();
    assert_eq!(found, known);
}

proptest! {
    #[test]
    fn any_mutation_of_a_row_is_read_or_skipped(
        at in 0..HUMANEVAL.len(),
        n_cut in 0..40usize,
        put in r#"[\[\]\{\}",:a-z0-9\\]{0,6}"#,
    ) {
        let mut row = HUMANEVAL.to_string();
        row.replace_range(at..(at + n_cut).min(row.len()), &put);
        for head in ["sample_io", "test_case_list", "given_tests", "test_list"] {
            let row = row.replacen("\"task_id\"", &format!("\"{head}\": [\"assert inc(1) == 2\"], \"task_id\""), 1);
            let text = format!("{row}\n{HUMANEVAL}\n");
            if let Ok(set) = read("a.jsonl", text.as_bytes()) {
                prop_assert_eq!(set.tasks.len() + set.skipped.len(), 2);
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        for file in ["a.md", "a.json", "a.jsonl", "a.jsonl.gz", "a"] {
            let _ = read(file, &bytes);
        }
    }
}
