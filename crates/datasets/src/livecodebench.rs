//! LiveCodeBench (Jain et al., 2024): problems from contests, with tests by standard input and tests that call a method.

use std::io::Read as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::{Form, HiddenTests, Limits, Problem, Task, Test};
use flate2::read::ZlibDecoder;
use serde::Deserialize;
use serde_json::Value;

use crate::Format;
use crate::errata;
use crate::pickle;
use crate::rows::{Entry, parse};

/// Packed tests that grow beyond this are refused.
const MAX_UNPACKED_BYTES: u64 = 1 << 30;

#[derive(Deserialize)]
struct Row {
    question_id: Value,
    #[serde(default)]
    question_title: String,
    question_content: String,
    #[serde(default)]
    platform: Option<String>,
    #[serde(default)]
    starter_code: Option<String>,
    #[serde(default)]
    difficulty: Option<String>,
    public_test_cases: Value,
    private_test_cases: Value,
    #[serde(default)]
    metadata: Value,
}

#[derive(Deserialize)]
struct Case {
    input: String,
    output: String,
    testtype: String,
}

pub(crate) fn entry(row: &str) -> Result<Entry, String> {
    let row: Row = parse(row)?;
    let id = match &row.question_id {
        Value::String(id) => id.clone(),
        Value::Number(id) => id.to_string(),
        _ => return Err("`question_id` is neither text nor number".to_string()),
    };
    let function = function_name(&row.metadata);
    let tests = |name: &str, value: &Value| -> Result<Vec<Test>, String> {
        let cases = cases(value).map_err(|what| format!("`{name}`: {what}"))?;
        (1..)
            .zip(cases)
            .map(|(number, case)| {
                test(case, function.as_deref())
                    .map_err(|what| format!("`{name}`, test {number}: {what}"))
            })
            .collect()
    };
    let samples = tests("public_test_cases", &row.public_test_cases)?;
    let mut hidden = samples.clone();
    hidden.extend(tests("private_test_cases", &row.private_test_cases)?);
    if hidden.is_empty() {
        return Err("it has no tests".to_string());
    }
    let calls = |test: &Test| matches!(test, Test::Call { .. });
    let form = match function {
        Some(entry_point) if hidden.iter().all(calls) => Form::Function {
            entry_point,
            prompt: row.starter_code.clone().unwrap_or_default(),
        },
        _ if hidden.iter().any(calls) => {
            return Err("some of its tests call a function and some do not".to_string());
        }
        _ => Form::Stdio,
    };
    let mut statement = String::new();
    if !row.question_title.trim().is_empty() {
        statement = format!("# {}\n\n", row.question_title.trim());
    }
    statement += &format!("{}\n", row.question_content.trim());
    if let (Form::Function { .. }, Some(code)) = (&form, &row.starter_code) {
        statement += &format!(
            "\nIt begins like this:\n\n```python\n{}\n```\n",
            code.trim()
        );
    }
    let errata = errata::of(Format::LiveCodeBench, &[&id, row.question_title.trim()]);
    Ok(Entry {
        task: Task {
            problem: Problem {
                id,
                statement,
                form,
                samples,
                limits: Limits::default(),
                difficulty: row.difficulty.filter(|word| !word.is_empty()),
                tags: row.platform.into_iter().collect(),
            },
            hidden: HiddenTests::new(hidden),
        },
        dropped: Vec::new(),
        errata,
        reference: None,
    })
}

/// The function that tests call, from the metadata: an object, or the JSON text of one.
fn function_name(metadata: &Value) -> Option<String> {
    let parsed: Value;
    let metadata = match metadata {
        Value::String(text) => {
            parsed = serde_json::from_str(text).ok()?;
            &parsed
        }
        other => other,
    };
    let name = metadata.get("func_name")?.as_str()?;
    (!name.is_empty()).then(|| name.to_string())
}

/// A list of tests: as it is, as JSON text, or packed by base64, zlib and pickle.
fn cases(value: &Value) -> Result<Vec<Case>, String> {
    let Value::String(text) = value else {
        return serde_json::from_value(value.clone()).map_err(|error| error.to_string());
    };
    if text.trim_start().starts_with('[') {
        return parse(text);
    }
    let packed = BASE64_STANDARD
        .decode(text.trim())
        .map_err(|error| format!("neither JSON nor base64: {error}"))?;
    let mut pickled = Vec::new();
    ZlibDecoder::new(&packed[..])
        .take(MAX_UNPACKED_BYTES + 1)
        .read_to_end(&mut pickled)
        .map_err(|error| format!("its zlib data is damaged: {error}"))?;
    if pickled.len() as u64 > MAX_UNPACKED_BYTES {
        return Err("it unpacks to more than 1 GiB".to_string());
    }
    parse(&pickle::string(&pickled).map_err(|what| format!("its pickle: {what}"))?)
}

fn test(case: Case, function: Option<&str>) -> Result<Test, String> {
    match (case.testtype.as_str(), function) {
        ("stdin", _) => Ok(Test::Stdio {
            input: case.input.replace('\r', ""),
            expected: vec![case.output.replace('\r', "")],
        }),
        ("functional", Some(function)) => {
            // One argument a line, each in JSON.
            let arguments: Vec<&str> = case
                .input
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .collect();
            for value in arguments.iter().chain([&case.output.trim()]) {
                serde_json::from_str::<serde::de::IgnoredAny>(value)
                    .map_err(|_| format!("`{}` is no JSON value", short(value)))?;
            }
            Ok(Test::Call {
                function: function.to_string(),
                arguments: format!("[{}]", arguments.join(", ")),
                expected: vec![case.output.trim().to_string()],
            })
        }
        ("functional", None) => {
            Err("it calls a function that `metadata` does not name".to_string())
        }
        (kind, _) => Err(format!("its kind is `{}`", short(kind))),
    }
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}
