//! `mapcoder improve` from a plan of distillation on: two rounds on a tiny model, whole and killed.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::distill_run::tiny_model;
use crate::gate::Gate;
use crate::work::{Server, problem};
use crate::world::{World, files_below};

const AGENTS: [&str; 4] = ["retrieval", "planning", "coding", "debugging"];

/// What is measured on: nothing of it is in the problems that are learned from.
const ASIDE: &str = "# Words\n\nReverse the words of a sentence that is given.\n\n## Function\n\n```python\ndef f(s):\n    pass\n```\n\n\
    ## Samples\n\n```python\nassert f('a b') == 'b a'\n```\n\n## Tests\n\n```python\nassert f('c d e') == 'e d c'\n```\n";

/// A project with problems that a repair solves, others that only a correction does, so that all agents learn, and a loop
/// that asks the server as teacher and supervisor.
fn world(gate: &Gate, t: u32) -> World {
    let world = World::new();
    tiny_model(&world);
    for number in [1, 2] {
        world.write(
            &format!("project/problems/add{number}.md"),
            &problem(number),
        );
    }
    for number in [3, 4] {
        let text = problem(number);
        let (told, samples) = text.split_once("## Samples").unwrap();
        let (_, tests) = samples.split_once("## Tests").unwrap();
        let text = format!("{told}## Tests{tests}");
        world.write(&format!("project/problems/bare{number}.md"), &text);
    }
    world.write("project/aside/words.md", ASIDE);
    // The server recalls three problems.
    world.write(
        "project/plan.yaml",
        &format!(
            "problems: [{{data: problems}}]\nteacher: {{model: mock, base_url: {url}}}\n\
             supervisor: {{model: mock, base_url: {url}}}\nstudent: {{model: tiny-llama, base_url: \"\"}}\n\
             k: 3\nt: {t}\nmax_tokens: 8\nconcurrency: 1\noutput: unused\ntokenizer: tiny-llama\n\
             examples: {{max_tokens: 0, near: 2}}\n",
            url = gate.url
        ),
    );
    world.write(
        "project/loop.yaml",
        "base_model: tiny-llama\ndistill: plan.yaml\ntrain: {lora_r: 2, sequence_len: 8192, num_epochs: 1}\n\
         evaluate: [{data: aside}]\nk: 1\nt: 1\nmax_tokens: 4\noutput: out\n",
    );
    world
}

/// The files of all rounds with their bytes, without those that tell times.
fn results(world: &World) -> Vec<(String, Vec<u8>)> {
    let folder = world.path("project/out");
    let has_times =
        |file: &String| file.ends_with("trainer_log.jsonl") || file.contains("/events.");
    let mut files = files_below(&folder);
    files.retain(|file| !has_times(file));
    let read = |file: String| (file.clone(), std::fs::read(folder.join(file)).unwrap());
    files.into_iter().map(read).collect()
}

/// What every run of the ledger rests on, by name.
fn recorded(world: &World) -> BTreeSet<String> {
    let runs = world.run(&["runs", "list", "--json"]);
    let run = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let keys = ["n_asks", "n_judgings", "n_reused", "n_outcomes"];
        let numbers = keys.map(|key| line["summary"][key].as_u64().unwrap());
        format!("{} {numbers:?}", line["run"])
    };
    runs.stdout.lines().map(run).collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What answered for each agent of a plan's student, as the data card of a round says.
fn student(world: &World, round: u32) -> [String; 4] {
    let card = world.path(&format!("project/out/round-{round}/sets/card.json"));
    let speakers = json(&card)["distilled"][0]["speakers"].take();
    let speakers = speakers.as_array().unwrap();
    let student = speakers.iter().find(|one| one["who"] == "student").unwrap();
    AGENTS.map(|agent| student["models"][agent].as_str().unwrap().to_string())
}

