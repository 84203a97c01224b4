//! Agents with adapters, on a tiny random model.

use std::path::{Path, PathBuf};

use crate::world::{Outcome, World};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../model/tests/reference")
        .join(name)
}

fn copy(world: &World, from: &str, to: &str) {
    let (from, to) = (fixture("adapters").join(from), world.path(to));
    if from.is_dir() {
        std::fs::create_dir_all(&to).unwrap();
        for entry in from.read_dir().unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    } else {
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    }
}

fn run(world: &World, arguments: &[&str]) -> Outcome {
    let model = fixture("tiny-qwen2.gguf");
    let model = ["--model", model.to_str().unwrap()];
    world.run(&[arguments, &model].concat())
}

fn solve(world: &World) -> Outcome {
    let solve = [
        "-v",
        "solve",
        "short.md",
        "--strategy",
        "direct",
        "--max-tokens",
        "8",
    ];
    run(world, &[&solve[..], &["--adapters", "team"]].concat())
}

/// The adapter that a run says an agent speaks through.
fn adapter(outcome: &Outcome, agent: &str) -> Option<String> {
    let end = format!(" ({agent})");
    let line = outcome.stderr.lines().find(|line| line.contains("asking "));
    let (base, adapters) = line?.split_once(" with adapters ")?;
    assert!(base.contains("asking tiny-qwen2@"), "{outcome:?}");
    let mut names = adapters.split(", ");
    names.find_map(|name| Some(name.strip_suffix(&end)?.to_string()))
}

#[test]
fn every_agent_speaks_through_its_own_adapter_and_the_record_knows() {
    let world = World::new().with("MAPCODER_PROMPTS", "prompts");
    world.write(
        "project/short.md",
        "# Two\n\nGive 2.\n\n## Function\n\n```python\ndef two():\n    pass\n```\n\n## Samples\n\n```python\nassert two() == 2\n```\n",
    );
    // The tiny model reads 256 bytes at most.
    for (name, text) in [
        ("system", "s"),
        ("problem", "{{ statement }}"),
        ("code", "c"),
    ] {
        world.write(&format!("project/prompts/{name}.md"), text);
    }
    copy(&world, "all", "project/team/planning");
    copy(&world, "some", "project/team/coding");
    let first = solve(&world);
    assert_eq!(adapter(&first, "retrieval"), None);
    assert_eq!(adapter(&first, "debugging"), None);
    let [planning, coding] = ["planning", "coding"].map(|agent| adapter(&first, agent));
    assert!(planning.is_some() && coding.is_some(), "{first:?}");
    assert_ne!(planning, coding);
    assert!(
        first.stderr.contains("coding speaks through adapter")
            && first.stderr.contains(" of rank 8, on every token: "),
        "{first:?}"
    );
    assert!(!first.stderr.contains("from the record"), "{first:?}");

    // The same command asks nothing again; the same adapter in another file is the same.
    let again = solve(&world);
    assert!(again.stderr.contains("from the record"), "{again:?}");
    std::fs::remove_dir_all(world.path("project/team/planning")).unwrap();
    copy(&world, "all.gguf", "project/team/planning.gguf");
    let moved = solve(&world);
    assert_eq!(adapter(&moved, "planning"), planning);
    assert!(moved.stderr.contains("from the record"), "{moved:?}");

    // Another adapter under the same name is asked anew.
    std::fs::remove_dir_all(world.path("project/team/coding")).unwrap();
    copy(&world, "activated", "project/team/coding");
    let changed = solve(&world);
    assert_ne!(adapter(&changed, "coding"), coding);
    assert!(!changed.stderr.contains("from the record"), "{changed:?}");
    assert!(
        changed.stderr.contains(" tokens of invocation on: "),
        "{changed:?}"
    );
}

#[test]
fn adapters_that_cannot_be_used_are_one_clear_line() {
    let world = World::new();
    world.write("project/short.md", "# Two\n\nGive 2.\n");
    let nothing = solve(&world);
    assert_eq!(nothing.code, Some(2));
    assert!(
        nothing
            .stderr
            .contains("error: no adapter in $ROOT/project/team\nhelp: "),
        "{nothing:?}"
    );
    copy(&world, "all", "project/team/coding");
    let config = r#"{"peft_type": "LORA", "r": 4, "lora_alpha": 8, "use_dora": true}"#;
    world.write("project/team/coding/adapter_config.json", config);
    let broken = solve(&world);
    assert_eq!(broken.code, Some(1));
    let expected = "$ROOT/project/team/coding: failed to load the adapter: \
                    `adapter_config.json`: `use_dora`: is not supported\nhelp: an adapter is ";
    assert!(
        broken.stderr.contains(&format!("error: {expected}")),
        "{broken:?}"
    );
}

#[test]
fn doctor_says_which_adapters_fit() {
    let world = World::new()
        .with(
            "MAPCODER_MODEL",
            fixture("tiny-qwen2.gguf").to_str().unwrap(),
        )
        .with("MAPCODER_ADAPTERS", "team");
    copy(&world, "all.gguf", "project/team/coding.gguf");
    world.write("project/team/debugging.gguf", "nothing of the kind");
    let text = world.run(&["doctor"]).stdout;
    assert!(
        text.contains(" of rank 4 at $ROOT/project/team/coding.gguf"),
        "{text}"
    );
    assert!(
        text.contains("broken  adapter of debugging: failed to load the adapter: "),
        "{text}"
    );
}
