//! `rejudge` and `verify` from the command line.

use std::path::Path;

use serde_json::Value;

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
    let lines: Vec<Value> = outcome
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 4 + 1);
    assert_eq!(lines[2]["reason"]["kind"], "one_namespace");
    assert_eq!(lines[3]["reason"]["kind"], "unexplained");
    assert_eq!(lines[4]["score"]["all"]["strict"], 1);
    let evalplus = std::fs::read_to_string(world.path("project/e.json")).unwrap();
    let evalplus: Value = serde_json::from_str(&evalplus).unwrap();
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

/// What is said of a sample of published answers: every `every`-th row of a file of the shared data. Says so when the
/// file is absent.
#[expect(clippy::print_stdout, reason = "a test says what it skips")]
fn published(data: &str, answers: &str, every: u32) -> Option<Vec<Value>> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let files = [format!("benchmarks/{data}"), format!("rejudge/{answers}")];
    let [data, answers] = files.map(|file| shared.join(file));
    if let Some(absent) = [&data, &answers].into_iter().find(|file| !file.exists()) {
        println!("skipped: {} is absent", absent.display());
        return None;
    }
    let every = every.to_string();
    let outcome = World::new().run(&[
        "rejudge",
        "--json",
        "--quiet",
        "--every",
        &every,
        "--data",
        data.to_str().unwrap(),
        answers.to_str().unwrap(),
    ]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let lines = outcome.stdout.lines();
    Some(
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

/// The files of a sample with their answers: how many, recorded as right, right here, and by each harness.
fn scores(lines: &[Value]) -> Vec<(&str, [u64; 3], Vec<u64>)> {
    let files = lines
        .iter()
        .filter(|line| line["schema"] == "mapcoder.rejudge.file/1");
    files
        .map(|line| {
            let score = &line["score"];
            let origin = score["origin"].as_str().unwrap();
            let name = origin.rsplit('/').next().unwrap();
            let all = &score["all"];
            // Absent where nothing here runs the language.
            let counts = ["n", "recorded", "strict"].map(|key| all[key].as_u64().unwrap_or(0));
            let compat = all["compat"].as_array().unwrap();
            let compat = compat.iter().map(|pair| pair[1].as_u64().unwrap());
            (
                name.trim_end_matches("-0-1.jsonl"),
                counts,
                compat.collect(),
            )
        })
        .collect()
}

#[test]
fn published_functions_come_to_the_scores_that_the_documentation_tells() {
    for (data, answers, expect) in [
        (
            "humaneval.jsonl",
            "humaneval.jsonl",
            &[
                ("ChatGPT-MapCoder-3-0-Human-Python3", [17, 8, 8]),
                ("ChatGPT-MapCoder-5-5-Human-Python3", [16, 14, 14]),
                ("ChatGPT-Analogical-Python3", [17, 11, 11]),
                ("ChatGPT-CoT-Python3", [16, 10, 12]),
                ("Gemini-Direct-Human-Python3", [16, 11, 10]),
            ][..],
        ),
        (
            "humaneval_et.jsonl",
            "humaneval_et.jsonl",
            &[
                ("ChatGPT-MapCoder-5-5-Human-Python3", [17, 9, 9]),
                ("ChatGPT-CoT-Python3", [16, 11, 12]),
            ],
        ),
        (
            "mbpp_397.jsonl",
            "mbpp.jsonl",
            &[
                ("ChatGPT-Analogical-MBPP-Python3", [40, 25, 29]),
                ("ChatGPT-MapCoder-3-5-MBPP-Python3", [40, 32, 32]),
                (
                    "GPT4-MBPP_simple_1_gpt-4_pass_at_k_1_py.jsonl",
                    [40, 34, 34],
                ),
            ],
        ),
    ] {
        let Some(lines) = published(data, answers, 10) else {
            return;
        };
        let expect: Vec<_> = expect
            .iter()
            .map(|(file, counts)| (*file, *counts, Vec::new()))
            .collect();
        assert_eq!(scores(&lines), expect, "{data}");
    }
}

#[test]
fn typed_rows_of_apps_are_recorded_wrong_and_come_out_right() {
    let Some(lines) = published("apps_150.jsonl", "apps.jsonl", 7) else {
        return;
    };
    // Answers, recorded as right, and right here: by each of the four harnesses too.
    let files = [
        ("ChatGPT-Analogical-APPS-Python3", [22, 2, 6]),
        ("ChatGPT-CoT-APPS-Python3", [21, 2, 5]),
        ("ChatGPT-Direct-APPS-Python3", [22, 0, 2]),
        ("ChatGPT-MapCoder-3-5-APPS-Python3", [21, 2, 4]),
        ("ChatGPT-SelfPlanning-APPS-Python3", [22, 1, 2]),
    ];
    let expect = files.map(|(file, counts)| (file, counts, vec![counts[2]; 4]));
    assert_eq!(scores(&lines), expect);
    let differing = lines.iter().filter(|line| !line["reason"].is_null());
    let mut n_differing = 0;
    for line in differing {
        let reason = line["reason"]["what"].as_str().unwrap_or_default();
        assert!(reason.contains("values, not texts"), "{line}");
        assert_eq!(line["recorded"], false, "{line}");
        assert_eq!(line["strict"]["verdict"], "accepted", "{line}");
        n_differing += 1;
    }
    assert_eq!(n_differing, 4 + 3 + 2 + 2 + 1);
}

#[test]
fn programs_that_xcodeeval_s_judge_accepted_pass_the_samples() {
    let name = "xcodeeval_samples_only.jsonl";
    let Some(lines) = published("xcodeeval_val_106.jsonl", name, 40) else {
        return;
    };
    let answers = lines.iter().filter(|line| line["recorded"] == true);
    for line in answers {
        // A language that nothing here runs is in no score.
        let verdict = line["strict"]["verdict"].as_str().unwrap();
        assert!(
            ["accepted", "language_unavailable"].contains(&verdict),
            "{line}"
        );
        assert!(line["reason"].is_null(), "{line}");
    }
    let scores = scores(&lines);
    let python = scores.iter().find(|(file, ..)| file.ends_with("Python3"));
    assert_eq!(python.unwrap().1, [2, 1, 1]);
    assert_eq!(scores.len(), 8);
}
