//! `mapcoder distill run` and `status` against a server that plays teacher and supervisor.

use std::convert::Infallible;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use domain::{Judging, Submission, Verdict};
use ledger::Ledger;
use serde_json::{Value, json};

use crate::gate::Gate;
use crate::work::{Server, problem};
use crate::world::{World, files_below};

/// What the server's supervisor says, and no example may.
const FEEDBACK: &str = "Mind that a sum is wanted here";

/// A project with problems whose first program is wrong, a tiny model that counts tokens, and a plan.
fn world(n_problems: usize) -> World {
    let world = World::new();
    tiny_model(&world);
    for number in 0..n_problems {
        world.write(
            &format!("project/problems/add{number:02}.md"),
            &problem(number),
        );
    }
    world.write(
        "project/aside/other.md",
        "# Other\n\nReverse the words of a sentence that is given.\n\n## Function\n\n```python\ndef f(s):\n    pass\n```\n\n\
         ## Tests\n\n```python\nassert f('a b') == 'b a'\n```\n",
    );
    world
}

/// Puts a tiny model with a long context into the project.
pub(crate) fn tiny_model(world: &World) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/reference/tiny-llama");
    for entry in from.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        let to = world.path(&format!("project/tiny-llama/{name}"));
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(&path, to).unwrap();
    }
    let config = world.path("project/tiny-llama/config.json");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace(
        "\"max_position_embeddings\": 256",
        "\"max_position_embeddings\": 8192",
    );
    std::fs::write(config, text).unwrap();
}

fn plan(world: &World, url: &str, k: usize, more: &str) {
    let text = format!(
        "problems:\n  - data: problems\nheld_out: [aside]\nteacher: {{model: mock, base_url: {url}}}\n\
         supervisor: {{model: mock, base_url: {url}}}\nk: {k}\nt: 0\nconcurrency: 2\noutput: sets\n\
         tokenizer: tiny-llama\nexamples: {{max_tokens: 0, near: 2}}\n{more}",
    );
    world.write("project/plan.yaml", &text);
}

/// The files of the export with their bytes.
fn sets(world: &World) -> Vec<(String, Vec<u8>)> {
    let folder = world.path("project/sets");
    let read = |file: String| (file.clone(), std::fs::read(folder.join(file)).unwrap());
    files_below(&folder).into_iter().map(read).collect()
}

#[test]
fn failures_are_corrected_and_no_word_of_it_is_learned() {
    let world = world(3);
    let server = Server::start(&world, 0);
    // The server recalls three problems, whatever it is asked for.
    plan(&world, &server.url, 3, "confirm: true\n");
    let run = ["distill", "run", "plan.yaml"];
    let first = world.run(&run);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert!(
        first.stderr.contains("3 runs pass all tests"),
        "{}",
        first.stderr
    );
    let files = sets(&world);
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    for agent in ["retrieval", "planning", "coding"] {
        assert!(
            names.contains(&format!("{agent}.jsonl").as_str()),
            "{names:?}"
        );
    }
    for (name, bytes) in &files {
        let text = String::from_utf8_lossy(bytes);
        assert!(
            !text.contains(FEEDBACK) && !text.contains("# Remarks"),
            "{name}"
        );
    }
    let coding = std::fs::read_to_string(world.path("project/sets/coding.jsonl")).unwrap();
    assert_eq!(coding.lines().count(), 3);
    assert!(
        coding
            .lines()
            .all(|line| line.contains("return b + a") && !line.contains("a - b"))
    );

    let status = world.run(&["distill", "status", "plan.yaml"]);
    assert_eq!(status.code, Some(0), "{}", status.stderr);
    for part in ["trajectories", "corrections", "reviews", "3 solved"] {
        assert!(
            status.stdout.contains(part),
            "`{part}` in {}",
            status.stdout
        );
    }
    let blame = world.run(&["distill", "status", "plan.yaml", "--json"]);
    let last = blame.stdout.lines().last().unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!(
        last["blame"]["agents"]["coding"],
        json!({"n": 3, "n_solved": 3})
    );

    // Nobody is asked again, and the sets are the same to the byte.
    drop(server);
    let again = world.run(&run);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(sets(&world) == files);
}

