use ::parquet::file::reader::{FileReader as _, SerializedFileReader};

use super::*;
use crate::fixtures::{results, task};

/// The results of the fixtures, the first with an awkward id, and what is known of its problem.
fn given() -> (Vec<Task>, Vec<ProblemResult>) {
    let mut results = results();
    results[0].id = "a, \"b\"".to_string();
    let mut task = task("a, \"b\"");
    task.problem.tags = vec!["dp".to_string(), "math".to_string()];
    (vec![task], results)
}

#[test]
fn every_result_is_a_row_of_csv_and_awkward_cells_are_quoted() {
    let (tasks, results) = given();
    let mut file = Vec::new();
    write_csv(&mut file, &tasks, &results).unwrap();
    let text = String::from_utf8(file).unwrap();
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert_eq!(lines.len(), 1 + results.len() + 1);
    assert!(lines[0].starts_with("id,ending,solved,verdict,"));
    assert!(
        lines[1]
            .starts_with("\"a, \"\"b\"\"\",solved,1,accepted,,dp;math,python,0,0,2,2,4,4800,600,"),
        "{}",
        lines[1]
    );
    assert!(
        lines[4].starts_with("p/3,format failure,0,,,,,,,,2,"),
        "{}",
        lines[4]
    );
}

#[test]
fn every_result_is_a_row_of_parquet() {
    let (tasks, results) = given();
    let mut file = Vec::new();
    write_parquet(&mut file, &tasks, &results).unwrap();
    let reader = SerializedFileReader::new(bytes::Bytes::from(file)).unwrap();
    let rows: Vec<serde_json::Value> = reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| row.unwrap().to_json_value())
        .collect();
    assert_eq!(rows.len(), results.len());
    assert_eq!(rows[0]["id"], "a, \"b\"");
    assert_eq!(rows[0]["tags"], "dp;math");
    assert_eq!(
        (&rows[0]["solved"], &rows[0]["prompt_tokens"]),
        (&1.into(), &4800.into())
    );
    assert_eq!(rows[0]["model_seconds"], 10.0);
    assert_eq!(rows[3]["ending"], "format failure");
    assert!(rows[3]["language"].is_null() && rows[3]["verdict"].is_null());
}
