//! Runs that are handed to other tools, and adapters that come back or become part of a model.

use std::process::Command;

use serde_json::{Value, json};

use crate::train::world;
use crate::world::{World, files_below};

fn read(world: &World, path: &str) -> String {
    std::fs::read_to_string(world.path(&format!("project/{path}"))).unwrap()
}

#[test]
fn a_run_is_written_for_each_tool() {
    let world = world("val_set_size: 4\nnum_epochs: 2\ngradient_accumulation_steps: 4\n");
    let user = json!({ "role": "user", "content": "double 1" });
    let reply = json!({ "role": "assistant", "content": "2 it is" });
    let trained = |message: &Value, is_trained: bool| {
        let mut message = message.clone();
        message["training"] = json!(is_trained);
        message
    };
    for (tool, settings, rows, row) in [
        (
            "trl",
            "sft.yaml",
            "data/train.jsonl",
            json!({ "prompt": [user], "completion": [reply] }),
        ),
        (
            "axolotl",
            "axolotl.yaml",
            "train.jsonl",
            json!({ "messages": [trained(&user, false), trained(&reply, true)] }),
        ),
        (
            "llama-factory",
            "train.yaml",
            "train.jsonl",
            json!({ "messages": [user, reply] }),
        ),
    ] {
        let outcome = world.run(&[
            "train", "export", "run.yaml", "--to", tool, "-o", tool, "--agent", "coding", "--gpus",
            "2",
        ]);
        assert_eq!(
            (outcome.code, outcome.stdout.trim()),
            (Some(0), tool),
            "{outcome:?}"
        );
        // Eight rows are for this agent, of which four measure.
        let [train, test] = [rows.to_string(), rows.replace("train", "test")].map(|file| {
            let text = read(&world, &format!("{tool}/{file}"));
            let values = text.lines().map(|line| serde_json::from_str(line).unwrap());
            values.collect::<Vec<Value>>()
        });
        assert_eq!((train.len(), test.len()), (4, 4));
        assert!(
            train.iter().chain(&test).any(|one| *one == row),
            "{train:?}"
        );
        let settings = read(&world, &format!("{tool}/{settings}"));
        for line in [
            "gradient_accumulation_steps: 2",
            "learning_rate: 0.0002",
            "warmup_steps: 1",
        ] {
            assert!(
                settings.lines().any(|one| one == line),
                "{line}\n{settings}"
            );
        }
        let readme = read(&world, &format!("{tool}/README.md"));
        assert!(
            readme.contains("16 examples in a step on 2 GPU(s)"),
            "{readme}"
        );
    }
    let again = world.run(&["train", "export", "run.yaml", "--to", "trl", "-o", "trl"]);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.stderr.contains("trl is there already"), "{again:?}");
}

#[test]
fn what_a_tool_cannot_do_is_not_handed_to_it() {
    let activated = world("alora_invocation_string: \"<|im_start|>assistant\\n\"\n");
    let fraction = world("lora_alpha: 2.5\n");
    let turns = world("");
    turns.write(
        "project/rows.jsonl",
        "{\"messages\": [{\"role\": \"assistant\", \"content\": \"I begin\"}]}\n",
    );
    for (world, tool, message) in [
        (&activated, "trl", "activated adapters have no setting"),
        (&fraction, "axolotl", "`lora_alpha` is 2.5"),
        (&turns, "llama-factory", "example 1 does not alternate"),
    ] {
        let outcome = world.run(&["train", "export", "run.yaml", "--to", tool, "-o", "there"]);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.stderr.contains(message), "{outcome:?}");
        assert!(!world.path("project/there").exists());
    }
}

#[test]
fn an_adapter_from_elsewhere_is_checked_and_taken_over() {
    let world = world("num_epochs: 1\n");
    assert_eq!(world.run(&["train", "run.yaml"]).code, Some(0));
    let import = ["adapters", "import", "out", "--base", "tiny-llama", "-o"];
    let wrong = world.run(&[&import[..], &["taken", "--sha256", "00"]].concat());
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    assert!(wrong.stderr.contains("in place of 00"), "{wrong:?}");
    let outcome = world.run(&[&import[..], &["taken"]].concat());
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (Some(0), "taken\n"),
        "{outcome:?}"
    );
    let files = [
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
    ];
    assert_eq!(files_below(&world.path("project/taken")), files);
    let shown = world.run(&["--json", "adapters", "show", "taken"]);
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    let card = read(&world, "taken/README.md");
    assert!(card.contains(shown["sha256"].as_str().unwrap()), "{card}");
    // An adapter that changes more than this program would is refused, and nothing is left behind.
    let config = read(&world, "out/adapter_config.json")
        .replace("\"use_dora\": false", "\"use_dora\": true");
    world.write("project/out/adapter_config.json", &config);
    let outcome = world.run(&[&import[..], &["other"]].concat());
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(
        outcome.stderr.contains("`use_dora`: is not supported"),
        "{outcome:?}"
    );
    assert!(!world.path("project/other").exists());
}