#[test]
fn two_rounds_distil_train_measure_and_go_on_from_what_was_kept() {
    let server = Server::start(&World::new(), 0);
    let gate = Gate::before(&server);
    let world = world(&gate, 1);
    let command = ["improve", "loop.yaml", "--rounds", "2", "--ablate"];
    let outcome = world.run(&command);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);

    for round in [1, 2] {
        let place = world.path(&format!("project/out/round-{round}"));
        for agent in AGENTS {
            for file in [
                format!("sets/{agent}.jsonl"),
                format!("train.{agent}.yaml"),
                format!("adapters/{agent}/adapter_model.safetensors"),
                format!("kept/{agent}/adapter_model.safetensors"),
            ] {
                assert!(place.join(&file).is_file(), "{file} of round {round}");
            }
            let settings = json(&place.join(format!("train.{agent}.yaml")));
            let data = place.join(format!("sets/{agent}.jsonl"));
            assert!(
                Path::new(settings["datasets"].as_str().unwrap())
                    .ends_with(data.strip_prefix(world.path("")).unwrap())
            );
        }
        let kept = "retrieval, planning, coding, debugging";
        let said = format!("round {round} keeps {kept}\n");
        assert!(outcome.stdout.contains(&said), "{}", outcome.stdout);
        let report = std::fs::read_to_string(place.join("report.md")).unwrap();
        let title = format!("# Round {round} on tiny-llama\n\nKept: {kept}.\n");
        assert!(report.starts_with(&title), "{report}");
        let before = ["base ", "adapters before "][round - 1];
        assert!(
            report.lines().any(|line| line.starts_with(before)),
            "{report}"
        );
        // All sets of four adapters, each once.
        let ablated: BTreeSet<&str> = report
            .lines()
            .filter_map(|line| line.strip_prefix("ablation: "))
            .map(|line| line.split("  ").next().unwrap())
            .collect();
        assert_eq!(report.matches("ablation: ").count(), 16, "{report}");
        assert_eq!(ablated.len(), 16, "{ablated:?}");
        assert!(
            ablated.contains("none")
                && ablated.contains("retrieval + planning + coding + debugging")
        );
        // What is measured on was held out, though the plan does not say so.
        let card = json(&place.join("sets/card.json"));
        assert_eq!(card["evaluation"][0]["name"], "aside", "{card}");
        assert_eq!(card["n_contaminated"], 0);
    }

    // The student of the first round is the base; that of the second speaks through what the first kept.
    let (first, second) = (student(&world, 1), student(&world, 2));
    let eval = [
        "eval",
        "--data",
        "aside",
        "--model",
        "./tiny-llama",
        "--adapters",
        "out/round-1/kept",
        "--verbose",
        "-k",
        "1",
        "-t",
        "1",
        "--max-tokens",
        "4",
    ];
    let measured = world.run(&eval);
    assert_eq!(measured.code, Some(0), "{}", measured.stderr);
    for ((agent, base), with) in AGENTS.into_iter().zip(first).zip(second) {
        let (name, adapter) = with.split_once('+').unwrap();
        assert_eq!(name, base);
        let said = format!("{agent} speaks through adapter {adapter} ");
        assert!(
            measured.stderr.contains(&said),
            "`{said}` in {}",
            measured.stderr
        );
    }

    // What the second round worked on is the plan that one would write for it.
    let plan = std::fs::read_to_string(world.path("project/plan.yaml")).unwrap();
    let plan = plan.replace(
        "base_url: \"\"}",
        "base_url: \"\", adapters: out/round-1/kept}",
    );
    world.write("project/second.yaml", &format!("{plan}held_out: [aside]\n"));
    let status = world.run(&["distill", "status", "second.yaml"]);
    assert!(
        status.stdout.contains("student, run 1"),
        "{}",
        status.stdout
    );

    // The same command says the same, and neither asks nor trains.
    let logs = || {
        let files = files_below(&world.path("project/out"));
        let logs = files
            .into_iter()
            .filter(|file| file.ends_with("trainer_log.jsonl"));
        let read =
            |file: String| std::fs::read_to_string(world.path("project/out").join(file)).unwrap();
        logs.map(read).collect::<Vec<String>>()
    };
    let (n_answered, runs, trained, files) =
        (gate.n_answered(), recorded(&world), logs(), results(&world));
    assert_eq!(trained.len(), 8);
    let again = world.run(&command);
    assert_eq!(
        (again.code, &again.stdout),
        (Some(0), &outcome.stdout),
        "{}",
        again.stderr
    );
    assert_eq!(gate.n_answered(), n_answered);
    assert_eq!(recorded(&world), runs);
    assert_eq!(logs(), trained);
    assert!(results(&world) == files);

    // What is recorded gives all of it again, to the byte.
    std::fs::remove_dir_all(world.path("project/out")).unwrap();
    let anew = world.run(&command);
    assert_eq!(
        (anew.code, anew.stdout),
        (Some(0), outcome.stdout),
        "{}",
        anew.stderr
    );
    assert_eq!(gate.n_answered(), n_answered);
    assert!(results(&world) == files);
}

#[test]
fn a_killed_loop_goes_on_pays_nothing_twice_and_ends_with_the_same_bytes() {
    let server = Server::start(&World::new(), 0);
    let gate = Gate::before(&server);
    // The question for a repair tells how many milliseconds a test took, which no two records share: none is asked.
    let world = world(&gate, 0);
    let command = ["improve", "loop.yaml", "--rounds", "2", "--verbose"];
    let whole = world.run(&[&command[..], &["--ledger", "whole.sqlite"]].concat());
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    let (n_answers, expect) = (gate.n_answered(), results(&world));
    std::fs::remove_dir_all(world.path("project/out")).unwrap();

    // Held back are a first program, another problem, the first review of the teacher, a corrected program, the first
    // review of the student.
    for n_more in [7, 13, 16, 1, 7] {
        gate.kill_after(n_more, &world, &command);
    }
    assert!(!world.path("project/out/round-1/sets").exists());
    for round in [1, 2] {
        // Between two adapters, and when some are measured.
        let mut is_there = false;
        world.kill_when(&command, |line| {
            is_there |= line.starts_with(&format!("round {round}: training"));
            is_there && line.starts_with("planning: step ")
        });
        let (mut is_there, mut n_measured) = (false, 0);
        world.kill_when(&command, |line| {
            is_there |= line.starts_with(&format!("round {round}: measuring"));
            n_measured += usize::from(is_there && line.starts_with("words: "));
            n_measured == 3
        });
        assert!(
            !world
                .path(&format!("project/out/round-{round}/report.md"))
                .exists()
        );
    }
    let last = world.run(&command);
    assert_eq!(
        (last.code, &last.stdout),
        (Some(0), &whole.stdout),
        "{}",
        last.stderr
    );
    let results = results(&world);
    let names = |files: &[(String, Vec<u8>)]| {
        files
            .iter()
            .map(|(name, _)| name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&results), names(&expect));
    for (file, expect) in results.iter().zip(&expect) {
        assert!(file == expect, "{} differs", file.0);
    }
    assert_eq!(gate.n_answered(), 2 * n_answers);
}
