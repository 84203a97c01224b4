//! `mapcoder improve` on a tiny model.

use crate::distill_run::tiny_model;
use crate::work::problem;
use crate::world::World;

/// A tiny model, example sets for two agents, and a problem to measure on.
fn world(more: &str) -> World {
    let world = World::new();
    tiny_model(&world);
    for agent in ["planning", "coding"] {
        let row = |i: usize| {
            format!(
                "{{\"agent\": \"{agent}\", \"prompt\": \"double {i}\", \"completion\": \"{}\"}}\n",
                2 * i
            )
        };
        world.write(
            &format!("project/sets/{agent}.jsonl"),
            &(0..4).map(row).collect::<String>(),
        );
    }
    world.write("project/problems/add.md", &problem(3));
    world.write(
        "project/loop.yaml",
        &format!(
            "base_model: tiny-llama\nexamples: sets\ntrain: {{lora_r: 2, sequence_len: 100, num_epochs: 1}}\n\
             evaluate: [{{data: problems}}]\nk: 1\nt: 0\nmax_tokens: 4\noutput: out\n{more}"
        ),
    );
    world
}

#[test]
fn one_round_trains_measures_keeps_and_reports() {
    let world = world("");
    let outcome = world.run(&["improve", "loop.yaml", "--ablate"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(
        outcome.stdout.contains("round 1 keeps planning, coding"),
        "{}",
        outcome.stdout
    );
    assert!(
        outcome.stdout.contains("ablation: none"),
        "{}",
        outcome.stdout
    );
    let kept = world.path("project/out/round-1/kept");
    for agent in ["planning", "coding"] {
        assert!(kept.join(agent).join("adapter_model.safetensors").is_file());
    }
    let report = std::fs::read_to_string(world.path("project/out/round-1/report.md")).unwrap();
    assert!(report.contains("Kept: planning, coding."), "{report}");
    // The same command has nothing left to do, and says the same.
    let again = world.run(&["improve", "loop.yaml", "--ablate"]);
    assert_eq!(
        (again.code, &again.stdout),
        (Some(0), &outcome.stdout),
        "{}",
        again.stderr
    );
    let eval = [
        "eval",
        "--data",
        "problems",
        "--model",
        "./tiny-llama",
        "--max-tokens",
        "4",
    ];
    let eval = world.run(&[&eval[..], &["--adapters", "out/round-1/kept"]].concat());
    assert_eq!(eval.code, Some(0), "{}", eval.stderr);
}

#[test]
fn more_rounds_need_a_student() {
    let world = world("");
    let loop_plan = std::fs::read_to_string(world.path("project/loop.yaml")).unwrap();
    let loop_plan = loop_plan.replace("examples: sets", "distill: plan.yaml");
    world.write("project/loop.yaml", &loop_plan);
    let plan = "problems: [{data: problems}]\nteacher: {model: x, base_url: \"http://127.0.0.1:9/v1\"}\noutput: sets\n";
    world.write("project/plan.yaml", plan);
    let outcome = world.run(&["improve", "loop.yaml", "--rounds", "2"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("error: the plan has no `student`"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_bad_plan_gets_one_clear_line() {
    for (more, arguments, expect) in [
        ("measure: []\n", &["improve", "loop.yaml"][..], "measure"),
        (
            "distill: plan.yaml\n",
            &["improve", "loop.yaml"],
            "`examples` and `distill`",
        ),
        (
            "agents: {coding: {output_dir: x}}\n",
            &["improve", "loop.yaml"],
            "`output_dir` cannot be set",
        ),
        (
            "agents: {writing: {}}\n",
            &["improve", "loop.yaml"],
            "writing",
        ),
        (
            "",
            &["improve", "loop.yaml", "--rounds", "2"],
            "needs `distill`",
        ),
    ] {
        let outcome = world(more).run(arguments);
        assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
        let errors: Vec<&str> = outcome
            .stderr
            .lines()
            .filter(|line| line.starts_with("error:"))
            .collect();
        assert!(
            errors.len() == 1 && errors[0].contains(expect),
            "{}",
            outcome.stderr
        );
    }
}
