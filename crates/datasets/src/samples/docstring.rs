use super::equality;
use crate::python::{
    after_literal, calls, docstring, head, identifier, is_literal, leading_call, parameters,
};

/// The examples in the documentation string of `entry_point`, as assert statements in their order.
/// One spelling is read, the first of these that gives anything: doctests, `f(1) == 2` and its kin,
/// `For x = 1 … should be 2`, `Input:` with `Output:`.
pub(crate) fn from_docstring(prompt: &str, entry_point: &str) -> Vec<String> {
    let (Some(text), Some((head, _))) = (docstring(prompt, entry_point), head(prompt, entry_point))
    else {
        return Vec::new();
    };
    let parameters = parameters(head);
    let mut samples = doctests(text, entry_point, may_return_none(head));
    if samples.is_empty() {
        samples = inline(text, entry_point);
    }
    if samples.is_empty() {
        samples = for_lines(text, entry_point, &parameters);
    }
    if samples.is_empty() {
        samples = input_output(text, entry_point, &parameters);
    }
    let mut seen = std::collections::HashSet::new();
    samples.retain(|sample| seen.insert(sample.clone()));
    samples
}

/// A doctest that prints nothing says `None`, but only where the head says so too.
fn may_return_none(head: &str) -> bool {
    let annotation = head
        .rsplit_once("->")
        .map_or("", |(_, annotation)| annotation);
    annotation.contains("Optional") || annotation.contains("None")
}

/// `>>> f(1)` with its value in the lines below, or `>>> f(1) == 2`.
fn doctests(text: &str, entry_point: &str, may_return_none: bool) -> Vec<String> {
    let mut samples = Vec::new();
    let mut lines = text.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        let Some(first) = line.strip_prefix(">>>") else {
            continue;
        };
        let mut source = first.trim().to_string();
        while let Some(more) = lines.peek().and_then(|line| line.strip_prefix("...")) {
            source.push('\n');
            source.push_str(more);
            lines.next();
        }
        let mut expected = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.is_empty() && !line.starts_with(">>>")) {
            expected.push(line);
        }
        let expected = expected.join("\n");
        let Some((call, rest)) = leading_call(&source) else {
            continue;
        };
        if calls(call, entry_point).next().is_none() {
            continue;
        }
        let rest = rest.trim();
        if let Some(value) = rest.strip_prefix("==") {
            samples.extend(value_of_line(value).map(|value| equality(call, value)));
        } else if rest.is_empty() || rest.starts_with('#') {
            if is_literal(&expected) {
                samples.push(equality(call, &expected));
            } else if expected.is_empty() && may_return_none {
                samples.push(equality(call, "None"));
            }
        }
    }
    samples
}

/// `f(1) == 2`, `f(1) => 2`, `f(1) returns 2` and the like, each at the beginning of a line.
fn inline(text: &str, entry_point: &str) -> Vec<String> {
    let mut samples = Vec::new();
    for (start, end) in calls(text, entry_point) {
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let arguments = text[start..end]
            .split_once('(')
            .map_or("", |(_, rest)| rest);
        let arguments = arguments.strip_suffix(')').unwrap_or(arguments);
        if !is_list_mark(&text[line_start..start]) || !is_literal(&format!("[{arguments}]")) {
            continue;
        }
        if let Some(value) = after_relation(&text[end..]).and_then(value_of_line) {
            samples.push(equality(&text[start..end], value));
        }
    }
    samples
}

/// What may stand before an example in its line.
fn is_list_mark(prefix: &str) -> bool {
    let prefix = prefix.trim().to_ascii_lowercase();
    let words = [
        "",
        "*",
        "-",
        "for",
        "assert",
        "example:",
        "examples:",
        "e.g.",
    ];
    words.contains(&prefix.as_str())
        || prefix
            .strip_suffix(['.', ')', ':'])
            .is_some_and(|number| number.chars().all(|c| c.is_ascii_digit()))
}

