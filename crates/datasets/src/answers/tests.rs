use proptest::prelude::*;

use super::*;
use crate::read;

const TASKS: &str = r#"{"task_id": "HumanEval/0", "prompt": "def inc(n):\n    \"\"\"n + 1\"\"\"\n", "entry_point": "inc", "test": "def check(candidate):\n    assert candidate(2) == 3\n"}
{"task_id": "HumanEval/1", "prompt": "def dec(n):\n    \"\"\"n - 1\"\"\"\n", "entry_point": "dec", "test": "def check(candidate):\n    assert candidate(2) == 1\n"}"#;

fn set() -> DataSet {
    read("humaneval.jsonl", TASKS.as_bytes()).unwrap()
}

fn answers(name: &str, text: &str) -> Answers {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    load_answers(&path).unwrap()
}

fn program(row: &str) -> (String, Option<bool>) {
    let answers = answers("a.jsonl", row);
    assert_eq!(answers.skipped, []);
    let answer = &answers.answers[0];
    let set = set();
    let index = AnswerIndex::new(&set);
    let task = index.find(&answer.problem).expect("the problem is known");
    let submission = answer.submission(set.format, task, Rules::Strict);
    assert_eq!(submission.program.language, Language::Python);
    (submission.program.source, answer.recorded)
}

#[test]
fn every_tool_s_rows_are_read() {
    let prompt = "def inc(n):\n    \"\"\"n + 1\"\"\"\n";
    for (row, source, recorded) in [
        (
            r#"{"task_id": "HumanEval/0", "completion": "    return n + 1\n"}"#,
            format!("{prompt}    return n + 1\n"),
            None,
        ),
        (
            r#"{"task_id": "HumanEval/0", "completion": "    return n + 1\n", "result": "passed", "passed": true}"#,
            format!("{prompt}    return n + 1\n"),
            Some(true),
        ),
        (
            r#"{"task_id": "HumanEval/0", "solution": "inc = 1", "base_status": "fail"}"#,
            "inc = 1".to_string(),
            Some(false),
        ),
        (
            r#"{"task_id": "HumanEval/0", "source_codes": ["a = 1", "inc = 2"], "is_solved": false, "language": "Python3", "test": "x"}"#,
            "from typing import *\ninc = 2".to_string(),
            Some(false),
        ),
        (
            r#"{"row": 0, "code": "inc = 3", "language": "py"}"#,
            "from typing import *\ninc = 3".to_string(),
            None,
        ),
        (
            r#"{"task_id": 0, "code": "    return 4", "code_kind": "completion", "is_solved": true}"#,
            format!("from typing import *\n{prompt}    return 4"),
            Some(true),
        ),
    ] {
        assert_eq!(program(row), (source, recorded), "{row}");
    }
}

#[test]
fn a_list_of_samples_is_as_many_answers() {
    let list = r#"[{"question_id": "humaneval_1", "code_list": ["a", "b"], "graded_list": [true, false]}]"#;
    let read = answers("output.json", list);
    let found: Vec<_> = read
        .answers
        .iter()
        .map(|answer| (answer.code.as_str(), answer.recorded))
        .collect();
    assert_eq!(found, [("a", Some(true)), ("b", Some(false))]);
    let set = set();
    let task = AnswerIndex::new(&set).find(&read.answers[0].problem);
    assert_eq!(
        task.map(|task| task.problem.id.as_str()),
        Some("HumanEval/1")
    );
}

#[test]
fn a_row_s_own_test_stands_before_the_data_set_s() {
    let row = r#"{"task_id": "HumanEval/0", "code": "inc = 1", "test": "def check(f):\n    assert f(0) == 1"}"#;
    let answer = &answers("a.jsonl", row).answers[0];
    let set = set();
    let task = AnswerIndex::new(&set).find(&answer.problem).unwrap();
    let tests = answer.submission(set.format, task, Rules::Strict).tests;
    let code = "def check(f):\n    assert f(0) == 1\ncheck(inc)".to_string();
    assert_eq!(tests, [Test::Python { code }]);
}

#[test]
fn broken_rows_are_named_and_stop_nothing() {
    let read = answers(
        "a.jsonl",
        "{\"task_id\": \"HumanEval/0\"}\n{\"code\": \"x\"}\n\nnot json\n[1]\n\
         {\"task_id\": \"a\", \"code\": \"x\", \"language\": \"Klingon\"}\n{\"task_id\": \"a\", \"code\": \"x\"}\n",
    );
    assert_eq!(read.answers.len(), 1);
    let said: Vec<(usize, &str)> = read
        .skipped
        .iter()
        .map(|row| (row.line, row.reason.as_str()))
        .collect();
    assert_eq!(said[0].0, 1);
    assert!(said[0].1.starts_with("it holds no program"));
    assert_eq!(
        said[1],
        (2, "it names no problem: neither `task_id` nor `row`")
    );
    assert_eq!((said[2].0, said[3].0), (4, 5));
    assert_eq!(said[4], (6, "`Klingon` is no language that is known here"));
}

#[test]
fn a_folder_of_programs_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("HumanEval_0/0.py", "a = 0");
    write("HumanEval_0/1.py", "a = 1");
    write("HumanEval_1.cpp", "int main() {}");
    write("notes.txt", "nothing");
    let read = load_answers(folder.path()).unwrap();
    let set = set();
    let index = AnswerIndex::new(&set);
    let found: Vec<_> = read
        .answers
        .iter()
        .map(|answer| {
            let task = index.find(&answer.problem).unwrap();
            (
                task.problem.id.as_str(),
                answer.language,
                answer.code.as_str(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("HumanEval/0", Language::Python, "a = 0"),
            ("HumanEval/0", Language::Python, "a = 1"),
            ("HumanEval/1", Language::Cpp, "int main() {}"),
        ]
    );
}

#[test]
fn names_of_languages_in_result_files() {
    for (name, expect) in [
        ("Python3", Some(Language::Python)),
        ("Python 3", Some(Language::Python)),
        ("GNU C++17", Some(Language::Cpp)),
        ("C++", Some(Language::Cpp)),
        ("GNU C", Some(Language::C)),
        ("C# 10", Some(Language::CSharp)),
        ("Rust 2021", Some(Language::Rust)),
        ("Go", Some(Language::Go)),
        ("Node.js", Some(Language::JavaScript)),
        ("Java 17", Some(Language::Java)),
        ("PyPy 3", Some(Language::PyPy)),
        ("PHP", Some(Language::Php)),
        ("Brainfuck", None),
        ("", None),
    ] {
        assert_eq!(language::language(name), expect, "{name}");
    }
}

proptest! {
    #[test]
    fn no_row_is_lost_or_panics(rows in prop::collection::vec("\\PC{0,40}|\\{\"(task_id|row|code|language)\": ?[0-9\"a-z]{0,8}\\}", 0..8)) {
        let text = rows.join("\n");
        let read = answers("a.jsonl", &text);
        let n_rows = text.lines().filter(|line| !line.trim().is_empty()).count();
        prop_assert_eq!(read.answers.len() + read.skipped.len(), n_rows);
    }
}
