//! `compare` and `verify` on runs that were really made: MapCoder repairs what the server writes, the baselines do not.

use crate::work::{Server, arguments, problem};
use crate::world::{Outcome, World};

/// Eight problems and a server that is wrong at first.
fn world() -> (World, Server) {
    let world = World::new();
    for number in 1..=8 {
        world.write(
            &format!("project/problems/add{number}.md"),
            &problem(number),
        );
    }
    let server = Server::start(&world, 0);
    (world, server)
}

fn eval(world: &World, server: &Server, more: &[&str]) -> (String, Outcome) {
    let first = [&["eval", "--data", "problems"], more].concat();
    let outcome = world.run(&arguments(&server.url, &first));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let (_, rest) = outcome.stderr.split_once("recorded as run ").unwrap();
    let run = rest.split(' ').next().unwrap().to_string();
    (run, outcome)
}

#[test]
fn a_run_that_solves_more_is_shown_to_and_one_that_solves_less_fails_the_gate() {
    let (world, server) = world();
    let (mapcoder, _) = eval(&world, &server, &[]);
    let (direct, _) = eval(&world, &server, &["--strategy", "direct"]);
    let (cot, _) = eval(&world, &server, &["--strategy", "cot"]);
    drop(server);

    let better = world.run(&["compare", &direct, &mapcoder, "--gate"]);
    assert_eq!(better.code, Some(0), "{}", better.stderr);
    for part in [
        "+100.0",
        "exact McNemar test, p = 0.0078",
        "add7",
        "failed: ",
    ] {
        assert!(
            better.stdout.contains(part),
            "`{part}` in {}",
            better.stdout
        );
    }
    let worse = world.run(&[
        "compare", &mapcoder, &direct, &cot, "--gate", "--json", "--quiet",
    ]);
    assert_eq!(worse.code, Some(100));
    let lines: Vec<serde_json::Value> = worse
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["schema"], "mapcoder.compare/1");
    assert_eq!(lines[0]["n_lost"], 8);
    let p = lines[0]["p_adjusted"].as_f64().unwrap();
    assert!((p - 4.0 / 256.0).abs() < 1e-12, "{p}");
    assert_eq!(lines[2]["schema"], "mapcoder.error/1");

    let shown = world.run(&["compare", &direct, &mapcoder, "--show", "add3"]);
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    let line = shown
        .stdout
        .lines()
        .find(|line| line.contains("return a + b"));
    assert!(
        line.is_some_and(|line| line.contains('|')),
        "{}",
        shown.stdout
    );

    let same = world.run(&["compare", &direct, &cot]);
    assert!(
        same.stdout.contains("no difference between"),
        "{}",
        same.stdout
    );
    let unknown = world.run(&["compare", &direct, "ffff"]);
    assert_eq!(unknown.code, Some(2), "{}", unknown.stderr);
}