#[test]
fn every_run_of_a_plan_is_shown_or_says_where_to_look() {
    let world = world(1);
    let server = Server::start(&world, 0);
    plan(&world, &server.url, 1, "");
    let outcome = world.run(&["distill", "run", "plan.yaml"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let runs = world.run(&["runs", "list", "--json"]).stdout;
    let id_of = |command: &str| -> String {
        let lines = runs.lines().map(|line| serde_json::from_str(line).unwrap());
        let of = |line: &Value| line["summary"]["spec"]["command"] == command;
        let line = lines.into_iter().find(of).unwrap();
        line["run"].as_str().unwrap().to_string()
    };
    assert_eq!(runs.lines().count(), 3, "{runs}");
    let corrections = id_of("distill corrections");
    for (run, solved) in [
        (id_of("distill trajectories"), "pass@1    0.0 % (0/1)"),
        (corrections.clone(), "pass@1    100.0 % (1/1)"),
    ] {
        let report = world.run(&["report", &run]);
        assert_eq!(report.code, Some(0), "{}", report.stderr);
        assert!(report.stdout.contains(solved), "{}", report.stdout);
        let page = world.run(&["report", &run, "--html", "r.html"]);
        assert_eq!(page.code, Some(0), "{}", page.stderr);
    }
    let reviews = id_of("distill reviews");
    for command in ["report", "view"] {
        let refused = world.run(&[command, &reviews]);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        let help = format!(
            "error: run {reviews} holds reviews of failed runs, and no results of problems\n\
             help: `mapcoder view {corrections}` shows what came of them, `mapcoder runs show {reviews}` the reviews\n"
        );
        assert_eq!(refused.stderr, help);
    }
}

#[test]
fn a_student_learns_from_its_own_corrected_failures() {
    let world = world(1);
    let server = Server::start(&world, 0);
    plan(
        &world,
        &server.url,
        1,
        &format!("student: {{model: small, base_url: {}}}\n", server.url),
    );
    let outcome = world.run(&["distill", "run", "plan.yaml"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("2 runs pass all tests"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn the_card_says_who_was_asked_and_what_every_stage_came_to() {
    let world = world(2);
    let aside = std::fs::read_to_string(world.path("project/aside/other.md")).unwrap();
    world.write("project/problems/other.md", &aside);
    let server = Server::start(&world, 0);
    let more = format!(
        "student: {{model: small, base_url: {}}}\ntemperatures: [0, 0.5]\nseed: 7\nconfirm: true\n",
        server.url
    );
    plan(&world, &server.url, 1, &more);
    let outcome = world.run(&["distill", "run", "plan.yaml"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let card = std::fs::read_to_string(world.path("project/sets/card.json")).unwrap();
    let card: Value = serde_json::from_str(&card).unwrap();

    let mut wanted = serde_json::Map::new();
    let mut count = |what: String, n: usize| drop(wanted.insert(what, json!(n)));
    count("problems selected".into(), 2);
    count("problems left out: held out".into(), 1);
    for who in ["teacher", "student"] {
        count(format!("stage 1, trajectories of the {who}: runs"), 4);
        count(format!("stage 2, pass filter of the {who}: fail a test"), 4);
        for what in [
            "runs",
            "reviews",
            "reviews that blame coding",
            "end, solved",
        ] {
            count(format!("stage 3, corrections of the {who}: {what}"), 4);
        }
    }
    count("stage 4, examples: runs that pass all tests".into(), 8);
    count("stage 4, examples: of these, corrected".into(), 8);
    assert_eq!(card["imported"], Value::Object(wanted));

    let made = &card["distilled"][0];
    assert_eq!(made["temperatures"], json!([0.0, 0.5]));
    let numbers = ["k", "t", "seed", "max_tokens", "rounds"].map(|key| &made[key]);
    assert_eq!(json!(numbers), json!([1, 0, 7, 1024, 2]));
    assert_eq!(made["confirm"], true);
    for (at, (who, model)) in [
        ("teacher", "mock"),
        ("student", "small"),
        ("supervisor", "mock"),
    ]
    .into_iter()
    .enumerate()
    {
        let cast = &made["speakers"][at];
        assert_eq!(cast["who"], who);
        let asked = cast["models"]["coding"].as_str().unwrap();
        assert!(asked.contains(model), "{asked}");
    }

    let told = std::fs::read_to_string(world.path("project/sets/README.md")).unwrap();
    for part in [
        "## Who was asked",
        "- student: `small",
        "temperature 0 with seed 7, temperature 0.5 with seed 8",
        "- programs passed all tests twice",
        "| 4 | stage 2, pass filter of the teacher: fail a test |",
    ] {
        assert!(told.contains(part), "`{part}` in {told}");
    }
    assert!(!told.contains("imported"), "{told}");
}

#[test]
fn a_program_that_does_not_pass_twice_is_no_example() {
    let world = world(3);
    let server = Server::start(&world, 0);
    let run = ["distill", "run", "plan.yaml", "--ledger", "ledger.db"];
    plan(&world, &server.url, 1, "");
    let first = world.run(&run);
    assert_eq!(first.code, Some(0), "{}", first.stderr);

    // Of one problem it is on record that its programs fail when they are judged a second time.
    let ledger = Ledger::open(&world.path("project/ledger.db")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut n_recorded = 0;
    for run in ledger.runs().unwrap() {
        let mut lines = Vec::new();
        ledger.export(&run.id, &mut lines).unwrap();
        for line in String::from_utf8(lines).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            if line["schema"] != "mapcoder.judging/1" || line["problem"] != "add01" {
                continue;
            }
            let submission: Submission =
                serde_json::from_value(line["submission"].clone()).unwrap();
            let judging: Judging = serde_json::from_value(line["judging"].clone()).unwrap();
            let failed = Judging {
                verdict: Verdict::WrongAnswer,
                ..judging
            };
            let again = format!("{}, second judging", line["toolchain"].as_str().unwrap());
            let fail = || async { Ok::<_, Infallible>(failed) };
            runtime
                .block_on(ledger.judge(&run.id, "add01", &submission, &again, fail))
                .unwrap();
            n_recorded += 1;
        }
    }
    assert!(n_recorded > 0);
    drop(ledger);

    plan(&world, &server.url, 1, "confirm: true\n");
    let second = world.run(&run);
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    let said = "pass filter: 2 runs pass all tests, 1 more did not do so twice";
    assert!(second.stderr.contains(said), "{}", second.stderr);
    let coding = std::fs::read_to_string(world.path("project/sets/coding.jsonl")).unwrap();
    assert!(coding.lines().count() == 2 && !coding.contains("\"add01\""));
    let card = std::fs::read_to_string(world.path("project/sets/card.json")).unwrap();
    let card: Value = serde_json::from_str(&card).unwrap();
    let flaky = "stage 4, examples: runs left out, did not pass a second time";
    assert_eq!(card["imported"][flaky], 1);
}

#[test]
fn a_killed_distillation_goes_on_and_ends_with_the_same_bytes() {
    let (whole, killed) = (world(6), world(6));
    let server = Server::start(&whole, 4);
    plan(&whole, &server.url, 1, "temperatures: [0, 0.5]\n");
    plan(&killed, &server.url, 1, "temperatures: [0, 0.5]\n");
    let run = ["distill", "run", "plan.yaml", "--verbose"];
    let outcome = whole.run(&run);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    // Killed in every stage: each start gets a little further than the one before.
    for n_lines in [1, 7, 15, 22] {
        let mut child = killed.spawn(&run);
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let is_end = |line: &String| line.ends_with(": solved") || line.ends_with(": failed");
        let n_ended = lines
            .map_while(Result::ok)
            .filter(is_end)
            .take(n_lines)
            .count();
        assert_eq!(n_ended, n_lines);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let outcome = killed.run(&run);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(sets(&whole) == sets(&killed));
}

#[test]
fn a_spent_budget_of_any_kind_stops_cleanly_and_the_same_command_goes_on() {
    let server = Server::start(&World::new(), 0);
    let gate = Gate::before(&server);
    // A call takes more than fifty tokens, each of which costs one.
    let prices = "currency = \"USD\"\n[models.mock]\ninput = 1000000\noutput = 1000000\n";
    let run = ["distill", "run", "plan.yaml"];
    let start = |budget: &str| {
        let world = world(3);
        world.write("project/prices.toml", prices);
        let more = format!("budget: {{{budget}}}\nprices: prices.toml\n");
        plan(&world, &gate.url, 1, &more);
        world
    };
    let whole = start("");
    assert_eq!(whole.run(&run).code, Some(0));
    // Four calls a problem, then a review and a program.
    let n_calls = gate.n_answered();
    assert_eq!(n_calls, 18);
    for budget in ["calls: 7", "tokens: 2000", "cost: 2000"] {
        let world = start(budget);
        let n_before = gate.n_answered();
        let mut n_stops = 0;
        let last = loop {
            let n_answered = gate.n_answered();
            let outcome = world.run(&run);
            if outcome.code != Some(3) {
                break outcome;
            }
            let said = "error: the budget is spent before the end";
            assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
            assert!(!world.path("project/sets").exists());
            assert!(gate.n_answered() > n_answered, "{budget}");
            n_stops += 1;
        };
        assert_eq!(last.code, Some(0), "{}", last.stderr);
        assert!(n_stops > 1, "{budget}");
        assert_eq!(gate.n_answered() - n_before, n_calls, "{budget}");
        assert!(sets(&world) == sets(&whole), "{budget}");
    }
}

#[test]
fn a_budget_of_no_time_asks_nothing_and_the_plan_goes_on_without_it() {
    let world = world(2);
    let server = Server::start(&world, 0);
    let gate = Gate::before(&server);
    let run = ["distill", "run", "plan.yaml"];
    plan(&world, &gate.url, 1, "budget: {seconds: 0}\n");
    let short = world.run(&run);
    assert_eq!(short.code, Some(3), "{}", short.stderr);
    let said = "error: the budget is spent before the end";
    assert!(short.stderr.contains(said), "{}", short.stderr);
    assert_eq!(gate.n_answered(), 0);
    plan(&world, &gate.url, 1, "budget: {seconds: 1e6}\n");
    let last = world.run(&run);
    assert_eq!(last.code, Some(0), "{}", last.stderr);
    assert!(world.path("project/sets/card.json").exists());
}

#[test]
fn a_plan_is_dry_run_without_asking_anybody() {
    let world = world(3);
    let aside = std::fs::read_to_string(world.path("project/aside/other.md")).unwrap();
    world.write("project/problems/other.md", &aside);
    let server = Server::start(&world, 0);
    plan(&world, &server.url, 1, "");
    let dry = ["distill", "run", "plan.yaml", "--plan"];
    let before = world.run(&dry);
    assert_eq!(before.code, Some(0), "{}", before.stderr);
    for part in [
        "3 problems, one run of each",
        "problems: 1 problem is left out, as something is measured on it",
        "nothing is recorded yet",
        "time of servers",
    ] {
        assert!(
            before.stdout.contains(part),
            "`{part}` in {}",
            before.stdout
        );
    }
    assert!(
        !before.stdout.contains("time of this machine"),
        "{}",
        before.stdout
    );
    assert!(!world.path("project/sets").exists());
    assert_eq!(world.run(&["distill", "run", "plan.yaml"]).code, Some(0));
    let after = world.run(&[&dry[..], &["--json"]].concat());
    let last: Value = serde_json::from_str(after.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(last["part"], "in all");
    assert_eq!(
        last["expected"]["calls"], 0.0,
        "all is recorded: {}",
        after.stdout
    );
}

#[test]
fn of_the_time_of_this_machine_nothing_is_foretold() {
    let world = world(1);
    let plan = "problems: [{data: problems}]\nteacher: {model: tiny-llama, base_url: \"\"}\noutput: sets\n";
    world.write("project/plan.yaml", plan);
    let dry = world.run(&["distill", "run", "plan.yaml", "--plan"]);
    assert_eq!(dry.code, Some(0), "{}", dry.stderr);
    assert!(
        dry.stdout.contains("time of this machine: not known"),
        "{}",
        dry.stdout
    );
    let dry = world.run(&["distill", "run", "plan.yaml", "--plan", "--json"]);
    let last: Value = serde_json::from_str(dry.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(last["expected"]["seconds"], Value::Null, "{last}");
}

#[test]
fn a_bad_plan_gets_one_clear_line() {
    let world = world(1);
    let good = "problems: [{data: problems}]\nteacher: {model: mock, base_url: \"http://127.0.0.1:9/v1\"}\noutput: sets\n";
    for (plan, code, expect) in [
        (good.replace("output", "outputs"), 2, "outputs"),
        (good.replace("model: mock", "name: mock"), 2, "name"),
        (
            good.replace("data: problems", "data: problems, limit: many"),
            2,
            "`limit`",
        ),
        (
            format!("{good}held_out: [problems]\n"),
            2,
            "is a data set to measure on",
        ),
        (format!("{good}examples: {{nearly: 1}}\n"), 2, "nearly"),
        (
            good.replace("data: problems", "data: problems, filter: zzz"),
            4,
            "selects no problem",
        ),
        (
            good.replace("data: problems", "data: nowhere.jsonl"),
            2,
            "nowhere.jsonl",
        ),
    ] {
        world.write("project/plan.yaml", &plan);
        let outcome = world.run(&["distill", "run", "plan.yaml"]);
        assert_eq!(outcome.code, Some(code), "{plan}\n{}", outcome.stderr);
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
    }
}
