//! Inventories, duplicates and splits.

use proptest::prelude::*;

use crate::tests::shared;
use crate::{Format, Inventory, Source, duplicates, load, read, split};

/// Problems with these statements, in MapCoder's form of CodeContests.
fn rows(statements: &[String]) -> String {
    let row = |(at, statement): (usize, &String)| {
        let test = serde_json::json!([{"input": "1", "output": ["1"]}]);
        let row = serde_json::json!({"name": format!("p{at}"), "description": statement, "sample_io": test,
            "test_list": test, "difficulty": at % 2});
        format!("{row}\n")
    };
    statements.iter().enumerate().map(row).collect()
}

#[test]
fn every_published_form_has_a_source_and_a_licence() {
    for format in Format::ALL {
        let n_sources = Source::ALL
            .iter()
            .filter(|one| one.format == format)
            .count();
        assert_eq!(n_sources > 0, format != Format::Own, "{format:?}");
        assert_eq!(format.licence().is_some(), format != Format::Own);
    }
}

#[test]
fn an_inventory_counts_what_is_there() {
    let statements = ["add two", "mul two", "add\n  two"].map(str::to_string);
    let text = rows(&statements) + "{\"name\": \"broken\"}\n";
    let set = read("rows.jsonl", text.as_bytes()).unwrap();
    let found = Inventory::of(&set);
    assert_eq!(
        (found.n_problems, found.n_distinct, found.n_skipped),
        (3, 2, 1)
    );
    assert_eq!(
        (found.n_samples, found.n_hidden, found.n_with_shared_tests),
        (3, 3, 3)
    );
    assert_eq!((found.n_functions, found.n_without_hidden), (0, 0));
    assert_eq!(found.difficulties["0"], 2);
    assert_eq!(duplicates(&set.tasks), [["p0", "p2"]]);
}

#[test]
fn mapcoder_s_150_rows_of_apps_are_128_problems() {
    let Some(path) = shared("benchmarks/apps_150.jsonl") else {
        return;
    };
    let found = Inventory::of(&load(&path).unwrap());
    assert_eq!((found.n_problems, found.n_distinct), (150, 128));
    assert_eq!(found.n_errata, 81);
    assert_eq!(found.difficulties["competition"], 48);
}

#[test]
fn a_split_is_stable_and_close_to_its_share() {
    let statements: Vec<String> = (0..2000).map(|at| format!("problem {at}")).collect();
    let text = rows(&statements);
    let whole = split("rows.jsonl", text.as_bytes(), 0.8, 0).unwrap();
    assert!(
        (1540..1660).contains(&whole.first.len()),
        "{}",
        whole.first.len()
    );
    let beginning = split("rows.jsonl", rows(&statements[..500]).as_bytes(), 0.8, 0).unwrap();
    assert!(whole.first.starts_with(&beginning.first));
    let other = split("rows.jsonl", text.as_bytes(), 0.8, 1).unwrap();
    assert_ne!(whole.first, other.first);
    let all = split("rows.jsonl", text.as_bytes(), 1.0, 0).unwrap();
    assert_eq!((all.first.len(), all.second.len()), (2000, 0));
}

proptest! {
    #[test]
    fn a_split_loses_nothing_and_keeps_equal_statements_together(
        statements in prop::collection::vec("[ab]{0,3}", 1..40),
        share in 0.0..=1.0f64,
        seed in any::<u64>(),
    ) {
        let text = rows(&statements);
        let parts = split("rows.jsonl", text.as_bytes(), share, seed).unwrap();
        prop_assert_eq!(parts.first.len() + parts.second.len(), statements.len());
        let statement = |row: &String| {
            let row: serde_json::Value = serde_json::from_str(row).unwrap();
            row["description"].as_str().unwrap().to_string()
        };
        let first: Vec<String> = parts.first.iter().map(statement).collect();
        prop_assert!(parts.second.iter().all(|row| !first.contains(&statement(row))));
    }
}