#[test]
fn files_are_compared_like_runs() {
    let (world, server) = world();
    let (_, mapcoder) = eval(&world, &server, &["--json"]);
    let (_, direct) = eval(&world, &server, &["--json", "--strategy", "direct"]);
    world.write("project/a.jsonl", &mapcoder.stdout);
    world.write("project/b.jsonl", &direct.stdout);
    world.write("project/c.jsonl", "{\"schema\": 1}\n");
    let outcome = world.run(&["compare", "a.jsonl", "b.jsonl", "--gate"]);
    assert_eq!(outcome.code, Some(100), "{}", outcome.stderr);
    assert!(
        outcome
            .stdout
            .contains("b.jsonl solves fewer problems than a.jsonl")
    );
    let outcome = world.run(&["compare", "a.jsonl", "c.jsonl"]);
    assert_eq!(outcome.code, Some(2));
    assert!(
        outcome
            .stderr
            .contains("c.jsonl, line 1: it holds no result"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn draws_give_pass_at_k_and_shards_are_parts_of_one_run() {
    let (world, server) = world();
    let draws = ["--draws", "3", "--temperature", "0.5", "--limit", "2"];
    let (runs, outcome) = eval(&world, &server, &draws);
    assert_eq!(runs.split(',').count(), 3);
    assert!(outcome.stdout.contains("pass@3"), "{}", outcome.stdout);
    assert!(
        outcome.stdout.contains("2, 3 draws each"),
        "{}",
        outcome.stdout
    );
    let (first, _) = eval(&world, &server, &["--shard", "1/2"]);
    let (second, outcome) = eval(&world, &server, &["--shard", "2/2"]);
    assert_eq!(first, second);
    assert!(outcome.stdout.contains("problems  4"), "{}", outcome.stdout);
    drop(server);
    let whole = world.run(&[
        "eval",
        "--data",
        "problems",
        "--base-url",
        "http://127.0.0.1:9/v1",
        "--model",
        "mock",
    ]);
    assert_eq!(
        whole.code,
        Some(0),
        "both parts are recorded: {}",
        whole.stderr
    );
    assert!(whole.stdout.contains("100.0 % (8/8)"), "{}", whole.stdout);
    let greedy = world.run(&["eval", "--data", "problems", "--draws", "2"]);
    assert_eq!(greedy.code, Some(2));
    assert!(greedy.stderr.contains("temperature 0"), "{}", greedy.stderr);
}

#[test]
fn a_finished_run_is_verified_and_other_data_is_refused() {
    let (world, server) = world();
    let (run, outcome) = eval(&world, &server, &[]);
    drop(server);
    let verified = world.run(&["verify", &run, "--data", "problems"]);
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
    assert!(
        verified.stderr.contains("all 8 results follow"),
        "{}",
        verified.stderr
    );
    let line = |text: &str| -> String {
        let line = text.lines().find(|line| line.starts_with("pass@1"));
        line.unwrap().to_string()
    };
    assert_eq!(line(&verified.stdout), line(&outcome.stdout));
    world.write("project/problems/add1.md", &problem(99));
    let other = world.run(&["verify", "--data", "problems"]);
    assert_eq!(other.code, Some(2));
    assert!(other.stderr.contains("other data"), "{}", other.stderr);
}

#[test]
fn a_problem_that_spends_its_allowance_ends_as_budget() {
    let (world, server) = world();
    let first = [
        "eval",
        "--data",
        "problems",
        "--limit",
        "1",
        "--max-problem-tokens",
        "1",
    ];
    let outcome = world.run(&arguments(&server.url, &first));
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("of 1 tokens for this problem"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_problem_that_takes_longer_than_it_may_ends_as_budget() {
    let world = World::new();
    world.write("project/problems/add1.md", &problem(1));
    let server = Server::start(&world, 20);
    let eval = |seconds: &str| {
        let first = ["eval", "--data", "problems", "--max-problem-seconds"];
        world.run(&arguments(&server.url, &[&first[..], &[seconds]].concat()))
    };
    let short = eval("0.01");
    assert_eq!(short.code, Some(3), "{}", short.stderr);
    assert!(
        short.stderr.contains("of 0.0 s for this problem"),
        "{}",
        short.stderr
    );
    let long = eval("3600");
    assert_eq!(long.code, Some(0), "{}", long.stderr);
    let none = eval("0");
    assert_eq!(none.code, Some(2));
    assert!(
        none.stderr.contains("a number of seconds above 0"),
        "{}",
        none.stderr
    );
}

#[test]
fn a_plan_has_every_strategy_with_every_model_on_every_data_set() {
    let (world, server) = world();
    for number in 11..=12 {
        world.write(&format!("project/others/add{number}.md"), &problem(number));
    }
    world.write(
        "project/plan.toml",
        "data = [\"problems\", \"others\"]\nstrategies = [\"direct\", \"mapcoder\"]\nmodels = [\"mock\", \"small\"]\n",
    );
    let plan = ["eval", "--plan", "plan.toml", "--json", "--quiet"];
    let work = |url: &str| world.run(&[&plan[..], &["--base-url", url]].concat());
    let outcome = work(&server.url);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let lines: Vec<serde_json::Value> = outcome
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (summaries, comparisons) = lines.split_at(8);
    let mut at = summaries.iter();
    for (data, n_problems) in [("problems", 8), ("others", 2)] {
        for model in ["mock", "small"] {
            for (strategy, n_solved) in [("direct", 0), ("mapcoder (k = 3, t = 5)", n_problems)] {
                let summary = at.next().unwrap();
                let header = &summary["header"];
                assert_eq!(
                    [&header["data"], &header["model"], &header["strategy"]],
                    [data, model, strategy]
                );
                assert_eq!(summary["endings"]["solved"], n_solved, "{summary}");
            }
        }
    }
    let n_won: Vec<&serde_json::Value> = comparisons.iter().map(|line| &line["n_won"]).collect();
    assert_eq!(n_won, [8, 8, 2, 2]);

    drop(server);
    let again = work("http://127.0.0.1:9/v1");
    assert_eq!((again.code, again.stdout), (Some(0), outcome.stdout));
}

#[test]
fn a_plan_is_worked_through_and_compared() {
    let (world, server) = world();
    world.write(
        "project/plan.toml",
        "data = [\"problems\"]\nstrategies = [\"direct\", \"mapcoder\", \"reflexion\"]\nseeds = [0, 1]\n",
    );
    let plan = [
        "eval",
        "--plan",
        "plan.toml",
        "--limit",
        "3",
        "--temperature",
        "0.5",
    ];
    let server_flags = ["--base-url", &server.url];
    let with_model = world.run(&[&plan[..], &server_flags, &["--model", "mock"]].concat());
    assert_eq!(
        with_model.code,
        Some(2),
        "the plan names models: {}",
        with_model.stderr
    );
    world.write("project/mapcoder.toml", "model = \"mock\"\n");
    let outcome = world.run(&[&plan[..], &server_flags].concat());
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    for part in [
        "mapcoder (k = 3, t = 5)",
        "reflexion (t = 5)",
        "0.0 %",
        "100.0 %",
        "permutation test",
    ] {
        assert!(
            outcome.stdout.contains(part),
            "`{part}` in {}",
            outcome.stdout
        );
    }
    world.write("project/plan.toml", "data = [\"problems\"]\nstrategy = 1\n");
    let wrong = world.run(&[&plan[..], &server_flags].concat());
    assert_eq!(wrong.code, Some(2));
    assert!(
        wrong.stderr.contains("failed to read the plan plan.toml"),
        "{}",
        wrong.stderr
    );
}
