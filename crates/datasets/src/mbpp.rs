//! MBPP (Austin et al., 2021) as published, and its sanitized form.

use domain::{Form, HiddenTests, Limits, Problem, Task, Test};
use serde::Deserialize;

use crate::errata::MESSAGE;
use crate::python::{after_literal, calls, identifier, leading_call};
use crate::rows::{Entry, parse};

#[derive(Deserialize)]
struct Row {
    task_id: u64,
    /// The name of the statement in the full set.
    text: Option<String>,
    /// The name of the statement in the sanitized set.
    prompt: Option<String>,
    code: String,
    test_list: Vec<String>,
    #[serde(default)]
    test_setup_code: String,
    #[serde(default)]
    test_imports: Vec<String>,
}

pub(crate) fn entry(row: &str) -> Result<Entry, String> {
    let row: Row = parse(row)?;
    let text = row
        .text
        .or(row.prompt)
        .ok_or("it has neither `text` nor `prompt`")?;
    let first = row.test_list.first().ok_or("`test_list` is empty")?;
    let entry_point = tested_function(&row.code, first)
        .ok_or("its first test calls no function of its `code`")?;
    let setup: String = row
        .test_imports
        .iter()
        .map(String::as_str)
        .chain([row.test_setup_code.as_str()])
        .filter(|line| !line.is_empty())
        .map(|line| format!("{}\n", line.replace('\r', "")))
        .collect();
    let test = |assert: &String| Test::Python {
        code: format!("{setup}{assert}"),
    };
    let errata = row
        .test_list
        .iter()
        .any(|assert| has_values_as_message(assert));
    Ok(Entry {
        task: Task {
            problem: Problem {
                id: format!("MBPP/{}", row.task_id),
                statement: format!(
                    "{}\n\nThe function is called `{entry_point}`.\n",
                    text.trim()
                ),
                form: Form::Function {
                    entry_point: entry_point.to_string(),
                    prompt: String::new(),
                },
                samples: vec![test(first)],
                limits: Limits::default(),
                difficulty: None,
                tags: Vec::new(),
            },
            hidden: HiddenTests::new(row.test_list.iter().map(test).collect()),
        },
        dropped: Vec::new(),
        errata: errata.then_some(MESSAGE).into_iter().collect(),
        reference: Some(row.code.replace('\r', "")),
    })
}

/// True for `assert f(x) == 1, 2`: Python compares with the first value and takes the rest for a message.
fn has_values_as_message(assert: &str) -> bool {
    let message = || {
        let (_, rest) = leading_call(assert.strip_prefix("assert")?.trim_start())?;
        let value = rest.trim_start().strip_prefix("==")?.trim_start();
        Some(
            after_literal(value)?
                .trim_start()
                .strip_prefix(',')?
                .trim_start(),
        )
    };
    message().is_some_and(|message| !message.starts_with(['"', '\'', 'f']))
}

/// The function or class of `code` that the test calls.
fn tested_function<'a>(code: &'a str, test: &str) -> Option<&'a str> {
    let defined = code.lines().filter_map(|line| {
        let rest = line
            .strip_prefix("def ")
            .or_else(|| line.strip_prefix("class "))?;
        identifier(rest.trim_start())
    });
    // Of several functions a test may use, the outermost call comes first.
    defined
        .filter_map(|name| Some((calls(test, name).next()?.0, name)))
        .min()
        .map(|(_, name)| name)
}
