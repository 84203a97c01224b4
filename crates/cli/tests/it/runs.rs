use std::time::Duration;

use domain::{
    Agent, Ask, CaseReport, Checker, Exit, Finish, Judging, Language, Limits, Message, Program,
    Reply, Rung, Sampling, Submission, Test, Usage, Verdict,
};
use ledger::{Ledger, RunSpec};
use serde_json::{Value, json};

use crate::work::{Server, arguments, problem};
use crate::world::{World, files_below};

const LEDGER: &str = "home/.local/share/mapcoder/ledger.sqlite";

/// Records one call, one judging and one outcome; answers with the run's name.
fn record(world: &World) -> String {
    let ledger = Ledger::open(&world.path(LEDGER)).unwrap();
    let spec = RunSpec {
        command: "eval humaneval".to_string(),
        settings: json!({"strategy": "direct"}),
    };
    let run = ledger.begin_run(&spec).unwrap();
    let ask = Ask {
        agent: Agent::Coding,
        model: "small".to_string(),
        messages: vec![Message::user("write a program")],
        sampling: Sampling::default(),
        sample_idx: 0,
        shape: None,
    };
    let reply = Reply {
        text: "print(1)".to_string(),
        finish: Finish::Stop,
        usage: Usage {
            prompt_tokens: 30,
            cached_tokens: 10,
            completion_tokens: 5,
        },
        wall: Duration::from_millis(1500),
        cost: Some(0.25),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let call = async { Ok::<_, String>(reply) };
        ledger.ask(&run, "p/1", &ask, || call).await.unwrap();
        let call = async { Ok::<_, String>(judging()) };
        ledger
            .judge(&run, "p/1", &submission(), "python 3", || call)
            .await
            .unwrap();
        let outcome = json!({"status": "passed", "n_passed": 1, "program": {"source": "print(1)"}});
        ledger.record_outcome(&run, "p/1", &outcome).await.unwrap();
    });
    run.to_string()
}

fn submission() -> Submission {
    Submission {
        program: Program {
            language: Language::Python,
            source: "print(1)".to_string(),
        },
        tests: vec![Test::Stdio {
            input: String::new(),
            expected: vec!["1".to_string()],
        }],
        checker: Checker::Lines,
        limits: Limits::default(),
        isolation: domain::Isolation::Pooled,
        stop_on_first_failure: false,
    }
}

fn judging() -> Judging {
    Judging {
        verdict: Verdict::Accepted,
        cases: vec![CaseReport {
            verdict: Verdict::Accepted,
            cpu: Duration::from_millis(10),
            wall: Duration::from_millis(20),
            memory_bytes: 1 << 20,
            exit: Some(Exit::Code(0)),
            actual: "1\n".to_string(),
            n_output_bytes: 0,
            stderr_tail: String::new(),
            message: String::new(),
            otherwise: Vec::new(),
        }],
        compile_log: String::new(),
        rung: Rung::Landlock,
        toolchain: "python 3".to_string(),
    }
}

fn schemas(lines: &str) -> Vec<String> {
    lines
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["schema"].as_str().unwrap().to_string()
        })
        .collect()
}

#[test]
fn without_a_ledger_nothing_is_listed_and_none_is_made() {
    let world = World::new();
    let outcome = world.run(&["runs", "list"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""));
    assert_eq!(
        outcome.stderr,
        format!("nothing is recorded: there is no ledger at $ROOT/{LEDGER}\n")
    );
    assert_eq!(world.run(&["runs", "show"]).code, Some(4));
    assert_eq!(files_below(&world.path("home")), Vec::<String>::new());
}