#[test]
fn an_adapter_becomes_part_of_unquantised_weights_only() {
    let world = world("num_epochs: 1\nlearning_rate: 0.01\n");
    assert_eq!(world.run(&["train", "run.yaml"]).code, Some(0));
    let outcome = world.run(&["adapters", "merge", "out", "-o", "merged"]);
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (Some(0), "merged\n"),
        "{outcome:?}"
    );
    assert!(
        outcome.stderr.contains("14 matrices changed; on "),
        "{outcome:?}"
    );
    let weights = |folder: &str| {
        std::fs::read(world.path(&format!("project/{folder}/model.safetensors"))).unwrap()
    };
    assert_ne!(weights("merged"), weights("tiny-llama"));
    let model = read(&world, "run.yaml").replace("tiny-llama", "merged");
    world.write("project/merged.yaml", &model);
    let outcome = world.run(&["train", "merged.yaml", "--plan"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");

    let quantised = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../model/tests/reference/tiny-qwen2.gguf");
    let adapter = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../model/tests/reference/adapters/all");
    let outcome = world.run(&[
        "adapters",
        "merge",
        adapter.to_str().unwrap(),
        "--base",
        quantised.to_str().unwrap(),
        "-o",
        "wrong",
    ]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(
        outcome.stderr.contains("only unquantised weights"),
        "{outcome:?}"
    );
}

#[test]
fn an_adapter_is_cut_to_a_lower_rank_and_shorter_numbers() {
    let world = world("num_epochs: 1\nlearning_rate: 0.01\n");
    assert_eq!(world.run(&["train", "run.yaml"]).code, Some(0));
    let cut = |arguments: &[&str]| {
        let outcome = world.run(&[&["adapters", "cut", "out", "-o"], arguments].concat());
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        outcome.stderr
    };
    let size = |folder: &str| {
        let path = world.path(&format!("project/{folder}/adapter_model.safetensors"));
        std::fs::metadata(path).unwrap().len()
    };
    assert!(cut(&["same"]).contains(": 0.000 % away"));
    assert_eq!(size("same"), size("out"));
    assert!(cut(&["half", "--half"]).contains(": 0.0"));
    assert!(size("half") < size("out"));
    let said = cut(&["low", "--rank", "1"]);
    assert!(
        said.contains("rank 1 of ") && !said.contains(": 0.000"),
        "{said}"
    );
    let verified = world.run(&["adapters", "verify", "low"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let again = world.run(&["adapters", "cut", "out", "-o", "low"]);
    assert_eq!(again.code, Some(2), "{again:?}");
}

#[test]
fn an_activated_adapter_stays_beside_its_model() {
    let world = world("num_epochs: 1\nalora_invocation_string: \"<|im_start|>assistant\\n\"\n");
    assert_eq!(world.run(&["train", "run.yaml"]).code, Some(0));
    let outcome = world.run(&["adapters", "merge", "out", "-o", "merged"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(
        outcome.stderr.contains("acts from its invocation on only"),
        "{outcome:?}"
    );
    assert!(!world.path("project/merged").exists());
}

/// TRL's own command trains from our files, and the adapter comes back. It takes a minute and needs TRL,
/// so it asks for `MAPCODER_TRL`, the path of the program `trl`.
#[test]
fn trl_trains_from_our_files() {
    let Some(trl) = std::env::var_os("MAPCODER_TRL") else {
        println!("skipped: MAPCODER_TRL does not name TRL's program");
        return;
    };
    let world = world("num_epochs: 1\nval_set_size: 2\n");
    let export = [
        "train", "export", "run.yaml", "--to", "trl", "-o", "cluster",
    ];
    assert_eq!(world.run(&export).code, Some(0));
    // No GPU is here: the same file, computed by the processor in 32 bits.
    let path = "project/cluster/sft.yaml";
    let settings = read(&world, "cluster/sft.yaml")
        .replace("bf16: true", "bf16: false\nuse_cpu: true")
        .replace("dtype: \"bfloat16\"", "dtype: \"float32\"");
    world.write(path, &settings);
    let output = Command::new(trl)
        .args(["sft", "--config", "sft.yaml"])
        .current_dir(world.path("project/cluster"))
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let import = [
        "adapters",
        "import",
        "cluster/out",
        "--base",
        "tiny-llama",
        "-o",
        "taken",
    ];
    let outcome = world.run(&import);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}
