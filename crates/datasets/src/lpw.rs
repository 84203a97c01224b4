//! The function-form test sets that LPW (Lei et al., 2025) published:
//! APPS, CodeContests, LiveCodeBench, HumanEval, HumanEval-ET and MBPP.

use domain::Test;
use serde::Deserialize;
use serde_json::Value;

use crate::Format;
use crate::errata;
use crate::humaneval::Function;
use crate::python::calls;
use crate::rows::{Entry, parse};

#[derive(Deserialize)]
struct Row {
    task_id: String,
    prompt: String,
    entry_point: String,
    /// A script; in the HumanEval-ET file a list of asserts.
    test: Value,
    /// Visible asserts; in the HumanEval-ET file the hidden script of HumanEval, which is not shown.
    given_tests: Value,
    #[serde(default)]
    difficulty: Value,
    #[serde(default)]
    canonical_solution: Value,
}

pub(crate) fn entry(row: &str) -> Result<Entry, String> {
    let row: Row = parse(row)?;
    let (hidden, published, as_published) = match (row.test, row.given_tests) {
        (Value::String(script), given) => (
            with_call(script, &row.entry_point),
            strings(given, "given_tests")?,
            Format::Lpw,
        ),
        (asserts @ Value::Array(_), Value::String(_)) => (
            strings(asserts, "test")?.join("\n"),
            Vec::new(),
            Format::HumanEvalEt,
        ),
        _ => return Err("`test` is neither a script nor a list of asserts".to_string()),
    };
    let reference = match row.canonical_solution {
        Value::String(body) if body.starts_with([' ', '\t']) => {
            Some(format!("{}{body}", row.prompt))
        }
        Value::String(code) if code.contains(&format!("def {}(", row.entry_point)) => Some(code),
        _ => None,
    };
    let function = Function {
        id: row.task_id,
        prompt: row.prompt,
        entry_point: row.entry_point,
    };
    let errata = errata::of(as_published, &[&function.id]);
    let hidden = vec![Test::Python { code: hidden }];
    let mut entry = function.entry(&published, hidden, reference);
    entry.task.problem.difficulty = match row.difficulty {
        Value::String(word) => Some(word),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    entry.errata = errata;
    Ok(entry)
}

/// Most scripts call their `check`; those of HumanEval leave it to the reader.
fn with_call(script: String, entry_point: &str) -> String {
    let calls_check =
        calls(&script, "check").any(|(start, _)| start == 0 || script[..start].ends_with('\n'));
    if calls_check {
        script
    } else {
        format!("{script}\n\ncheck({entry_point})\n")
    }
}

fn strings(value: Value, key: &str) -> Result<Vec<String>, String> {
    serde_json::from_value(value).map_err(|_| format!("`{key}` is no list of strings"))
}
