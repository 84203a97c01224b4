//! The checkers for outputs in the form `Case 1: ...`, `Case 2: ...`.

use super::stream::Stream;
use super::{Quit, quoted};

/// One integer per case.
pub(super) fn one_integer(output: &mut Stream<'_>, answer: &mut Stream<'_>) -> Result<(), Quit> {
    let all = |stream: &mut Stream<'_>| {
        let mut numbers = Vec::new();
        while !stream.seek_eof() {
            head(stream, numbers.len() + 1, false)?;
            numbers.push(stream.long()?);
        }
        Ok(numbers)
    };
    let (expected, found) = (all(answer)?, all(output)?);
    for (idx, (expected, found)) in expected.iter().zip(&found).enumerate() {
        if expected != found {
            return Quit::wrong(format!(
                "case {}: expected {expected}, found {found}",
                idx + 1
            ));
        }
    }
    if expected.len() != found.len() {
        let message = format!("expected {} cases, found {}", expected.len(), found.len());
        return Err(output.malformed(message));
    }
    Ok(())
}

/// Some integers per case.
pub(super) fn integers(output: &mut Stream<'_>, answer: &mut Stream<'_>) -> Result<(), Quit> {
    each_case(output, answer, |stream, word| stream.long_of(word))
}

/// Some tokens per case.
pub(super) fn tokens(output: &mut Stream<'_>, answer: &mut Stream<'_>) -> Result<(), Quit> {
    each_case(output, answer, |_, word| Ok(word.to_vec()))
}

fn each_case<T: PartialEq>(
    output: &mut Stream<'_>,
    answer: &mut Stream<'_>,
    read: fn(&Stream<'_>, &[u8]) -> Result<T, Quit>,
) -> Result<(), Quit> {
    let (mut answer_began, mut output_began) = (false, false);
    let mut number = 0;
    while !answer.seek_eof() {
        number += 1;
        let expected = one_case(answer, number, &mut answer_began, read)?;
        let found = one_case(output, number, &mut output_began, read)?;
        if expected != found {
            let first = expected.iter().zip(&found).position(|(a, b)| a != b);
            let element = first.unwrap_or(expected.len().min(found.len())) + 1;
            return Quit::wrong(format!(
                "case {number}: element {element} differs ({} expected, {} found)",
                expected.len(),
                found.len()
            ));
        }
    }
    Ok(())
}

/// The elements of a case. Reading them ends with the word that begins the next one.
fn one_case<T>(
    stream: &mut Stream<'_>,
    number: usize,
    began: &mut bool,
    read: fn(&Stream<'_>, &[u8]) -> Result<T, Quit>,
) -> Result<Vec<T>, Quit> {
    head(stream, number, *began)?;
    let mut elements = Vec::new();
    while !stream.seek_eof() {
        let word = stream.word()?;
        if word == b"Case" {
            *began = true;
            break;
        }
        elements.push(read(stream, word)?);
    }
    Ok(elements)
}

/// `Case` and its number.
fn head(stream: &mut Stream<'_>, number: usize, began: bool) -> Result<(), Quit> {
    let number = format!("{number}:");
    let expected = [b"Case", number.as_bytes()];
    for expected in &expected[usize::from(began)..] {
        let found = stream.word()?;
        if found != *expected {
            let message = format!("expected {}, found {}", quoted(expected), quoted(found));
            return Err(stream.malformed(message));
        }
    }
    Ok(())
}
