//! The Markdown form of a problem.
//!
//! ````markdown
//! # Title
//!
//! What the program must do. Any Markdown; headings that are not named below belong to it.
//!
//! ## Function            (only when a Python function is wanted)
//!
//! ```python
//! def double(n: int) -> int:
//!     """Return twice n."""
//! ```
//!
//! ## Samples
//!
//! ```input               (each `input` is followed by the accepted `output`; by several, where any one suffices)
//! 1 2
//! ```
//! ```output
//! 3
//! ```
//!
//! ```python              (for a function)
//! assert double(2) == 4
//! ```
//!
//! ## Tests               (the same forms; hidden from every model)
//!
//! ## Limits
//!
//! - time: 2 s
//! - memory: 256 MB
//!
//! ## Details
//!
//! - id: double
//! - difficulty: easy
//! - tags: arithmetic, first steps
//! ````

use super::{Fault, OwnProblem, OwnTest, asserts, function, quantity};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Statement,
    Function,
    Samples,
    Tests,
    Limits,
    Details,
}

/// # Errors
/// The first thing that is no problem in this form, with its line.
pub(super) fn parse(text: &str) -> Result<OwnProblem, Fault> {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let mut lines = (1..).zip(text.lines());
    let mut problem = OwnProblem::default();
    let mut title = None;
    let mut section = Section::Statement;
    while let Some((number, line)) = lines.next() {
        if let Some(fence) = Fence::open(line) {
            let mut body = String::new();
            loop {
                let Some((_, line)) = lines.next() else {
                    return Err(Fault::at(
                        number,
                        format!(
                            "the block that begins here is never closed; end it with {}",
                            fence.marks
                        ),
                    ));
                };
                if fence.closes(line) {
                    break;
                }
                body.push_str(fence.unindented(line));
                body.push('\n');
            }
            block(&mut problem, section, &fence, body).map_err(|what| Fault::at(number, what))?;
            continue;
        }
        match heading(line) {
            Some((1, text)) if title.is_none() => {
                title = Some(text.to_string());
                section = Section::Statement;
            }
            Some((2, text)) if named_section(text).is_some() => {
                section = named_section(text).unwrap_or(section);
            }
            Some((level, _))
                if level > 2 && matches!(section, Section::Samples | Section::Tests) => {}
            Some(_) => {
                section = Section::Statement;
                push_line(&mut problem.statement, line);
            }
            None => match section {
                Section::Limits | Section::Details => {
                    item(&mut problem, section, line).map_err(|what| Fault::at(number, what))?;
                }
                Section::Tests => {}
                Section::Statement | Section::Function | Section::Samples => {
                    push_line(&mut problem.statement, line)
                }
            },
        }
    }
    problem.title = title
        .filter(|title| !title.is_empty())
        .ok_or_else(|| Fault::at(1, "the title is missing; begin the file with `# Title`"))?;
    problem.statement = problem.statement.trim().to_string();
    let pending = |tests: &[OwnTest]| {
        tests
            .iter()
            .any(|test| test.input.is_some() && test.outputs.is_empty())
    };
    if pending(&problem.samples) || pending(&problem.tests) {
        return Err(Fault::at(
            text.lines().count(),
            "the last `input` block has no `output` block after it; add one",
        ));
    }
    Ok(problem)
}

/// Takes a fenced block into the problem.
fn block(
    problem: &mut OwnProblem,
    section: Section,
    fence: &Fence,
    body: String,
) -> Result<(), String> {
    let tests = match section {
        Section::Statement => {
            push_line(
                &mut problem.statement,
                &format!("{}{}", fence.marks, fence.info),
            );
            problem.statement.push_str(&body);
            push_line(&mut problem.statement, &fence.marks);
            return Ok(());
        }
        Section::Function => {
            if problem.function.is_some() {
                return Err(
                    "there is a second block under `## Function`; put all code into the first"
                        .to_string(),
                );
            }
            problem.function = Some(function(&body)?);
            return Ok(());
        }
        Section::Limits | Section::Details => {
            return Err(
                "a block does not belong here; write lines such as `- time: 2 s`".to_string(),
            );
        }
        Section::Samples => &mut problem.samples,
        Section::Tests => &mut problem.tests,
    };
    let open = tests
        .last_mut()
        .filter(|test| test.input.is_some() && test.assert.is_none());
    let tag = fence
        .info
        .split_whitespace()
        .next()
        .unwrap_or("")
        .to_ascii_lowercase();
    match (tag.as_str(), open) {
        ("output", Some(test)) => test.outputs.push(body),
        ("output", None) => {
            return Err("this `output` block has no `input` block before it; add one".to_string());
        }
        ("input" | "python" | "py", Some(test)) if test.outputs.is_empty() => {
            return Err(
                "the `input` block before this one has no `output` block; add one".to_string(),
            );
        }
        ("input", _) => tests.push(OwnTest::stdio(body, Vec::new())),
        ("python" | "py", _) => tests.extend(asserts(&body)),
        (other, _) => {
            return Err(format!(
                "a block with the tag `{other}` is no test; use the tags `input` and `output`, or `python` for asserts"
            ));
        }
    }
    Ok(())
}

