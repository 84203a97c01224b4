//! `solve` and `eval` against a server that answers every agent.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin, Stdio};

use crate::distill_run::tiny_model;
use crate::world::World;

/// The program's own test server: its first program is wrong, its repair is right. It ends with this value.
pub(crate) struct Server {
    process: Child,
    _stdin: Option<ChildStdin>,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start(world: &World, latency_ms: u32) -> Server {
        let mut command = world.command(&[
            "bench",
            "mock-server",
            "--latency-ms",
            &latency_ms.to_string(),
        ]);
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut port)
            .unwrap();
        let url = format!("http://127.0.0.1:{}/v1", port.trim());
        Server {
            _stdin: process.stdin.take(),
            process,
            url,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self._stdin = None;
        self.process.wait().unwrap();
    }
}

/// A problem that the server's repair solves, told apart from others by a number.
pub(crate) fn problem(number: usize) -> String {
    format!(
        "# Add {number}\n\nReturn the sum of two numbers, and think of {number}.\n\n## Function\n\n```python\n\
         def add(a, b):\n    \"\"\"The sum of a and b.\"\"\"\n```\n\n## Samples\n\n```python\nassert add(1, {number}) == 1 + {number}\n```\n\n\
         ## Tests\n\n```python\nassert add(-{number}, 5) == 5 - {number}\n```\n"
    )
}

pub(crate) fn arguments<'a>(server: &'a str, first: &[&'a str]) -> Vec<&'a str> {
    [first, &["--base-url", server, "--model", "mock"]].concat()
}

#[test]
fn solve_prints_the_program_and_its_story_and_asks_nothing_twice() {
    let world = World::new();
    world.write("project/add.md", &problem(3));
    let server = Server::start(&world, 0);
    let url = server.url.clone();
    let first = world.run(&arguments(&url, &["solve", "add.md"]));
    assert_eq!(
        (first.code, first.stdout.as_str()),
        (Some(0), "def add(a, b):\n    return a + b\n"),
        "{}",
        first.stderr
    );
    for line in [
        "program of plan 1: passes 0 of 1, wrong answer",
        "repair 1 of plan 1: passes 1 of 1",
        "the repair 1 of plan 1 passes all 1 samples; 9 calls,",
        "hidden tests: passes 1 of 1",
    ] {
        assert!(first.stderr.contains(line), "`{line}` in {}", first.stderr);
    }
    drop(server);
    let again = world.run(&arguments(&url, &["solve", "add.md"]));
    assert_eq!(
        (again.code, &again.stdout),
        (Some(0), &first.stdout),
        "{}",
        again.stderr
    );
    assert_eq!(
        again.stderr.matches("from the record").count(),
        9 + 2,
        "{}",
        again.stderr
    );
}

#[test]
fn solve_reports_what_it_found_as_json() {
    let world = World::new();
    world.write("project/add.md", &problem(3));
    let server = Server::start(&world, 0);
    let outcome = world.run(&arguments(
        &server.url,
        &["solve", "add.md", "--json", "--quiet"],
    ));
    assert_eq!(outcome.stderr, "");
    let line: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(line["schema"], "mapcoder.solve/1");
    assert_eq!(line["status"], "passed");
    assert_eq!(line["hidden_verdict"], "accepted");
    assert_eq!(line["calls"].as_array().unwrap().len(), 9);
}

#[test]
fn the_best_program_is_printed_when_none_passes() {
    let world = World::new();
    world.write("project/add.md", &problem(3).replace("== 1 + 3", "== 0"));
    let server = Server::start(&world, 0);
    let outcome = world.run(&arguments(&server.url, &["solve", "add.md", "-t", "1"]));
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome.stdout.starts_with("def add(a, b):"),
        "{}",
        outcome.stdout
    );
    assert!(
        outcome
            .stderr
            .contains("no program passes every sample; the best one is printed"),
        "{}",
        outcome.stderr
    );
}

