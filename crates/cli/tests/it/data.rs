//! `data` from the command line.

use crate::world::World;

const ROWS: &str = r#"{"task_id": "T/0", "prompt": "def inc(n):\n    \"\"\"\n    >>> inc(1)\n    2\n    \"\"\"\n", "entry_point": "inc", "canonical_solution": "    return n + 1\n", "test": "def check(candidate):\n    assert candidate(2) == 3\n"}
{"task_id": "T/1", "prompt": "def dec(n):\n    \"\"\"n - 1\"\"\"\n", "entry_point": "dec", "canonical_solution": "    return n\n", "test": "def check(candidate):\n    assert candidate(2) == 1\n"}
"#;

fn world() -> World {
    let world = World::new();
    world.write("project/rows.jsonl", ROWS);
    world
}

#[test]
fn info_says_what_a_set_holds() {
    let outcome = world().run(&["data", "info", "rows.jsonl"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!("data-info", outcome.stdout);
    let json = world().run(&["data", "info", "rows.jsonl", "--json"]);
    let line: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(
        (&line["schema"], &line["n_problems"]),
        (&"mapcoder.data/1".into(), &2.into())
    );
}

#[test]
fn check_names_what_is_doubtful() {
    let world = world();
    let fine = world.run(&["data", "check", "rows.jsonl"]);
    assert_eq!(fine.code, Some(0), "{}", fine.stderr);
    assert!(fine.stdout.contains("no samples"), "{}", fine.stdout);
    let judged = world.run(&["data", "check", "rows.jsonl", "--references"]);
    assert_eq!(judged.code, Some(1));
    assert!(
        judged.stdout.contains("solution refused  T/1"),
        "{}",
        judged.stdout
    );
    world.write("project/rows.jsonl", &(ROWS.replace("T/1", "T/0") + "{}\n"));
    let broken = world.run(&["data", "check", "rows.jsonl", "--json", "--quiet"]);
    assert_eq!(broken.code, Some(1));
    let lines: Vec<serde_json::Value> = broken
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["where"], "rows.jsonl, line 2");
    assert_eq!(lines[1]["where"], "rows.jsonl, line 3");
}

#[test]
fn split_divides_rows_as_they_are() {
    let world = world();
    let split = |share: &str| {
        let parts = ["--first", "a.jsonl", "--second", "b.jsonl"];
        let outcome = world.run(
            &[
                &["data", "split", "rows.jsonl", "--share", share][..],
                &parts,
            ]
            .concat(),
        );
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        ["a", "b"].map(|part| {
            std::fs::read_to_string(world.path(&format!("project/{part}.jsonl"))).unwrap()
        })
    };
    assert_eq!(split("1"), [ROWS, ""]);
    assert_eq!(split("0"), ["", ROWS]);
    let outcome = world.run(&["data", "split", "rows.md", "--first", "a", "--second", "b"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
}

#[test]
fn list_and_pull_know_what_can_be_fetched() {
    let world = world();
    let list = world.run(&["data", "list"]);
    assert_eq!(list.code, Some(0));
    for word in [
        "humaneval",
        "MIT",
        "can be fetched",
        "CodeContests",
        "xCodeEval",
        "LiveCodeBench",
    ] {
        assert!(list.stdout.contains(word), "{}", list.stdout);
    }
    // A file of 44 KB is not of no megabytes.
    assert!(list.stdout.contains(" KB  MIT"), "{}", list.stdout);
    let named = |name: &str| list.stdout.lines().find(|line| line.starts_with(name));
    for (name, licence, how) in [
        ("HumanEval ", "MIT", "mapcoder data pull humaneval"),
        (
            "APPS ",
            "MIT",
            "mapcoder data pull hf:codeparrot/apps/test.jsonl",
        ),
        ("MBPP, sanitized", "CC-BY-4.0", "sanitized-mbpp.json"),
        ("xCodeEval", "CC-BY-NC-4.0", "problem_descriptions.jsonl"),
        ("LPW", "Apache-2.0", "given_tests"),
    ] {
        let line = named(name).unwrap_or_else(|| panic!("{name} in {}", list.stdout));
        assert!(line.contains(licence) && line.contains(how), "{line}");
    }
    let json = world.run(&["data", "list", "--json"]);
    let sources: Vec<serde_json::Value> = json
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &serde_json::Value| line["schema"] == "mapcoder.data.source/1")
        .collect();
    assert_eq!(sources.len(), 15);
    assert_eq!(sources[8]["pull"][0], "hf:codeparrot/apps/test.jsonl");
    let pull = world.run(&["data", "pull", "nothing"]);
    assert_eq!(pull.code, Some(2));
    assert!(
        pull.stderr.contains("unknown data set `nothing`"),
        "{}",
        pull.stderr
    );
}
