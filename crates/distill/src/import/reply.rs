//! What the other system's replies hold, in the words of our contracts.

use agents::contract::blocks;

use crate::words::{beginning, sentences};

/// Longest explanation of an algorithm that the students learn to write, in characters.
const ALGORITHM: usize = 280;
/// Longest judgement of a plan, in characters.
const EXPLANATION: usize = 360;
/// Steps that a plan may have.
const STEPS: std::ops::RangeInclusive<usize> = 2..=12;

/// A piece of a knowledge base: an element's text with its name, and whether it tells of an algorithm or an edge case.
#[derive(Debug, Clone, PartialEq)]
struct Piece {
    kind: Kind,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Algorithm,
    Concept,
    Edge,
}

/// The algorithm that a knowledge base tells of, in a line: its algorithms, or its concepts where it names none, or
/// what is left. Short and without a list, because a small student that learns lists does not end them. Absent where it
/// says nothing.
pub(crate) fn algorithm(reply: &str) -> Option<String> {
    let inner = element(reply, "knowledge_base")?;
    let pieces = if inner.contains("</") {
        pieces_of_elements(inner)
    } else {
        pieces_of_lines(inner)
    };
    let kind = pieces.iter().map(|piece| piece.kind).min()?;
    let told = pieces.iter().filter(|piece| piece.kind == kind);
    let told: Vec<&str> = told.map(|piece| piece.text.as_str()).collect();
    let text = beginning(&told.join(" "), ALGORITHM);
    is_plain(&text).then_some(text)
}

/// The steps of a plan, one a line, numbered; steps that only speak of writing tests are left out, since our system has
/// tests of its own.
pub(crate) fn plan(reply: &str) -> Result<String, &'static str> {
    let inner = element(reply, "plan").ok_or("no plan in the reply")?;
    if !blocks(inner).is_empty() || inner.lines().any(is_code) {
        return Err("the plan holds code");
    }
    let steps: Vec<String> = if inner.contains("<step") {
        elements(inner).into_iter().map(|(_, text)| text).collect()
    } else {
        steps_of_lines(inner)
    };
    let steps: Vec<String> = steps
        .into_iter()
        .map(|step| one_line(&step))
        .filter(|step| !step.is_empty() && !speaks_of_tests(step) && !is_filler(step))
        .collect();
    if !STEPS.contains(&steps.len()) {
        return Err("the plan has too few or too many steps");
    }
    if !steps.iter().all(|step| is_plain(step)) {
        return Err("the plan holds tags");
    }
    let numbered = (1..).zip(&steps).map(|(n, step)| format!("{n}. {step}"));
    Ok(numbered.collect::<Vec<_>>().join("\n"))
}

/// What a check of a plan said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Whether it found the plan right.
    pub(crate) is_correct: bool,
    /// Why, in a few sentences; empty where it said nothing more.
    pub(crate) explanation: String,
}

/// Reads a check of a plan: `CORRECT` or `INCORRECT` in any dress, then an explanation. Sentences about the other
/// system's test cases are left out, since our plans have none.
pub(crate) fn verdict(reply: &str) -> Option<Verdict> {
    let text = reply.trim().trim_start_matches(['*', '#', ' ', '`']);
    let behind = |word: &str| {
        let begins = text.get(..word.len())?.eq_ignore_ascii_case(word);
        begins.then(|| &text[word.len()..])
    };
    let (is_correct, rest) = match (behind("INCORRECT"), behind("CORRECT")) {
        (Some(rest), _) => (false, rest),
        (None, Some(rest)) => (true, rest),
        (None, None) => return None,
    };
    let rest = rest.trim_start_matches(['*', '.', ':', '`', '\'', ',', '!', ' ', '\n', '-']);
    let rest = ["Explanation of issues", "Explanation", "Issues", "Reason"]
        .iter()
        .find_map(|word| rest.strip_prefix(word))
        .unwrap_or(rest)
        .trim_start_matches(['*', ':', ' ', '\n', '-']);
    let prose = rest.split("```").next().unwrap_or_default();
    let kept: Vec<String> = sentences(prose)
        .into_iter()
        .map(one_line)
        .filter(|sentence| sentence.len() > 12 && sentence.ends_with('.') && is_plain(sentence))
        .filter(|sentence| !speaks_of_tests(sentence) && !is_code(sentence))
        .collect();
    Some(Verdict {
        is_correct,
        explanation: match kept.is_empty() {
            true => String::new(),
            false => beginning(&kept.join(" "), EXPLANATION),
        },
    })
}

/// The text of the first element of that name: without CDATA; up to the end where it is never closed.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = text.split_once(&format!("<{name}>"))?;
    let inner = after
        .split_once(&format!("</{name}>"))
        .map_or(after, |(inner, _)| inner);
    let inner = inner.trim();
    let inner = inner.strip_prefix("<![CDATA[").unwrap_or(inner);
    Some(inner.strip_suffix("]]>").unwrap_or(inner))
}

/// Every text between tags that is not blank, with the tags around it, outermost first, and their `name` attributes.
fn elements(text: &str) -> Vec<(Vec<String>, String)> {
    let mut found = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        let Some((tag, behind)) = after.split_once('>').filter(|(tag, _)| is_tag(tag)) else {
            // A sign of comparison.
            let line_end = after.find('<').unwrap_or(after.len());
            push(
                &mut found,
                &open,
                &format!("{before}<{}", &after[..line_end]),
            );
            rest = &after[line_end..];
            continue;
        };
        push(&mut found, &open, before);
        if tag.starts_with('/') {
            open.pop();
        } else if !tag.ends_with('/') {
            open.push(tag.to_string());
        }
        rest = behind;
    }
    push(&mut found, &open, rest);
    found
}

