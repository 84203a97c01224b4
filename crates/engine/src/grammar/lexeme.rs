//! A shape as one regular expression over bytes.
//!
//! Bodies are taken byte by byte, broken characters included: a reply's text shows them as U+FFFD, and so no
//! reply is ever stuck in the middle of a character whose end the vocabulary lacks.

use domain::{Body, FENCE, Part, Shape};
use llguidance::derivre::RegexAst;

pub(crate) fn lexeme(shape: &Shape) -> RegexAst {
    let mut pieces = vec![literal(&shape.opening)];
    for part in &shape.parts {
        pieces.push(body(part));
        pieces.push(literal(&part.closing()));
    }
    RegexAst::Concat(pieces)
}

fn body(part: &Part) -> RegexAst {
    match &part.body {
        Body::Text { without } => RegexAst::And(vec![
            text(),
            without_words(without.iter().chain([&part.end])),
            not(star(white(|_| true))),
        ]),
        Body::Code { without } => RegexAst::And(vec![
            text(),
            without_words(without),
            not(star(white(|_| true))),
            // No line begins with a fence.
            not(concat([
                line_start(),
                star(blank()),
                literal(FENCE),
                anything(),
            ])),
            // No line ends with one.
            not(concat([
                anything(),
                literal(FENCE),
                star(blank()),
                literal("\n"),
                anything(),
            ])),
            // Elsewhere there is one behind a quotation mark only.
            not(concat([
                anything(),
                bytes(|byte| !b"\"'`".contains(&byte)),
                literal(FENCE),
                anything(),
            ])),
            // The closing fence has a line to itself.
            concat([
                anything(),
                literal("\n"),
                star(bytes(|byte| byte == b' ' || byte == b'\t')),
            ]),
        ]),
        Body::Number { most } => RegexAst::Or(
            (0..=*most)
                .map(|number| literal(&number.to_string()))
                .collect(),
        ),
    }
}

fn without_words<'a>(words: impl IntoIterator<Item = &'a String>) -> RegexAst {
    let words = words.into_iter().map(|word| literal(word)).collect();
    not(concat([anything(), RegexAst::Or(words), anything()]))
}

/// Nothing, or whole lines.
fn line_start() -> RegexAst {
    RegexAst::Or(vec![
        RegexAst::EmptyString,
        concat([anything(), literal("\n")]),
    ])
}

/// White space within a line.
fn blank() -> RegexAst {
    white(|c| c != '\n')
}

/// One of the white-space characters that `keep` lets through.
fn white(keep: impl Fn(char) -> bool) -> RegexAst {
    // Unicode has none beyond U+3000.
    let all = ('\0'..='\u{3000}').filter(|c| c.is_whitespace() && keep(*c));
    RegexAst::Or(all.map(|c| literal(c.encode_utf8(&mut [0; 4]))).collect())
}

/// Any text. The byte left out is never part of one.
fn text() -> RegexAst {
    star(bytes(|byte| byte != 0xff))
}

/// Any bytes.
fn anything() -> RegexAst {
    star(bytes(|_| true))
}

fn literal(text: &str) -> RegexAst {
    RegexAst::Literal(text.to_string())
}

fn concat<const N: usize>(pieces: [RegexAst; N]) -> RegexAst {
    RegexAst::Concat(pieces.into())
}

fn not(inner: RegexAst) -> RegexAst {
    RegexAst::Not(Box::new(inner))
}

fn star(inner: RegexAst) -> RegexAst {
    RegexAst::Repeat(Box::new(inner), 0, u32::MAX)
}

/// One byte of a set.
fn bytes(holds: impl Fn(u8) -> bool) -> RegexAst {
    let mut words = vec![0u32; 8];
    for byte in (0..=255u8).filter(|byte| holds(*byte)) {
        words[usize::from(byte / 32)] |= 1 << (byte % 32);
    }
    RegexAst::ByteSet(words)
}
