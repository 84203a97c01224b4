use domain::{Form, Language, Problem, Program};

use crate::contract::defines;

/// The whole program from the source that a reply held.
///
/// For a function, the statement's own imports and helpers come first, so that a reply may rely on them; a reply
/// that holds only the function's body is put under its head.
pub fn assemble(problem: &Problem, language: Language, source: &str) -> Program {
    let source = match &problem.form {
        Form::Stdio => source.to_string(),
        Form::Function { prompt, .. } if prompt.trim().is_empty() => source.to_string(),
        Form::Function {
            entry_point,
            prompt,
        } if defines(source, entry_point) => {
            format!("{}{source}", preamble(prompt, entry_point))
        }
        Form::Function { prompt, .. } if is_body(source) => {
            format!("{}\n{source}", prompt.trim_end())
        }
        Form::Function { .. } => source.to_string(),
    };
    Program {
        language,
        source: format!("{}\n", source.trim_end()),
    }
}

/// What stands before the function's head: imports and helpers.
fn preamble<'a>(prompt: &'a str, entry_point: &str) -> &'a str {
    let head = format!("def {entry_point}");
    let at = prompt
        .match_indices(&head)
        .find(|(at, _)| {
            let is_line_start = prompt[..*at].is_empty() || prompt[..*at].ends_with('\n');
            let tail = prompt[at + head.len()..].trim_start();
            is_line_start && tail.starts_with('(')
        })
        .map_or(0, |(at, _)| at);
    &prompt[..at]
}

/// Every line is indented or blank, and one is not blank.
fn is_body(source: &str) -> bool {
    let mut lines = source
        .lines()
        .filter(|line| !line.trim().is_empty())
        .peekable();
    lines.peek().is_some() && lines.all(|line| line.starts_with([' ', '\t']))
}

#[cfg(test)]
mod tests;
