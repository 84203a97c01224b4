//! Tables of measurements: the engine's, on a tiny random model and beside a peer that makes up its times; that of reports.

use std::path::Path;

use serde_json::Value;

use crate::distill_run::tiny_model;
use crate::work::problem;
use crate::world::World;

#[test]
fn the_engine_is_measured_beside_its_peer() {
    let world = World::new();
    let model =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/reference/tiny-qwen2.gguf");
    let model = model.to_str().unwrap();
    // Answers as `llama-batched-bench` does, among lines of its log.
    world.program(
        "llama",
        "while [ $# -gt 1 ]; do [ \"$1\" = -npl ] && n=$2; shift; done\n\
         echo 'main: n_kv_max = 64'\n\
         echo \"{\\\"n_kv_max\\\": 64, \\\"pp\\\": 4, \\\"tg\\\": 4, \\\"pl\\\": $n, \\\"t_pp\\\": 100.0, \\\"speed_pp\\\": 1.0, \\\"t_tg\\\": 200.0, \\\"speed_tg\\\": 1.0}\"",
    );
    let llama = world.path("bin/llama");
    let bench = |llama: &str| {
        let arguments = ["--json", "bench", "engine", "--samples", "1", "--rank", "2"];
        let own = ["--model", model, "--threads", "2", "--llama", llama];
        world.run(&[&arguments[..], &own[..]].concat())
    };
    let outcome = bench(llama.to_str().unwrap());
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let rows: Vec<Value> = outcome
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let row = |name: &str| {
        let row = rows.iter().find(|row| row["bench"] == name);
        row.unwrap_or_else(|| panic!("no row {name} in {outcome:?}"))
    };
    for n in [1, 4, 8, 32] {
        for what in ["decode", "prefill"] {
            let row = row(&format!("{what} {n}"));
            assert!(row["ratio"].as_f64().unwrap() > 1.0, "{row}");
        }
        assert!(row(&format!("decode {n}, 1 adapter"))["peer"].is_number());
    }
    let peer = |name: &str| (row(name)["peer"].as_f64().unwrap() * 1e6).round();
    assert_eq!(peer("decode 1"), 96e6 / 200.0);
    assert_eq!(peer("prefill 4"), 4.0 * 64e6 / 100.0);
    assert_eq!(row("decode 32, 4 adapters")["goal"], 0.92);
    for name in [
        "memory",
        "first token",
        "shared problem",
        "shared problem, from the cache",
        "repeating reply",
        "free reply",
        "held reply",
        "memory limit",
        "arithmetic limit",
    ] {
        assert!(row(name)["ours"].as_f64().unwrap() > 0.0);
    }
    let hits = row("shared problem, from the cache")["ours"].as_f64();
    assert!(hits.unwrap() < 1.0);
    assert!(row("held reply")["ratio"].as_f64().unwrap() > 0.0);
    let broken = bench("/bin/false");
    assert_eq!(broken.code, Some(1));
    assert!(
        broken.stderr.contains("error: /bin/false ended with "),
        "{broken:?}"
    );
}

#[test]
fn a_team_is_measured_beside_another_model_and_nothing_is_no_number() {
    let world = World::new();
    tiny_model(&world);
    world.write("project/problems/add.md", &problem(3));
    let arguments = ["bench", "cost", "--data", "problems", "-k", "1", "-t", "0"];
    let models = [
        "--model",
        "./tiny-llama",
        "--adapters",
        "none",
        "--against",
        "./tiny-llama",
    ];
    let outcome = world.run(&[&arguments[..], &models].concat());
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let row = |name: &str| {
        let line = outcome.stdout.lines().find(|line| line.starts_with(name));
        line.unwrap_or_else(|| panic!("no row {name} in {outcome:?}"))
            .split_whitespace()
            .collect::<Vec<_>>()
    };
    // Neither solves anything, so that there is no ratio; of the tokens there is one.
    assert_eq!(row("solved")[1..4], ["0.000", "problems", "0.000"]);
    assert_eq!(row("solved")[4], "≥");
    assert_eq!(row("tokens")[5], "1.000");
    assert!(!outcome.stdout.contains("NaN"), "{}", outcome.stdout);
}

#[test]
fn reports_are_measured_as_a_browser_opens_them() {
    let bench = |world: &World| -> Vec<Value> {
        let arguments = ["bench", "report", "--problems", "3,70", "--samples", "1"];
        let outcome = world.run(&[&arguments[..], &["--json"]].concat());
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let rows = outcome.stdout.lines();
        rows.map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let world = World::new();
    // Answers as Chromium does when it prints a page.
    world.program("chromium", "echo '<html lang=\"en\" data-ready=\"41\">'");
    let rows = bench(&world);
    let names: Vec<&str> = rows
        .iter()
        .map(|row| row["bench"].as_str().unwrap())
        .collect();
    let of = |what: &str, n: u32| format!("{what}, {n} problems");
    let of_all = [3, 70].map(|n| ["write", "memory", "size", "open"].map(|what| of(what, n)));
    let expect = [&of_all.concat()[..], &["list".to_string()]].concat();
    assert_eq!(names, expect);
    assert_eq!(rows[7]["ours"], 41.0);
    assert!(rows[5]["ratio"].as_f64().unwrap() > 0.0, "{}", rows[5]);

    let world = World::new();
    world.program("chromium", "exit 1");
    let broken = world.run(&["bench", "report", "--problems", "1", "--samples", "1"]);
    assert_eq!(broken.code, Some(1), "{broken:?}");
    let said = "the page of the report did not get ready";
    assert!(broken.stderr.contains(said), "{broken:?}");
}