fn push(found: &mut Vec<(Vec<String>, String)>, open: &[String], text: &str) {
    if !text.trim().is_empty() {
        found.push((open.to_vec(), text.trim().to_string()));
    }
}

fn is_tag(tag: &str) -> bool {
    let name = tag.strip_prefix('/').unwrap_or(tag);
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && tag.len() < 120 && !tag.contains('\n')
}

fn pieces_of_elements(inner: &str) -> Vec<Piece> {
    let mut pieces: Vec<(Piece, usize)> = Vec::new();
    let mut title = String::new();
    for (path, text) in elements(inner) {
        let names: Vec<&str> = path.iter().map(|tag| tag_name(tag)).collect();
        let last = names.last().copied().unwrap_or_default();
        let text = one_line(&text);
        if matches!(last, "name" | "title") {
            title = text;
            continue;
        }
        let kind = if names.iter().any(|name| name.starts_with("edge")) {
            Kind::Edge
        } else if names.iter().any(|name| name.starts_with("algorithm")) {
            Kind::Algorithm
        } else {
            Kind::Concept
        };
        if last == "step"
            && let Some((piece, _)) = pieces.last_mut()
            && piece.kind == kind
        {
            piece.text = format!("{} {}", piece.text, sentence(&text));
            continue;
        }
        let named = path.iter().rev().find_map(|tag| attribute(tag, "name"));
        let head = match (title.is_empty(), named) {
            (false, _) => std::mem::take(&mut title),
            (true, Some(name)) => name.to_string(),
            (true, None) => String::new(),
        };
        let is_said = pieces.last().is_some_and(|(piece, depth)| {
            *depth >= path.len() && !head.is_empty() && piece.text.starts_with(&head)
        });
        let text = if head.is_empty() || is_said || text.starts_with(&head) {
            sentence(&text)
        } else {
            format!("{head}: {}", sentence(&text))
        };
        pieces.push((Piece { kind, text }, path.len()));
    }
    pieces
        .into_iter()
        .map(|(piece, _)| piece)
        .filter(|piece| piece.text.len() > 8)
        .collect()
}

fn pieces_of_lines(inner: &str) -> Vec<Piece> {
    let mut is_edge = false;
    let mut pieces = Vec::new();
    for line in inner.lines() {
        let text = one_line(line);
        if text.is_empty() || text.ends_with(':') {
            is_edge = text.to_lowercase().contains("edge");
            continue;
        }
        let lower = text.to_lowercase();
        is_edge |= lower.starts_with("edge");
        let kind = if is_edge {
            Kind::Edge
        } else if lower.contains("algorithm") || lower.contains("approach") {
            Kind::Algorithm
        } else {
            Kind::Concept
        };
        let text = match text.split_once(':') {
            Some((head, rest)) if head.eq_ignore_ascii_case("edge cases") => rest.trim(),
            _ => &text,
        };
        pieces.push(Piece {
            kind,
            text: sentence(text),
        });
    }
    pieces
}

/// Lines that begin with a number begin a step; other lines belong to the step before them. Without any number, every
/// line is a step.
fn steps_of_lines(inner: &str) -> Vec<String> {
    let lines: Vec<&str> = inner
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let is_numbered = lines.iter().any(|line| numbered(line).is_some());
    let mut steps: Vec<String> = Vec::new();
    for line in lines {
        match (numbered(line), is_numbered, steps.last_mut()) {
            (Some(step), _, _) => steps.push(step.to_string()),
            (None, true, Some(last)) => *last = format!("{last} {}", one_line(line)),
            (None, true, None) => {}
            (None, false, _) => steps.push(line.to_string()),
        }
    }
    steps
}

/// What stands behind `1.`, `1)` or `Step 1:`.
fn numbered(line: &str) -> Option<&str> {
    let line = line.trim_start_matches(['*', '#', ' ']);
    let line = line.strip_prefix("Step ").unwrap_or(line);
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    if rest.len() == line.len() {
        return None;
    }
    rest.strip_prefix(['.', ')', ':']).map(str::trim)
}

/// One line without marks of emphasis and bullets.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ").replace("**", "");
    line.trim_start_matches(['-', '*', '•', ' '])
        .trim()
        .to_string()
}

/// With a mark at its end.
fn sentence(text: &str) -> String {
    match text.ends_with(['.', '!', '?', ':']) {
        true => text.to_string(),
        false => format!("{text}."),
    }
}

fn tag_name(tag: &str) -> &str {
    tag.split_whitespace().next().unwrap_or(tag)
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = tag.split_once(&format!("{name}=\""))?;
    after.split_once('"').map(|(value, _)| value)
}

/// A step or a sentence about tests that somebody is to write or has written.
fn speaks_of_tests(text: &str) -> bool {
    let lower = text.to_lowercase();
    [
        "test case",
        "test the ",
        "tests ",
        "test suite",
        "unit test",
        "test with",
        "expected_output",
    ]
    .iter()
    .any(|words| lower.contains(words))
}

/// A step that any plan could begin or end with.
fn is_filler(step: &str) -> bool {
    let lower = step.to_lowercase();
    let beginnings = [
        "understand the problem",
        "understand the function signature",
        "understand the requirements",
        "review the code",
        "verify the output",
        "validate the implementation",
        "document the",
    ];
    beginnings.iter().any(|words| lower.starts_with(words))
}

fn is_code(line: &str) -> bool {
    let line = line.trim();
    (line.starts_with("def ") || line.starts_with("for ") || line.starts_with("while "))
        && line.ends_with(':')
        || line.starts_with("import ") && !line.ends_with('.')
}

/// Something that a contract's tags can be put around.
fn is_plain(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains("</") && !text.contains("```") && !text.contains("<!")
}

#[cfg(test)]
mod tests;