fn without_times(table: &str) -> String {
    table
        .lines()
        .filter(|line| !line.contains(" s") && !line.contains("time"))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn a_run_is_made_again_from_its_export_alone() {
    let world = World::new();
    for number in 0..3 {
        world.write(
            &format!("project/problems/add{number}.md"),
            &problem(number),
        );
    }
    let server = Server::start(&world, 0);
    let eval = ["eval", "--data", "problems"];
    let recorded = world.run(&arguments(&server.url, &eval));
    assert_eq!(recorded.code, Some(0), "{}", recorded.stderr);
    drop(server);
    let export = world.run(&["runs", "export", "latest", "-o", "run.jsonl"]);
    assert_eq!(export.code, Some(0), "{}", export.stderr);

    let replay = |more: &[&str]| {
        let from = ["--model", "replay:run.jsonl", "--ledger", "new.sqlite"];
        world.run(&[&eval[..], &from, more].concat())
    };
    let again = replay(&[]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert_eq!(
        without_times(&again.stdout),
        without_times(&recorded.stdout)
    );
    assert!(again.stdout.contains("mock"), "{}", again.stdout);
    let other = replay(&["--temperature", "0.5"]);
    assert_eq!(other.code, Some(5), "{}", other.stderr);
    assert!(
        other
            .stderr
            .contains("the recording holds no reply to this question"),
        "{}",
        other.stderr
    );
}

#[test]
fn a_killed_eval_goes_on_and_ends_in_the_same_table() {
    let world = World::new();
    for number in 0..12 {
        world.write(
            &format!("project/problems/add{number:02}.md"),
            &problem(number),
        );
    }
    let server = Server::start(&world, 5);
    let eval = [
        "eval",
        "--data",
        "problems",
        "--concurrency",
        "2",
        "--verbose",
    ];
    let whole = world.run(&arguments(
        &server.url,
        &[&eval[..], &["--ledger", "whole.sqlite"]].concat(),
    ));
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);

    // Each start gets through at least one more problem before it is killed.
    let mut n_kills = 0;
    let outcome = loop {
        let mut child = world.spawn(&arguments(&server.url, &eval));
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let n_solved = stderr
            .lines()
            .map_while(Result::ok)
            .filter(|line| line.ends_with(": solved"))
            .take(n_kills + 1)
            .count();
        if n_solved <= n_kills || n_kills == 5 {
            child.kill().unwrap();
            child.wait().unwrap();
            break world.run(&arguments(&server.url, &eval));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        n_kills += 1;
    };
    assert_eq!(n_kills, 5);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(without_times(&outcome.stdout), without_times(&whole.stdout));

    drop(server);
    let again = world.run(&arguments("http://127.0.0.1:9/v1", &eval));
    assert_eq!(
        (again.code, &again.stdout),
        (Some(0), &outcome.stdout),
        "{}",
        again.stderr
    );
}

#[test]
fn a_spent_budget_stops_cleanly_and_the_same_command_goes_on() {
    let world = World::new();
    for number in 0..3 {
        world.write(
            &format!("project/problems/add{number}.md"),
            &problem(number),
        );
    }
    let server = Server::start(&world, 0);
    let eval = ["eval", "--data", "problems", "--concurrency", "1"];
    let short = world.run(&arguments(
        &server.url,
        &[&eval[..], &["--max-calls", "12"]].concat(),
    ));
    assert_eq!(short.code, Some(3), "{}", short.stderr);
    assert!(
        short.stderr.contains("the budget is spent"),
        "{}",
        short.stderr
    );
    let rest = world.run(&arguments(
        &server.url,
        &[&eval[..], &["--max-calls", "15"]].concat(),
    ));
    assert_eq!(
        rest.code,
        Some(0),
        "12 of 27 calls are recorded: {}",
        rest.stderr
    );
}

#[test]
fn mistakes_get_one_clear_line() {
    let check = |world: &World, arguments: &[&str], code: i32, expect: &str| {
        let outcome = world.run(arguments);
        assert_eq!(outcome.code, Some(code), "{}", outcome.stderr);
        let errors: Vec<&str> = outcome
            .stderr
            .lines()
            .filter(|line| line.starts_with("error:"))
            .collect();
        assert_eq!(errors.len(), 1, "{}", outcome.stderr);
        assert!(
            errors[0].contains(expect),
            "`{expect}` in {}",
            outcome.stderr
        );
        assert_eq!(outcome.stdout, "");
    };
    let world = World::new();
    world.write("project/add.md", &problem(3));
    world.write("project/prompts/coder.md", "x");
    world.write("project/bad.gguf", "not a model");
    let server = [
        "--base-url",
        "http://127.0.0.1:9/v1",
        "--model",
        "mock",
        "--max-attempts",
        "1",
    ];
    let with = |first: &[&'static str]| [first, &server].concat();
    check(&world, &with(&["solve", "missing.md"]), 2, "missing.md");
    check(
        &world,
        &with(&["solve", "add.md"]),
        1,
        "no answer from the server",
    );
    check(
        &world,
        &with(&["solve", "add.md", "--language", "cpp"]),
        2,
        "asks for a Python function",
    );
    check(
        &world,
        &with(&["solve", "add.md", "--prompts", "prompts"]),
        2,
        "coder.md",
    );
    check(
        &world,
        &with(&["eval", "--data", "add.md", "--filter", "zzz"]),
        4,
        "the selection holds no problem",
    );
    check(
        &world,
        &["solve", "add.md", "--model", "missing.gguf"],
        2,
        "missing.gguf",
    );
    tiny_model(&world);
    let too_long = ["--model", "./tiny-llama", "--context", "9000"];
    let said = "a context of 9000 tokens is longer than the model's 8192";
    check(
        &world,
        &[&["solve", "add.md"][..], &too_long].concat(),
        2,
        said,
    );
    let little = ["--model", "./tiny-llama", "--context", "1"];
    let said = "a context needs room for a prompt and a reply";
    check(
        &world,
        &[&["solve", "add.md"][..], &little].concat(),
        2,
        said,
    );
    check(
        &world,
        &["solve", "add.md", "--model", "bad.gguf"],
        1,
        "bad.gguf",
    );
    check(
        &world,
        &["solve", "add.md", "--model", "replay:missing.jsonl"],
        2,
        "missing.jsonl: No such file",
    );
    check(
        &world,
        &["solve", "add.md", "--model", "replay:add.md"],
        2,
        "add.md: read the recorded exchange in line 1",
    );
    check(
        &world,
        &["model", "info", "replay:add.md"],
        2,
        "add.md` holds recorded replies, no model",
    );
    check(
        &world,
        &["solve", "add.md", "--strategy", "magic"],
        2,
        "magic",
    );
}

#[test]
fn a_row_that_cannot_be_read_is_left_out_or_stops_a_strict_run() {
    let world = World::new();
    let row = r#"{"task_id": "T/0", "prompt": "def add(a, b):\n    \"\"\"The sum.\"\"\"\n", "entry_point": "add", "test": "def check(candidate):\n    assert candidate(1, 2) == 3\n"}"#;
    world.write(
        "project/rows.jsonl",
        &format!("{row}\n{{\"task_id\": \"T/1\"}}\n"),
    );
    let server = Server::start(&world, 0);
    let eval = ["eval", "--data", "rows.jsonl", "--strategy", "direct"];
    let lenient = world.run(&arguments(&server.url, &eval));
    assert_eq!(lenient.code, Some(0), "{}", lenient.stderr);
    assert!(
        lenient.stderr.contains("left out rows.jsonl, line 2: "),
        "{}",
        lenient.stderr
    );
    assert!(lenient.stdout.contains("problems  1"), "{}", lenient.stdout);
    let strict = world.run(&arguments(
        &server.url,
        &[&eval[..], &["--strict"]].concat(),
    ));
    assert_eq!((strict.code, strict.stdout.as_str()), (Some(2), ""));
    assert!(
        strict.stderr.contains("error: rows.jsonl, line 2: "),
        "{}",
        strict.stderr
    );
}
