//! `mapcoder train` on a tiny model.

use std::io::{BufRead as _, BufReader};
use std::path::Path;

use crate::world::{World, files_below};

/// A project with a tiny model, sixteen rows for two agents, and settings.
pub(crate) fn world(settings: &str) -> World {
    let world = World::new();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/reference/tiny-llama");
    let to = world.path("project/tiny-llama");
    std::fs::create_dir(&to).unwrap();
    for entry in from.read_dir().unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
    let row = |i: usize| {
        let agent = ["planning", "coding"][i % 2];
        format!(
            "{{\"agent\": \"{agent}\", \"prompt\": \"double {i}\", \"completion\": \"{} it is\"}}\n",
            2 * i
        )
    };
    world.write("project/rows.jsonl", &(0..16).map(row).collect::<String>());
    let always = "base_model: tiny-llama\ndatasets: rows.jsonl\noutput_dir: out\nlora_r: 2\nsequence_len: 100\n";
    world.write("project/run.yaml", &format!("{always}{settings}"));
    world
}

#[test]
fn every_agent_gets_an_adapter_of_its_own() {
    let world = world("num_epochs: 1\nval_set_size: 2\n");
    let outcome = world.run(&[
        "train", "run.yaml", "--agent", "planning", "--agent", "coding",
    ]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.stdout, "out/planning\nout/coding\n");
    assert!(
        outcome
            .stderr
            .contains("planning: 8 of 16 rows, 8 for other agents"),
        "{outcome:?}"
    );
    assert!(
        outcome.stderr.contains("coding: step 2/2 · loss "),
        "{outcome:?}"
    );
    let weights = |agent: &str| {
        std::fs::read(world.path(&format!("project/out/{agent}/adapter_model.safetensors")))
            .unwrap()
    };
    assert_ne!(weights("planning"), weights("coding"));
    let card = std::fs::read_to_string(world.path("project/out/coding/README.md")).unwrap();
    assert!(
        card.contains("rank 2") && card.contains("2 examples set aside"),
        "{card}"
    );
}

#[test]
fn what_is_trained_can_be_seen() {
    let outcome = world("").run(&["train", "run.yaml", "--show-masks", "1"]);
    assert_eq!(
        outcome.stdout,
        "--- rows.jsonl:1: 27 tokens, 5 trained\n\
        <|begin|><|im_start|>user\ndouble 0<|im_end|>\n<|im_start|>assistant\n⟦0 it is<|im_end|>⟧\n",
        "{outcome:?}"
    );
}

#[test]
fn a_plan_trains_nothing() {
    let world = world("");
    let outcome = world.run(&["--json", "train", "run.yaml", "--plan"]);
    let plan: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(plan["schema"], "mapcoder.train.plan/1");
    assert_eq!((&plan["steps"], &plan["fits"]), (&12.into(), &true.into()));
    let parts = plan["memory_bytes"].as_object().unwrap();
    let sum: u64 = ["base", "adapter", "kept", "scratch", "head"]
        .iter()
        .map(|part| parts[*part].as_u64().unwrap())
        .sum();
    assert_eq!(plan["total_bytes"], sum);
    let outcome = world.run(&["--json", "train", "run.yaml", "--plan", "--layers"]);
    let layered: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let parts = layered["parts"].as_array().unwrap();
    let names: Vec<&str> = parts
        .iter()
        .filter_map(|part| part["name"].as_str())
        .collect();
    assert_eq!(names[..3], ["embedding", "layer 0", "layer 1"]);
    let of_part = |part: &serde_json::Value| -> u64 {
        let of = |key: &str| part[key].as_u64().unwrap();
        of("base") + of("adapter") + of("computed")
    };
    assert_eq!(plan["total_bytes"], parts.iter().map(of_part).sum::<u64>());
    let outcome = world.run(&["train", "run.yaml", "--plan", "--layers"]);
    assert!(outcome.stdout.contains("\nlayer 1 "), "{outcome:?}");
    assert!(outcome.stdout.contains("it fits"), "{outcome:?}");
    assert!(!world.path("project/out").exists());
}

