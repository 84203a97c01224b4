//! The test runner of APPS.
//!
//! One attempt after the other, each more generous than the last: stripped text, lines without the empty ones, one
//! number per line within `numpy.allclose`, the set of each line's set of tokens, and the same of numbers rounded
//! to three places. It accepts 1000001 for 1000000, and lines or tokens that are permuted or repeated.

use std::collections::BTreeSet;

use super::python::{float, split, split_lines, strip};

pub(super) fn matches(output: &str, answer: &str) -> bool {
    let mut lines = split_lines(output);
    let stripped_lines: Vec<&str> = lines.iter().map(|line| strip(line)).collect();
    if strip(&lines.join("\n")) == strip(answer)
        || strip(&stripped_lines.join("\n")) == strip(answer)
    {
        return true;
    }
    let expected: Vec<&str> = answer
        .split('\n')
        .filter(|line| !line.is_empty())
        .map(strip)
        .collect();
    if lines == expected {
        return true;
    }
    lines.retain(|line| !line.is_empty());
    lines == expected || all_close(&lines, &expected) || same_sets(&lines, &expected)
}

/// Each line a number, and `numpy.allclose` of them all.
fn all_close(found: &[&str], expected: &[&str]) -> bool {
    let floats = |lines: &[&str]| {
        lines
            .iter()
            .map(|line| float(line))
            .collect::<Option<Vec<_>>>()
    };
    let (Some(found), Some(expected)) = (floats(found), floats(expected)) else {
        return false;
    };
    found.len() == expected.len()
        && found.iter().zip(&expected).all(|(found, expected)| {
            found == expected
                || expected.is_finite() && (found - expected).abs() <= 1e-8 + 1e-5 * expected.abs()
        })
}

/// The set of the lines' sets of tokens, or of their numbers rounded.
fn same_sets(found: &[&str], expected: &[&str]) -> bool {
    let tokens = |lines: &[&str]| -> BTreeSet<BTreeSet<String>> {
        lines
            .iter()
            .map(|line| split(line).map(String::from).collect())
            .collect()
    };
    // Only what was written loses its blank lines here.
    let written: Vec<&str> = found
        .iter()
        .copied()
        .filter(|line| !strip(line).is_empty())
        .collect();
    let (found, expected) = (tokens(&written), tokens(expected));
    let rounded = |sets: &BTreeSet<BTreeSet<String>>| -> Option<BTreeSet<BTreeSet<String>>> {
        sets.iter()
            .map(|set| set.iter().map(|token| round(token)).collect())
            .collect()
    };
    found == expected
        || match (rounded(&found), rounded(&expected)) {
            (Some(found), Some(expected)) => found == expected,
            _ => false,
        }
}

/// `round(float(token), 3)` as text; `None` for what is no number, and for `nan`, which equals nothing.
fn round(token: &str) -> Option<String> {
    let value = float(token).filter(|value| !value.is_nan())?;
    let text = format!("{value:.3}");
    Some(if text == "-0.000" {
        "0.000".into()
    } else {
        text
    })
}
