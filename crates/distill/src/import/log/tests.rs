use proptest::prelude::*;
use serde_json::json;

use super::*;

fn line(task: &str, seq: u64, stage: &str, problem: &str) -> String {
    json!({"run": "r", "task_id": task, "seq": seq, "stage": stage, "response": "x", "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": format!("Problem description:\n{problem}\n\nPlan:\nnone")},
    ]})
    .to_string()
}

#[test]
fn rows_become_tries_in_the_order_of_their_numbers() {
    let text = [
        line("a", 3, "debugging", "one"),
        line("a", 0, "retrieval", "one"),
        line("b", 1, "planning", "two"),
        line("a", 2, "coding", "one"),
        line("a", 4, "debugging", "one"),
        line("a", 5, "retrieval", "one"),
        line("a", 6, "planning", "another"),
        "no json".to_string(),
        json!({"run": "r"}).to_string(),
    ]
    .join("\n");
    let log = Log::read("log.jsonl", &text);
    assert_eq!(log.tally.of("exchanges"), 7);
    assert_eq!(log.tally.iter().count(), 2);
    let tries: Vec<(&str, usize, &str)> = log
        .tries()
        .iter()
        .map(|one| (one.task_id, one.rows.len(), one.rows[0].question.as_str()))
        .map(|(id, n, question)| (id, n, statement(question)))
        .collect();
    let expect = [
        ("a", 4, "one"),
        ("b", 1, "two"),
        ("a", 1, "one"),
        ("a", 1, "another"),
    ];
    assert_eq!(tries, expect);
    assert_eq!(log.tries()[0].programs().count(), 3);
}

proptest! {
    #[test]
    fn every_line_is_an_exchange_or_counted(lines in prop::collection::vec("\\PC{0,60}|\\{\"run\":\"r\",\"task_id\":[0-9]{1,3},\"stage\":\"coding\",\"messages\":\\[\\]\\}", 0..8)) {
        let text = lines.join("\n");
        let log = Log::read("log.jsonl", &text);
        let n_lines = text.lines().filter(|line| !line.trim().is_empty()).count();
        let n_counted: usize = log.tally.iter().map(|(_, n)| n).sum();
        prop_assert_eq!(n_counted, n_lines);
        let n_in_tries: usize = log.tries().iter().map(|one| one.rows.len()).sum();
        prop_assert_eq!(n_in_tries, log.tally.of("exchanges"));
    }
}
