//! HumanEval+ and MBPP+ of EvalPlus (Liu et al., 2023): more inputs, whose answers its own solutions give.

use domain::Test;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::Format;
use crate::errata;
use crate::humaneval::Function;
use crate::rows::{Entry, parse};

#[derive(Deserialize)]
struct Row {
    task_id: String,
    prompt: String,
    entry_point: String,
    canonical_solution: String,
    base_input: Box<RawValue>,
    plus_input: Box<RawValue>,
    #[serde(default)]
    atol: Value,
    /// MBPP+ only: the asserts of MBPP.
    #[serde(default)]
    assertion: String,
}

pub(crate) fn entry(row: &str) -> Result<Entry, String> {
    let row: Row = parse(row)?;
    for (name, inputs) in [
        ("base_input", &row.base_input),
        ("plus_input", &row.plus_input),
    ] {
        let is_list = serde_json::from_str::<Vec<&RawValue>>(inputs.get()).is_ok();
        if !is_list && inputs.get() != "null" {
            return Err(format!("`{name}` is no list"));
        }
    }
    // The solution of HumanEval+ goes on where the prompt ends, that of MBPP+ is whole.
    let head = format!("def {}(", row.entry_point);
    let reference = if row.canonical_solution.contains(&head) {
        row.canonical_solution.clone()
    } else {
        format!("{}{}", row.prompt, row.canonical_solution)
    };
    let asserts = row.assertion.lines();
    let published: Vec<String> = asserts
        .filter(|line| line.starts_with("assert"))
        .map(str::to_string)
        .collect();
    let tolerance = row.atol.as_f64().unwrap_or(0.0);
    let tests: Vec<Test> = [&row.base_input, &row.plus_input]
        .into_iter()
        .filter(|inputs| !matches!(inputs.get(), "null" | "[]"))
        .map(|inputs| Test::Python {
            code: script(&reference, &row.entry_point, inputs.get(), tolerance),
        })
        .collect();
    let function = Function {
        id: row.task_id,
        prompt: row.prompt,
        entry_point: row.entry_point,
    };
    let errata = errata::of(Format::EvalPlus, &[&function.id]);
    Ok(Entry {
        errata,
        ..function.entry(&published, tests, Some(reference))
    })
}

/// Statements that call the program and the solution on every input and compare what they return: floats and what holds
/// some within the tolerance, everything else by its value.
fn script(reference: &str, entry_point: &str, inputs: &str, tolerance: f64) -> String {
    let text = |text: &str| Value::from(text).to_string();
    format!(
        r#"import copy
import json
import math

_known = {{}}
exec({reference}, _known)
_known = _known[{name}]


def _same(actual, expected, tolerance):
    if isinstance(expected, float) or (tolerance and isinstance(expected, (int, complex))):
        try:
            return actual == expected or abs(actual - expected) <= max(tolerance, 1e-07 * abs(expected))
        except TypeError:
            return False
    if isinstance(expected, (list, tuple)) and any(isinstance(item, float) for item in expected):
        same_length = isinstance(actual, (list, tuple)) and len(actual) == len(expected)
        return same_length and all(_same(a, e, tolerance) for a, e in zip(actual, expected))
    return actual == expected


for _arguments in json.loads({inputs}):
    _expected = _known(*copy.deepcopy(_arguments))
    _actual = {entry_point}(*_arguments)
    assert _same(_actual, _expected, {tolerance}), "input " + repr(_arguments)[:200]
"#,
        reference = text(reference),
        name = text(entry_point),
        inputs = text(inputs),
    )
}
