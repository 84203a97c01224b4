//! The recipes of `docs/recipes`, on small stand-ins for what they name.

use std::path::Path;

use serde_json::{Value, json};

use crate::distill_run::tiny_model;
use crate::work::problem;
use crate::world::World;

/// Copies a recipe into the project, with some of its text replaced by what is there.
fn copy(world: &World, name: &str, replaced: &[(&str, &str)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/recipes");
    let mut text = std::fs::read_to_string(path.join(name)).unwrap();
    for (from, to) in replaced {
        assert!(text.contains(from), "`{from}` in {name}");
        text = text.replace(from, to);
    }
    world.write(&format!("project/{name}"), &text);
    text
}

/// Example sets of one row for each agent.
fn write_sets(world: &World, folder: &str) {
    for agent in ["retrieval", "planning", "coding", "debugging"] {
        let rows: String = (0..20)
            .map(|at| {
                let messages = json!([{"role": "user", "content": format!("double {at}")},
                    {"role": "assistant", "content": (2 * at).to_string()}]);
                json!({"agent": agent, "messages": messages}).to_string() + "\n"
            })
            .collect();
        world.write(&format!("project/{folder}/{agent}.jsonl"), &rows);
    }
}

/// A row of MBPP in its original form.
fn mbpp(id: usize) -> String {
    let text = format!("Write a function to find {id} times a whole number.");
    let code = format!("def times_{id}(n):\n    return {id} * n");
    let test = format!("assert times_{id}(2) == {}", 2 * id);
    json!({"task_id": id, "text": text, "code": code, "test_list": [test]}).to_string() + "\n"
}

#[test]
fn the_recipe_for_seven_billion_parameters_is_dry_run() {
    let world = World::new().with("HF_HUB_OFFLINE", "1");
    let apps = "home/.cache/huggingface/hub/datasets--codeparrot--apps";
    world.write(&format!("{apps}/refs/main"), "0123456789abcdef");
    let rows: String = (0..8)
        .map(|id| {
            let tests = json!({"inputs": ["1\n"], "outputs": [format!("{id}\n")]}).to_string();
            json!({"id": id, "question": format!("Print {id}."), "solutions": "", "input_output": tests,
                "difficulty": "interview", "url": "", "starter_code": ""})
            .to_string() + "\n"
        })
        .collect();
    world.write(
        &format!("{apps}/snapshots/0123456789abcdef/train.jsonl"),
        &rows,
    );
    world.write(
        "project/mbpp.jsonl",
        &(601..641).map(mbpp).collect::<String>(),
    );
    let split = "data split mbpp.jsonl --share 0.6 --seed 1 --first mbpp_train.jsonl --second mbpp_held_out.jsonl";
    let split = world.run(&split.split(' ').collect::<Vec<_>>());
    assert_eq!(split.code, Some(0), "{}", split.stderr);
    // HumanEval would be fetched.
    let text = copy(&world, "qwen2.5-7b.yaml", &[("[humaneval, ", "[")]);
    assert!(
        text.contains("--share 0.6 --seed 1 --first mbpp_train.jsonl --second mbpp_held_out.jsonl")
    );
    copy(&world, "qwen2.5-7b.prices.toml", &[]);

    let dry = ["distill", "run", "qwen2.5-7b.yaml", "--plan"];
    let outcome = world.run(&dry);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let train = std::fs::read_to_string(world.path("project/mbpp_train.jsonl")).unwrap();
    let n_problems = 8 + train.lines().count();
    let first = format!("{n_problems} problems, 2 runs of each");
    assert!(outcome.stdout.starts_with(&first), "{}", outcome.stdout);
    assert!(!outcome.stdout.contains("left out"), "{}", outcome.stdout);
    let outcome = world.run(&[&dry[..], &["--json"]].concat());
    let lines = outcome.stdout.lines();
    let parts: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(parts.len(), 2 * 6 + 1);
    for part in &parts {
        let expected = &part["expected"];
        for key in ["calls", "prompt_tokens", "reply_tokens", "seconds", "cost"] {
            assert!(expected[key].as_f64().unwrap() > 0.0, "{key} of {part}");
        }
    }
}

#[test]
fn the_four_settings_for_seven_billion_parameters_train_rank_32() {
    let world = World::new();
    tiny_model(&world);
    write_sets(&world, "qwen2.5-7b/sets");
    for agent in ["retrieval", "planning", "coding", "debugging"] {
        let name = format!("qwen2.5-7b/{agent}.yaml");
        let base = ("\"hf:Qwen/Qwen2.5-7B-Instruct\"", "../tiny-llama");
        let text = copy(&world, &name, &[base]);
        assert!(text.contains("\nlora_r: 32\n"), "{text}");
        let outcome = world.run(&["train", &name, "--plan", "--json"]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        let line: Value = serde_json::from_str(&outcome.stdout).unwrap();
        // 19 of 20 rows, three times, sixteen a step.
        assert_eq!(line["steps"], 6, "{line}");
    }
}

#[test]
fn the_loop_of_the_shipped_adapters_goes_round() {
    let world = World::new();
    tiny_model(&world);
    write_sets(&world, "sets");
    world.write("project/problems/add.md", &problem(3));
    world.write("project/mbpp_held_out.jsonl", &mbpp(641));
    let small = [
        ("smollm2-135m-instruct", "tiny-llama"),
        ("data: humaneval", "data: problems"),
        ("max_tokens: 400", "max_tokens: 4"),
    ];
    copy(&world, "loop.yaml", &small);
    let outcome = world.run(&["improve", "loop.yaml"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let said = "round 1 keeps retrieval, planning, coding, debugging";
    assert!(outcome.stdout.contains(said), "{}", outcome.stdout);
    let round = world.path("project/improved/round-1");
    let settings = |agent: &str| -> Value {
        let text = std::fs::read_to_string(round.join(format!("train.{agent}.yaml"))).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    // What an agent has of its own lies over what all have.
    let own = |agent: &str| {
        [
            &settings(agent)["num_epochs"],
            &settings(agent)["val_set_size"],
        ]
        .map(Clone::clone)
    };
    assert_eq!(own("retrieval"), [json!(4), json!(12)]);
    assert_eq!(own("planning"), [json!(1.5), json!(8)]);
}
