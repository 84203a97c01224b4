//! `mapcoder judge`: programs in, verdicts and exit codes out.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::world::World;

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

fn lines(stdout: &str) -> Vec<Value> {
    stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn every_verdict_has_its_words_and_its_exit_code() {
    let world = World::new();
    world.write("project/right.txt", "3\n");
    for (source, flags, code, words) in [
        ("print(3)", &[][..], 0, "accepted: 1 of 1 tests passed"),
        ("print(4)", &[], 1, "wrong answer: 0 of 1 tests passed"),
        (
            "while True: pass",
            &["--time", "0.2"],
            1,
            "time limit exceeded: 0 of 1",
        ),
        ("import sys; sys.exit(9)", &[], 1, "exit 9"),
        // What it writes does not reach the terminal as it is.
        (
            "print(5)\nraise ValueError('\\x1b[2J')",
            &[],
            1,
            "runtime error: 0 of 1",
        ),
        ("import os; os.abort()", &[], 1, "SIGABRT"),
        (
            "bytearray(300 << 20)",
            &["--memory", "100"],
            1,
            "memory limit exceeded: 0 of 1",
        ),
        (
            "while True: print('x' * 10**6)",
            &["--fresh"],
            1,
            "output limit exceeded: 0 of 1",
        ),
    ] {
        world.write("project/p.py", source);
        let first = ["judge", "run", "p.py", "--expected", "right.txt"];
        let outcome = world.run(&[&first, flags].concat());
        assert_eq!(outcome.code, Some(code), "{outcome:?}");
        assert!(outcome.stdout.contains(words), "{source}: {outcome:?}");
        assert!(outcome.stdout.contains(", rung "), "{outcome:?}");
        assert!(!outcome.stderr.contains('\x1b'), "{outcome:?}");
    }
}

#[test]
fn with_nothing_expected_the_program_just_runs() {
    let world = World::new();
    world.write("project/double.py", "print(2 * int(input()))");
    let arguments = ["judge", "run", "double.py", "--input", "-"];
    let feed = |text: &str| {
        let mut command = world.command(&arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    let (code, stdout, stderr) = feed("21\n");
    assert_eq!((code, stdout.as_str()), (Some(0), "42\n"));
    assert!(stderr.starts_with("ended well, exit 0: "), "{stderr}");
    let (code, stdout, stderr) = feed("x\n");
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(
        stderr.contains("ValueError") && stderr.contains("runtime error, exit 1: "),
        "{stderr}"
    );
}

#[test]
fn a_folder_of_tests_is_taken_in_the_order_of_its_numbers() {
    let world = World::new();
    world.write("project/p.py", "print(input())");
    for (name, text) in [
        ("10.in", "a"),
        ("10.out", "a"),
        ("2.in", "b"),
        ("2.ans", "c"),
        ("input1.txt", "d"),
        ("output1.txt", "d"),
        ("notes.md", "none"),
    ] {
        world.write(&format!("project/tests/{name}"), text);
    }
    let run = ["judge", "run", "p.py", "--tests", "tests"];
    let verdicts = |flags: &[&str]| {
        let outcome = world.run(&[&run, flags, &["--json"]].concat());
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        let line = &lines(&outcome.stdout)[0];
        assert_eq!(line["n_tests"], 3);
        let cases = line["cases"].as_array().unwrap();
        json!(
            cases
                .iter()
                .map(|case| case["verdict"].clone())
                .collect::<Vec<_>>()
        )
    };
    assert_eq!(verdicts(&[]), json!(["accepted", "wrong_answer"]));
    assert_eq!(
        verdicts(&["--run-all"]),
        json!(["accepted", "wrong_answer", "accepted"])
    );
    let outcome = world.run(&run);
    assert!(
        outcome
            .stderr
            .contains("tests left out: 1; `--run-all` runs them too")
    );
    let names: Vec<_> = outcome
        .stdout
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(names, ["test", "input1", "2", "wrong"]);
}

#[test]
fn functions_are_tested_by_asserts() {
    let world = World::new();
    world.write("project/add.py", "def add(a, b):\n    return a + b\n");
    world.write("project/right.py", "assert add(1, 2) == 3");
    world.write(
        "project/wrong.py",
        "assert add(1, 2) == 3\nassert add(1, 2) == 4",
    );
    let outcome = world.run(&["judge", "run", "add.py", "--python-tests", "right.py"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let outcome = world.run(&["judge", "run", "add.py", "--python-tests", "wrong.py"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(
        outcome.stdout.contains("assert add(1, 2) == 4"),
        "{outcome:?}"
    );
}

#[test]
fn mistakes_get_one_clear_line() {
    let world = World::new();
    world.write("project/p.py", "print(1)");
    world.write("project/p.txt", "print(1)");
    world.write("project/p.cpp", "int main() {}");
    world.write("project/bytes.py", "print(1)");
    std::fs::write(world.path("project/bytes.py"), b"\xff\xfe").unwrap();
    world.write("project/tests/1.in", "");
    world.write("project/empty/readme", "");
    world.write("project/empty.jsonl", "\n\n");
    for (arguments, code, expect) in [
        (
            &["run", "missing.py"][..],
            2,
            "failed to read missing.py: No such file",
        ),
        (
            &["run", "p.txt"],
            2,
            "the suffix of p.txt names no language",
        ),
        (
            &["run", "bytes.py"],
            2,
            "failed to read bytes.py: it is not UTF-8 text",
        ),
        (
            &["run", "p.py", "--language", "cobol"],
            2,
            "unknown language `cobol`",
        ),
        (
            &["run", "p.py", "--checker", "exact"],
            2,
            "unknown checker `exact`",
        ),
        (
            &[
                "run",
                "p.py",
                "--checker",
                "testlib:x",
                "--expected",
                "p.py",
            ],
            2,
            "unknown checker `x`",
        ),
        (
            &["run", "p.py", "--checker", "custom:missing.cpp"],
            2,
            "failed to read missing.cpp",
        ),
        (
            &["run", "p.py", "--time", "0"],
            2,
            "expected seconds from 0.001 to 3600",
        ),
        (
            &["run", "p.py", "--memory", "0"],
            2,
            "0 is not in 1..=1048576",
        ),
        (
            &["run", "p.py", "--tests", "missing"],
            2,
            "failed to read the tests in missing: No such file",
        ),
        (
            &["run", "p.py", "--tests", "tests"],
            2,
            "1.in has no answer beside it",
        ),
        (
            &["run", "p.py", "--tests", "empty"],
            2,
            "there is no pair of files",
        ),
        (
            &["run", "p.py", "--tests", "tests", "--input", "p.py"],
            2,
            "cannot be used with",
        ),
        (
            &["run", "p.cpp", "--python-tests", "p.py"],
            2,
            "python tests of a program that is not python",
        ),
        (
            &["batch", "missing.jsonl"],
            2,
            "failed to read missing.jsonl",
        ),
        (
            &["batch", "empty.jsonl"],
            4,
            "empty.jsonl holds no submission",
        ),
        (
            &["serve", "--listen", "nowhere"],
            2,
            "`--listen nowhere`: no such address",
        ),
        (
            &["serve", "--listen", "0.0.0.0:0"],
            2,
            "other machines can reach this address",
        ),
        (
            &["serve", "--max-body", "5 parsecs"],
            2,
            "expected a number of bytes",
        ),
        (&["serve", "--queue", "0"], 2, "0 is not in 1.."),
    ] {
        let outcome = world.run(&[&["judge"], arguments].concat());
        assert_eq!(outcome.code, Some(code), "{outcome:?}");
        let errors: Vec<_> = outcome
            .stderr
            .lines()
            .filter(|line| line.starts_with("error:"))
            .collect();
        assert_eq!(errors.len(), 1, "{outcome:?}");
        assert!(errors[0].contains(expect), "`{expect}` in {outcome:?}");
        assert_eq!(outcome.stdout, "");
    }
}

#[test]
fn a_missing_toolchain_is_no_verdict() {
    let world = World::new().with("PATH", "/nonexistent");
    world.write("project/p.rb", "puts 1");
    let outcome = world.run(&["judge", "run", "p.rb"]);
    assert_eq!(outcome.code, Some(6), "{outcome:?}");
    assert!(
        outcome
            .stderr
            .contains("error: no toolchain for Ruby on this machine"),
        "{outcome:?}"
    );
}

/// A submission that accepts what it is given to print.
fn echo(id: impl Into<Value>, expected: &str) -> String {
    let test = json!({"input": "1", "expected": expected});
    json!({"id": id.into(), "language": "python", "source": "print(input())", "tests": [test]})
        .to_string()
}

#[test]
fn a_batch_answers_every_line_in_order_whatever_is_on_it() {
    let world = World::new();
    let slow = echo("slow", "1").replace("print(", "sum(range(10**7)); print(");
    let text = [
        slow.as_str(),
        &echo(2, "2"),
        "",
        "{\"id\": \"cut",
        "{\"id\": \"bad\", \"language\": \"cobol\", \"source\": \"\", \"tests\": []}",
        "\u{0}\u{1}",
        &echo(Value::Null, "1"),
    ]
    .join("\n");
    world.write("project/batch.jsonl", &text);
    let outcome = world.run(&["judge", "batch", "batch.jsonl"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let rows = lines(&outcome.stdout);
    let told: Vec<_> = rows
        .iter()
        .map(|row| json!([row["line"], row["id"], row["verdict"]]))
        .collect();
    assert_eq!(
        json!(told),
        json!([
            [1, "slow", "accepted"],
            [2, 2, "wrong_answer"],
            [4, null, null],
            [5, "bad", null],
            [6, null, null],
            [7, null, "accepted"],
        ])
    );
    assert_eq!(rows[0]["cases"][0]["actual"], "1\n");
    assert!(
        rows[3]["error"]
            .as_str()
            .unwrap()
            .contains("unknown language `cobol`")
    );
    let summary = "3 judged: 2 accepted, 1 wrong answer; 3 could not be read or judged in ";
    assert!(outcome.stderr.contains(summary), "{outcome:?}");
    // The same in any order.
    let outcome = world.run(&["judge", "batch", "batch.jsonl", "--unordered", "--quiet"]);
    let mut unordered = lines(&outcome.stdout);
    unordered.sort_by_key(|row| row["line"].as_u64());
    let told = |rows: &[Value]| {
        json!(
            rows.iter()
                .map(|row| [&row["line"], &row["verdict"]])
                .collect::<Vec<_>>()
        )
    };
    assert_eq!(told(&unordered), told(&rows));
    assert_eq!(outcome.stderr, "");
}

#[test]
fn ctrl_c_ends_a_batch_and_says_how_many_are_done() {
    let world = World::new();
    let mut command = world.command(&["judge", "batch", "-"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    writeln!(stdin, "{}", echo(1, "1")).unwrap();
    stdout.read_line(&mut first).unwrap();
    assert_eq!(lines(&first)[0]["verdict"], "accepted");
    // Standard input stays open: only the signal ends it.
    signal(&child, Signal::INT);
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{stderr}");
    assert!(
        stderr.contains("stopped: 1 judged: 1 accepted in "),
        "{stderr}"
    );
    drop(stdin);
}

#[test]
fn the_service_says_where_it_listens_answers_and_ends_on_request() {
    let world = World::new();
    for ending in [Signal::INT, Signal::TERM] {
        let mut child = world.spawn(&["judge", "serve", "--listen", "localhost:0", "--json"]);
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut first)
            .unwrap();
        let line = &lines(&first)[0];
        assert_eq!(line["schema"], "mapcoder.judge.serve/1");
        let mut stream = TcpStream::connect(line["address"].as_str().unwrap()).unwrap();
        write!(
            stream,
            "GET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        let health: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        assert_eq!(
            (&health["rung"], &health["languages"]),
            (&line["rung"], &line["languages"])
        );
        signal(&child, ending);
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}
