use domain::{Body, FENCE, Form, Language, Part, Shape};

use super::fence::{self, Block};
use super::thought::MARKS;
use super::{Parsed, Wanted, recall, tags};
use crate::dialect;

/// Reads a reply that owes [`super::Contract::Code`]: the program's source.
pub fn code(reply: &str, wanted: Wanted) -> Parsed<String> {
    Parsed::read(
        reply,
        |text| strict(text, wanted),
        |text| tolerant(text, reply, wanted),
    )
}

/// Reads a reply that owes [`super::Contract::Repair`]: the repaired program's source.
pub fn repair(reply: &str, wanted: Wanted) -> Parsed<String> {
    behind(reply, "plan", wanted)
}

/// Reads a reply that owes [`super::Contract::Reasoned`]: the program's source.
pub fn reasoned(reply: &str, wanted: Wanted) -> Parsed<String> {
    behind(reply, "reasoning", wanted)
}

/// Reads a reply that owes [`super::Contract::Analogy`] with `k` examples: the program's source.
pub fn analogy(reply: &str, k: usize, wanted: Wanted) -> Parsed<String> {
    let strict = |text: &str| {
        let (_, rest) = recall::strict_beginning(text, k)?;
        let before = &text[..text.len() - rest.len()];
        let is_prose = fence::blocks(before).is_empty();
        strict(rest, wanted).filter(|_| is_prose)
    };
    Parsed::read(reply, strict, |text| tolerant(text, reply, wanted))
}

/// A program behind an element that holds no program.
fn behind(reply: &str, name: &str, wanted: Wanted) -> Parsed<String> {
    let strict = |text: &str| {
        let element = tags::expect(text, name)?;
        let is_prose = fence::blocks(element.inner).is_empty();
        strict(element.rest, wanted).filter(|_| is_prose)
    };
    Parsed::read(reply, strict, |text| tolerant(text, reply, wanted))
}

/// What [`code`] reads strictly.
pub(super) fn code_shape(language: Language) -> Shape {
    Shape {
        opening: fence_opening(language),
        parts: vec![code_part()],
    }
}

/// What [`repair`] reads strictly.
pub(super) fn repair_shape(language: Language) -> Shape {
    shape_behind("plan", language)
}

/// What [`reasoned`] reads strictly.
pub(super) fn reasoned_shape(language: Language) -> Shape {
    shape_behind("reasoning", language)
}

/// What [`analogy`] reads strictly.
pub(super) fn analogy_shape(k: usize, language: Language) -> Shape {
    let then = format!("\n{}", fence_opening(language));
    let mut shape = recall::shape_before(k, &FENCES, &then);
    shape.parts.push(code_part());
    shape
}

fn shape_behind(name: &str, language: Language) -> Shape {
    let then = format!("\n{}", fence_opening(language));
    Shape {
        opening: format!("<{name}>"),
        parts: vec![tags::part(name, &FENCES, &then), code_part()],
    }
}

/// What opens a block, which prose before a program must not hold.
const FENCES: [&str; 2] = [FENCE, "~~~"];

fn fence_opening(language: Language) -> String {
    format!("{FENCE}{}\n", language.fence_tags()[0])
}

fn code_part() -> Part {
    Part {
        body: Body::Code {
            without: MARKS.map(String::from).to_vec(),
        },
        end: FENCE.to_string(),
        then: String::new(),
    }
}

/// Exactly one block, closed, with a tag of the language or none.
fn strict(reply: &str, wanted: Wanted) -> Option<String> {
    match fence::blocks(reply).as_slice() {
        [only]
            if only.is_closed
                && only.is_clean
                && speaks(only, wanted.language)
                && !only.body.trim().is_empty() =>
        {
            Some(only.body.to_string())
        }
        _ => None,
    }
}

/// The block that most looks like the program; without blocks, the lines that look like one.
/// A program inside a thought counts when there is none in what was `said`.
fn tolerant(said: &str, reply: &str, wanted: Wanted) -> Option<String> {
    [said, reply].into_iter().find_map(|text| {
        from_blocks(text, wanted)
            .or_else(|| from_element(text))
            .or_else(|| bare(text, wanted))
    })
}

fn from_blocks(text: &str, wanted: Wanted) -> Option<String> {
    fence::blocks(text)
        .iter()
        .enumerate()
        .filter(|(_, block)| !block.body.trim().is_empty())
        .max_by_key(|(at, block)| {
            let is_other = !speaks(block, wanted.language);
            (
                is_program(block.body, wanted),
                !is_other,
                !block.tag.is_empty(),
                *at,
            )
        })
        .map(|(_, block)| {
            let body =
                tags::find(block.body, &["code"], &[]).map_or(block.body, |element| element.inner);
            body.to_string()
        })
}

fn from_element(text: &str) -> Option<String> {
    let code = tags::find(
        text,
        &["code", "program", "solution"],
        &["response", "root"],
    )?
    .inner;
    (!code.trim().is_empty()).then(|| code.to_string())
}

/// From the first line that begins a program to the last line before prose sets in again.
fn bare(text: &str, wanted: Wanted) -> Option<String> {
    let text = tags::without_cdata(text);
    let starts = dialect::of(wanted.language).openings;
    let start = text
        .split_inclusive('\n')
        .scan(0, |at, line| {
            let start = *at;
            *at += line.len();
            Some((start, line))
        })
        .find(|(_, line)| starts.iter().any(|word| line.starts_with(word)))?
        .0;
    let code = &text[start..];
    let end = code
        .split_inclusive('\n')
        .scan(0, |at, line| {
            let start = *at;
            *at += line.len();
            Some((start, line))
        })
        .find(|(_, line)| line.starts_with("</") || line.starts_with("```"))
        .map_or(code.len(), |(at, _)| at);
    let code = &code[..end];
    is_program(code, wanted).then(|| code.to_string())
}

/// Whether a source looks like what the problem wants, and not like a piece or an example of use.
fn is_program(source: &str, wanted: Wanted) -> bool {
    match (wanted.form, wanted.language) {
        (Form::Function { entry_point, .. }, _) => defines(source, entry_point),
        (Form::Stdio, language) => {
            let marks = dialect::of(language).marks;
            marks.iter().any(|mark| source.contains(mark))
        }
    }
}

/// Whether a Python source defines a function, or gives a name a value, at its top level.
pub(crate) fn defines(source: &str, name: &str) -> bool {
    source.lines().any(|line| {
        let defined = ["def ", "async def ", "class "]
            .iter()
            .find_map(|word| line.strip_prefix(word));
        match defined {
            Some(rest) => {
                let tail = rest.trim_start().strip_prefix(name).map(str::trim_start);
                tail.is_some_and(|tail| tail.starts_with(['(', ':']))
            }
            None => {
                let tail = line.strip_prefix(name).map(str::trim_start);
                tail.is_some_and(|tail| tail.starts_with('=') && !tail.starts_with("=="))
            }
        }
    })
}

fn speaks(block: &Block, language: Language) -> bool {
    block.tag.is_empty() || language.fence_tags().contains(&block.tag.as_str())
}
