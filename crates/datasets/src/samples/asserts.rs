use crate::python::{after_literal, calls, is_balanced, leading_call};

/// `assert call == value`; `None`, `True` and `False` are compared like all other values, as benchmarks do.
pub(crate) fn equality(call: &str, value: &str) -> String {
    format!("assert {call} == {value}")
}

/// Mends the assert statements of published lists: a missing or misspelt `assert`, `=>` for `==`,
/// a full stop after the value.
///
/// # Errors
/// Why a statement is beyond repair.
pub(crate) fn repair(statement: &str, entry_point: &str) -> Result<String, &'static str> {
    let text = statement.trim();
    let condition = match text.split_once(char::is_whitespace) {
        Some((word, rest)) if is_assert(word) => rest.trim(),
        _ => text,
    };
    if !is_balanced(condition) {
        return Err("its brackets or quotes are not closed");
    }
    if calls(condition, entry_point).next().is_none() {
        return Err("it calls another function");
    }
    if condition.contains(", assert ") {
        return Err("it is two statements in one");
    }
    let relation = leading_call(condition).and_then(|(call, rest)| {
        let value = ["==", "=>", "->"]
            .into_iter()
            .find_map(|sign| rest.trim_start().strip_prefix(sign))?;
        Some((call, value.trim()))
    });
    Ok(match relation {
        None => format!("assert {condition}"),
        Some((call, value)) if after_literal(value) == Some(".") => {
            equality(call, &value[..value.len() - 1])
        }
        Some((call, value)) => equality(call, value),
    })
}

/// `assert` with letters doubled.
fn is_assert(word: &str) -> bool {
    let mut letters: Vec<char> = word.chars().collect();
    letters.dedup();
    letters.into_iter().eq("asert".chars())
}