#[test]
fn mistakes_are_told_in_one_line_with_what_to_do() {
    let cases = [
        (
            "lora_rang: 3",
            2,
            "failed to read the settings: the key `lora_rang` is unknown; `lora_rank` is known",
        ),
        (
            "r: 3",
            2,
            "failed to read the settings: `lora_r` and `r` are two names of the same setting",
        ),
        ("lora_r: 3", 2, "failed to read the settings: "),
        (
            "test_datasets: none.jsonl",
            1,
            "failed to read the examples: none.jsonl: No such file or directory",
        ),
        (
            "eval_steps: 0",
            2,
            "failed to read the settings: `eval_steps` must be a whole number above 0",
        ),
    ];
    for (settings, code, message) in cases {
        let outcome = world(settings).run(&["train", "run.yaml"]);
        assert_eq!(outcome.code, Some(code), "{outcome:?}");
        let told = outcome
            .stderr
            .lines()
            .find(|line| line.starts_with("error:"))
            .unwrap();
        assert!(told.contains(message), "{outcome:?}");
    }
    let world = world("");
    let outcome = world.run(&["train", "run.yaml", "--agent", "../x"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    world.write(
        "project/rows.jsonl",
        "{\"prompt\": \"x\", \"completion\": \"\"}\n{]\n",
    );
    let outcome = world.run(&["train", "run.yaml"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(
        outcome
            .stderr
            .contains("rows.jsonl:2: it is no JSON object"),
        "{outcome:?}"
    );
    world.write("project/rows.jsonl", "\n");
    let outcome = world.run(&["train", "run.yaml"]);
    assert_eq!(outcome.code, Some(4), "{outcome:?}");
}

/// Killed again and again, a run comes to the same bytes.
#[test]
fn a_run_that_is_killed_goes_on_and_ends_with_the_same_bytes() {
    let settings = "num_epochs: 5\nsave_steps: 2\nlora_dropout: 0.2\nval_set_size: 3\nload_best_model_at_end: true\n";
    let (whole, killed) = (world(settings), world(settings));
    assert_eq!(whole.run(&["train", "run.yaml"]).code, Some(0));
    for n_lines in [1, 4, 2, 5] {
        let mut child = killed.spawn(&["--json", "train", "run.yaml"]);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.take(n_lines).map(Result::unwrap).count(), n_lines);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let outcome = killed.run(&["train", "run.yaml"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let [ours, theirs] = [&killed, &whole].map(|world| {
        let folder = world.path("project/out");
        let mut files = files_below(&folder);
        let has_times = |file: &String| file == "trainer_log.jsonl" || file.starts_with("events.");
        files.retain(|file| !has_times(file));
        files
            .into_iter()
            .map(|file| (std::fs::read(folder.join(&file)).unwrap(), file))
            .collect::<Vec<_>>()
    });
    assert!(ours == theirs);
}

#[test]
fn an_adapter_is_listed_checked_and_exported() {
    let world = world("num_epochs: 1\nalora_invocation_string: \"<|im_start|>assistant\\n\"\n");
    assert_eq!(world.run(&["train", "run.yaml"]).code, Some(0));
    let listed = world.run(&["adapters", "list"]);
    assert_eq!(
        listed.stdout,
        "ADAPTER  WHAT                        SIZE     BASE\n\
        ./out    rank 2, alpha 4, activated  16.8 KB  tiny-llama\n"
    );
    let shown = world.run(&["--json", "adapters", "show", "out"]);
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(
        (&shown["rank"], &shown["base"]),
        (&2.into(), &"tiny-llama".into())
    );
    let verified = world.run(&["adapters", "verify", "out"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let exported = world.run(&["adapters", "export", "out", "-o", "out.gguf"]);
    assert_eq!(
        (exported.code, exported.stdout.as_str()),
        (Some(0), "out.gguf\n"),
        "{exported:?}"
    );
    assert!(
        std::fs::read(world.path("project/out.gguf"))
            .unwrap()
            .starts_with(b"GGUF")
    );
    // A tensor of another shape is no adapter for this model.
    let config = world.path("project/out/adapter_config.json");
    let text = std::fs::read_to_string(&config)
        .unwrap()
        .replace("\"r\": 2", "\"r\": 3");
    std::fs::write(&config, text).unwrap();
    let verified = world.run(&["adapters", "verify", "out"]);
    assert_eq!(verified.code, Some(1), "{verified:?}");
    assert!(verified.stderr.contains("its rank is 2"), "{verified:?}");
}
