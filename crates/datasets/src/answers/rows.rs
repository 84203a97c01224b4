//! One row of a result file, of whichever tool wrote it.

use domain::Language;
use serde_json::{Map, Value};

use super::language::language;
use super::{Answer, ProblemKey};

/// The answers of a row: one, or as many as its list of programs holds.
///
/// # Errors
/// What the row lacks.
pub(super) fn answers(
    row: &Map<String, Value>,
    file: &str,
    line: usize,
) -> Result<Vec<Answer>, String> {
    let problem = problem(row)?;
    let language = match row.get("language").or(row.get("lang")) {
        None | Some(Value::Null) => Language::Python,
        Some(Value::String(name)) => {
            language(name).ok_or_else(|| format!("`{name}` is no language that is known here"))?
        }
        Some(_) => return Err("`language` is no text".to_string()),
    };
    let text = |name: &str| row.get(name).and_then(Value::as_str);
    let one = |code: &str, is_continuation: bool, imports_typing: bool| Answer {
        origin: text("source_file").unwrap_or(file).to_string(),
        line,
        problem: problem.clone(),
        language,
        code: code.to_string(),
        is_continuation,
        imports_typing,
        recorded: recorded(row),
        test: row
            .contains_key("code")
            .then(|| text("test").map(str::to_string))
            .flatten(),
    };
    if let Some(code) = text("code") {
        let is_continuation = text("code_kind") == Some("completion");
        return Ok(vec![one(code, is_continuation, true)]);
    }
    // MapCoder's own files: one program for each try, of which the last one counts.
    if let Some(Value::Array(codes)) = row.get("source_codes") {
        let last = codes.iter().rev().find_map(Value::as_str);
        return Ok(vec![one(last.unwrap_or_default(), false, true)]);
    }
    if let Some(code) = text("solution") {
        return Ok(vec![one(code, false, row.contains_key("is_solved"))]);
    }
    if let Some(code) = text("completion") {
        return Ok(vec![one(code, true, false)]);
    }
    // LiveCodeBench's output: several samples of a problem, with their grades.
    if let Some(Value::Array(codes)) = row.get("code_list") {
        let grades = row.get("graded_list").and_then(Value::as_array);
        let samples = codes.iter().enumerate().map(|(at, code)| Answer {
            recorded: grades
                .and_then(|grades| grades.get(at))
                .and_then(Value::as_bool),
            ..one(code.as_str().unwrap_or_default(), false, false)
        });
        return Ok(samples.collect());
    }
    Err(
        "it holds no program: none of `code`, `solution`, `completion`, `source_codes`, `code_list`"
            .to_string(),
    )
}

fn problem(row: &Map<String, Value>) -> Result<ProblemKey, String> {
    if let Some(row) = row.get("row").and_then(Value::as_u64) {
        return Ok(ProblemKey::Row(row as usize));
    }
    let id = ["task_id", "question_id", "src_uid", "name"]
        .iter()
        .find_map(|name| match row.get(*name)? {
            Value::String(id) => Some(id.clone()),
            Value::Number(id) => Some(id.to_string()),
            _ => None,
        });
    id.map(ProblemKey::Id)
        .ok_or_else(|| "it names no problem: neither `task_id` nor `row`".to_string())
}

fn recorded(row: &Map<String, Value>) -> Option<bool> {
    let flag = ["is_solved", "passed"]
        .iter()
        .find_map(|name| row.get(*name)?.as_bool());
    let word = |name: &str| row.get(name).and_then(Value::as_str);
    flag.or_else(|| word("base_status").map(|status| status == "pass"))
        .or_else(|| word("result").map(|result| result == "passed"))
}
