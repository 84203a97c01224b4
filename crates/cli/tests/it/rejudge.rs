//! `rejudge` and `verify` from the command line.

use crate::world::World;

const DATA: &str = r#"{"task_id": "T/0", "prompt": "def inc(n):\n    \"\"\"\n    >>> inc(1)\n    2\n    \"\"\"\n", "entry_point": "inc", "test": "def check(candidate):\n    assert candidate(2) == 3\n"}
{"task_id": "T/1", "prompt": "def dec(n):\n    \"\"\"\n    >>> dec(1)\n    0\n    \"\"\"\n", "entry_point": "dec", "test": "def check(candidate):\n    assert candidate(2) == 1\n"}
"#;

/// Two rows as recorded; one that rests on another's import, one that was never right, one without a problem.
const ANSWERS: &str = r#"{"task_id": "T/0", "code": "import math\ndef inc(n):\n    return n + 1", "is_solved": true}
{"task_id": "T/1", "code": "def dec(n):\n    return n", "is_solved": false}
{"task_id": "T/1", "code": "def dec(n):\n    return math.floor(n - 1)", "is_solved": true}
{"task_id": "T/0", "code": "def inc(n):\n    return 7", "is_solved": true}
{"task_id": "T/9", "code": "pass", "is_solved": true}
{"task_id": "T/0"}
"#;

fn world() -> World {
    let world = World::new();
    world.write("project/data.jsonl", DATA);
    world.write("project/answers.jsonl", ANSWERS);
    world
}

#[test]
fn every_difference_is_printed_with_its_reason() {
    let outcome = world().run(&["rejudge", "--data", "data.jsonl", "answers.jsonl"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    insta::assert_snapshot!("rejudge", outcome.stdout);
    for line in [
        "left out answers.jsonl, line 6: it holds no program",
        "left out answers.jsonl, line 5: data has no problem `T/9`",
    ] {
        assert!(outcome.stderr.contains(line), "{}", outcome.stderr);
    }
}

#[test]
fn results_are_lines_of_json_and_files_of_other_tools() {
    let world = world();
    let outcome = world.run(&[
        "rejudge",
        "--json",
        "--quiet",
        "--data",
        "data.jsonl",
        "answers.jsonl",
        "--evalplus",
        "e.json",
        "--hub",
        "h.yaml",
        "--hub-dataset",
        "openai/x:y",
    ]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    let lines: Vec<serde_json::Value> = outcome
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 4 + 1);
    assert_eq!(lines[2]["reason"]["kind"], "one_namespace");
    assert_eq!(lines[3]["reason"]["kind"], "unexplained");
    assert_eq!(lines[4]["score"]["all"]["strict"], 1);
    let evalplus = std::fs::read_to_string(world.path("project/e.json")).unwrap();
    let evalplus: serde_json::Value = serde_json::from_str(&evalplus).unwrap();
    assert_eq!(evalplus["eval"]["T/0"].as_array().unwrap().len(), 2);
    let hub = std::fs::read_to_string(world.path("project/h.yaml")).unwrap();
    assert!(
        hub.starts_with("- dataset:\n    id: \"openai/x\"\n    task_id: \"y\"\n  value: 25.00\n")
    );
}

#[test]
fn what_cannot_be_judged_is_said_in_one_line() {
    let world = world();
    world.write(
        "project/none.jsonl",
        "{\"task_id\": \"X/1\", \"code\": \"pass\"}\n",
    );
    for (arguments, code, expect) in [
        (
            &["answers.jsonl", "--strict"][..],
            2,
            "answers.jsonl, line 6",
        ),
        (&["none.jsonl"], 4, "no answer is to a problem of data"),
        (&["missing.jsonl"], 2, "missing.jsonl"),
        (&["answers.jsonl", "--compat", "mine"], 2, "execeval"),
        (&["answers.txt"], 2, "answers.txt"),
    ] {
        let outcome = world.run(&[&["rejudge", "--data", "data.jsonl"], arguments].concat());
        assert_eq!(outcome.code, Some(code), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(expect), "{}", outcome.stderr);
        assert_eq!(outcome.stdout, "");
    }
}