/// Takes a line such as `- time: 2 s` into the problem.
fn item(problem: &mut OwnProblem, section: Section, line: &str) -> Result<(), String> {
    let line = line.trim().trim_start_matches(['-', '*', '+']).trim();
    if line.is_empty() {
        return Ok(());
    }
    let (key, value) = line
        .split_once(':')
        .ok_or("this line is no `- key: value`; move text into the statement")?;
    let value = value.trim();
    match (section, key.trim().to_ascii_lowercase().as_str()) {
        (Section::Limits, "time") => {
            let seconds = quantity::time(value)
                .ok_or_else(|| format!("`{value}` is no time; write it like `2 s` or `500 ms`"))?;
            quantity::seconds(seconds)?;
            problem.limits.time_seconds = Some(seconds);
        }
        (Section::Limits, "memory") => {
            let mib = quantity::memory(value)
                .ok_or_else(|| format!("`{value}` is no memory size; write it like `256 MB`"))?;
            quantity::mebibytes(mib)?;
            problem.limits.memory_mib = Some(mib);
        }
        (Section::Limits, key) => {
            return Err(format!(
                "unknown limit `{key}`; known are `time` and `memory`"
            ));
        }
        (_, "id") => problem.id = Some(value.to_string()),
        (_, "difficulty") => problem.difficulty = Some(value.to_string()),
        (_, "tags") => {
            problem.tags = value
                .split(',')
                .map(|tag| tag.trim().to_string())
                .filter(|tag| !tag.is_empty())
                .collect();
        }
        (_, key) => {
            return Err(format!(
                "unknown detail `{key}`; known are `id`, `difficulty` and `tags`"
            ));
        }
    }
    Ok(())
}

/// Of several empty lines, which sections leave behind that are taken out, one stays.
fn push_line(text: &mut String, line: &str) {
    if line.trim().is_empty() && text.ends_with("\n\n") {
        return;
    }
    text.push_str(line);
    text.push('\n');
}

/// Level and text of a heading in `#` style.
fn heading(line: &str) -> Option<(usize, &str)> {
    let text = line.trim();
    let level = text.len() - text.trim_start_matches('#').len();
    let rest = &text[level..];
    let indent = line.len() - line.trim_start().len();
    let is_heading = (1..=6).contains(&level)
        && indent < 4
        && (rest.is_empty() || rest.starts_with([' ', '\t']));
    is_heading.then(|| (level, rest.trim().trim_end_matches('#').trim()))
}

fn named_section(heading: &str) -> Option<Section> {
    match heading
        .trim_end_matches(':')
        .trim()
        .to_ascii_lowercase()
        .as_str()
    {
        "function" => Some(Section::Function),
        "sample" | "samples" => Some(Section::Samples),
        "test" | "tests" | "hidden tests" => Some(Section::Tests),
        "limit" | "limits" => Some(Section::Limits),
        "details" => Some(Section::Details),
        _ => None,
    }
}

/// The opening of a fenced block, as CommonMark defines it.
struct Fence {
    marks: String,
    info: String,
    indent: usize,
}

impl Fence {
    fn open(line: &str) -> Option<Fence> {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let text = &line[indent..];
        let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let info = text.trim_start_matches(mark);
        let n_marks = text.len() - info.len();
        if indent > 3 || n_marks < 3 || (mark == '`' && info.contains('`')) {
            return None;
        }
        Some(Fence {
            marks: text[..n_marks].to_string(),
            info: info.trim().to_string(),
            indent,
        })
    }

    fn closes(&self, line: &str) -> bool {
        let text = line.trim_end();
        let indent = text.len() - text.trim_start_matches(' ').len();
        indent < 4
            && text[indent..].starts_with(&self.marks)
            && text.trim_start().chars().all(|c| self.marks.starts_with(c))
    }

    /// A line of the block without the spaces that the whole block is indented by.
    fn unindented<'a>(&self, line: &'a str) -> &'a str {
        let n_spaces = line.len() - line.trim_start_matches(' ').len();
        &line[n_spaces.min(self.indent)..]
    }
}