#[test]
fn a_recorded_run_is_listed_shown_and_exported() {
    let world = World::new();
    let run = record(&world);
    let listed = world.run(&["runs", "list"]).stdout;
    assert!(
        listed.contains(&run) && listed.contains("eval humaneval"),
        "{listed}"
    );

    let shown = world.run(&["runs", "show", &run[..4]]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let coding: Vec<&str> = shown
        .stdout
        .lines()
        .find(|line| line.starts_with("coding"))
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(
        coding,
        ["coding", "1", "0", "30", "10", "5", "1.5", "s", "0.2500"]
    );
    for part in ["judged: 1 accepted", "p/1  status=passed  n_passed=1"] {
        assert!(shown.stdout.contains(part), "{shown:?}");
    }

    let exported = world.run(&["runs", "export"]).stdout;
    let file = world.path("project/run.jsonl");
    let outcome = world.run(&["runs", "export", "latest", "--output", "run.jsonl"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""));
    assert_eq!(std::fs::read_to_string(file).unwrap(), exported);
    assert_eq!(files_below(&world.path("project")), ["run.jsonl"]);
    for schema in ["run", "exchange", "judging", "outcome", "attempt"] {
        let schema = format!("mapcoder.{schema}/1");
        assert!(schemas(&exported).contains(&schema), "{exported}");
    }
}

#[test]
fn as_json_a_run_is_tagged_lines() {
    let world = World::new();
    record(&world);
    assert_eq!(
        schemas(&world.run(&["runs", "list", "--json"]).stdout),
        ["mapcoder.run/1"]
    );
    assert_eq!(
        schemas(&world.run(&["runs", "show", "--json"]).stdout),
        [
            "mapcoder.run/1",
            "mapcoder.agent_totals/1",
            "mapcoder.verdicts/1",
            "mapcoder.outcome/1"
        ]
    );
}

#[test]
fn an_unknown_run_is_wrong_usage() {
    let world = World::new();
    record(&world);
    let outcome = world.run(&["runs", "show", "zzz"]);
    assert_eq!(outcome.code, Some(2));
    assert_eq!(
        outcome.stderr,
        "error: failed to find the run `zzz` in the ledger\n\
        help: `mapcoder runs list` lists the runs\n"
    );
}

#[test]
fn a_file_that_is_no_ledger_is_refused() {
    let world = World::new();
    let path = world.write("project/notes.txt", &"not a database\n".repeat(100));
    let outcome = world.run(&["runs", "list", "--ledger", "notes.txt"]);
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome.stderr.starts_with("error: failed to "),
        "{outcome:?}"
    );
    assert!(
        std::fs::read_to_string(path)
            .unwrap()
            .starts_with("not a database")
    );
}

#[test]
fn an_export_that_cannot_be_written_leaves_nothing() {
    let world = World::new();
    record(&world);
    let outcome = world.run(&["runs", "export", "-o", "absent/run.jsonl"]);
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome
            .stderr
            .starts_with("error: failed to write absent/run.jsonl: No such file"),
        "{outcome:?}"
    );
    assert_eq!(files_below(&world.path("project")), Vec::<String>::new());
}

#[test]
fn a_run_goes_on_elsewhere_and_nothing_is_paid_twice() {
    let (here, there) = (World::new(), World::new());
    for world in [&here, &there] {
        for number in 0..3 {
            let text = problem(number);
            world.write(&format!("project/problems/add{number}.md"), &text);
        }
    }
    let server = Server::start(&here, 0);
    let eval = ["eval", "--data", "problems", "--concurrency", "1"];
    let with = |calls| arguments(&server.url, &[&eval[..], &["--max-calls", calls]].concat());
    let short = here.run(&with("12"));
    assert_eq!(short.code, Some(3), "{}", short.stderr);
    let exported = here.run(&["runs", "export"]).stdout;
    there.write("project/run.jsonl", &exported);

    let imported = there.run(&["runs", "import", "run.jsonl"]);
    assert_eq!(imported.code, Some(0), "{}", imported.stderr);
    let again = there.run(&["runs", "import", "run.jsonl", "--json"]);
    let line: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(line["imported"]["n_new"], 0, "{line}");
    let shown = |world: &World| world.run(&["runs", "show"]).stdout;
    let calls = |text: &str| -> Vec<String> {
        let agents = text
            .lines()
            .filter(|line| line.starts_with(char::is_lowercase));
        agents.map(str::to_string).collect()
    };
    assert_eq!(calls(&shown(&there)), calls(&shown(&here)));
    let rest = there.run(&with("15"));
    assert_eq!(rest.code, Some(0), "12 of 27 calls came: {}", rest.stderr);
}

#[test]
fn an_import_names_the_lines_that_it_cannot_use() {
    let world = World::new();
    record(&world);
    let exported = world.run(&["runs", "export"]).stdout;
    let broken: Vec<String> = exported
        .lines()
        .enumerate()
        .map(|(at, line)| match at {
            1 => line.replace("write a program", "write a poem"),
            _ => line.to_string(),
        })
        .collect();
    world.write("project/broken.jsonl", &broken.join("\n"));
    world.write("project/notes.jsonl", "{\"schema\": \"x\"}\n");
    let import = |file: &str| world.run(&["runs", "import", file, "--ledger", "new.sqlite"]);
    let outcome = import("broken.jsonl");
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    for part in [
        "left out broken.jsonl, line 2: its content has another key",
        "error: 1 lines of broken.jsonl could not be used",
    ] {
        assert!(outcome.stderr.contains(part), "`{part}` in {outcome:?}");
    }
    assert!(
        outcome.stdout.contains("2 records are new here"),
        "{outcome:?}"
    );
    let nothing = import("notes.jsonl");
    assert_eq!(nothing.code, Some(2), "{nothing:?}");
    assert!(nothing.stderr.contains("notes.jsonl holds no run"));
    let missing = world.run(&["runs", "import", "none.jsonl", "--ledger", "none.sqlite"]);
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(!world.path("project/none.sqlite").exists());
}