/// The text after `==`, `=>`, `returns` and the other words that join a call with its value.
fn after_relation(text: &str) -> Option<&str> {
    let relations = [
        "==>",
        "=>",
        "==",
        "=",
        "->",
        "➞",
        "→",
        "returns",
        "should return",
    ];
    let text = text.trim_start_matches([' ', '\t']);
    let text = text.strip_prefix('#').unwrap_or(text);
    let text = text.trim_start_matches([' ', '\t']);
    relations
        .into_iter()
        .find_map(|relation| text.strip_prefix(relation))
}

/// The literal that stands at the beginning of `text` and says all that its line says:
/// only a full stop, a comment or a remark in parentheses may follow.
/// `19 - 5 - 6 = 8` gives what follows the last equals sign.
fn value_of_line(text: &str) -> Option<&str> {
    let text = text.trim_start_matches([' ', '\t']);
    for (word, value) in [("true", "True"), ("false", "False")] {
        if text.strip_prefix(word).is_some_and(ends_line) {
            return Some(value);
        }
    }
    if let Some(rest) = after_literal(text)
        && ends_line(rest)
    {
        return Some(&text[..text.len() - rest.len()]);
    }
    let line = text.lines().next().unwrap_or("");
    let (sum, value) = line.rsplit_once('=')?;
    let arithmetic = |c: char| c.is_ascii_digit() || " +-*/().".contains(c);
    let value = value.trim();
    (sum.chars().all(arithmetic) && is_literal(value)).then_some(value)
}

fn ends_line(rest: &str) -> bool {
    let rest = rest.lines().next().unwrap_or("").trim_start();
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    let space = rest.is_empty() || rest.starts_with([' ', '\t']);
    rest.trim().is_empty() || rest.starts_with('#') || (rest.starts_with('(') && !space)
}

/// `For s = "ab", c = "b" the result should be ("a", True)`.
fn for_lines(text: &str, entry_point: &str, parameters: &[&str]) -> Vec<String> {
    let sample = |line: &str| {
        let rest = line.trim().strip_prefix("For ")?;
        let (values, rest) = bindings(rest, parameters)?;
        let (_, value) = rest
            .split_once("output should be")
            .or_else(|| rest.split_once("result should be"))?;
        let call = format!("{entry_point}({})", values.join(", "));
        Some(equality(&call, value_of_line(value)?))
    };
    text.lines().filter_map(sample).collect()
}

/// `Input: a = 1, b = 2`, `Input: 1`, or an `Input:` with one `a : 1` a line; then `Output: 3`.
fn input_output(text: &str, entry_point: &str, parameters: &[&str]) -> Vec<String> {
    let mut samples = Vec::new();
    for part in text.split("Input:").skip(1) {
        let Some((input, output)) = part.split_once("Output:") else {
            continue;
        };
        let input = input.trim();
        let values = if parameters.len() == 1 && is_literal(input) {
            vec![input]
        } else {
            match bindings(input, parameters) {
                Some((values, rest)) if rest.trim().is_empty() => values,
                _ => continue,
            }
        };
        let call = format!("{entry_point}({})", values.join(", "));
        samples.extend(value_of_line(output).map(|value| equality(&call, value)));
    }
    samples
}

/// Values of all parameters in their order, from `a = 1, b = 2` or `a : 1` lines, and the text after them.
/// With `:` the last word of a parameter's name may stand alone or the other way round, as in `bucket_capacity : 1`.
fn bindings<'a>(mut text: &'a str, parameters: &[&str]) -> Option<(Vec<&'a str>, &'a str)> {
    let mut values = Vec::new();
    for (idx, parameter) in parameters.iter().enumerate() {
        text = text.trim_start();
        if idx > 0 {
            text = text.strip_prefix(',').unwrap_or(text).trim_start();
        }
        let name = identifier(text)?;
        text = text[name.len()..].trim_start();
        if name != *parameter && !name.ends_with(&format!("_{parameter}")) {
            return None;
        }
        text = text.strip_prefix(['=', ':'])?.trim_start();
        let rest = after_literal(text)?;
        values.push(&text[..text.len() - rest.len()]);
        text = rest;
    }
    (!values.is_empty()).then_some((values, text))
}
