//! The test runner of LiveCodeBench.
//!
//! The same number of lines once the whole is stripped; each the same when stripped, or the same decimal numbers,
//! exactly. No float has a tolerance.

use super::decimal::Decimal;
use super::python::{split, strip};

pub(super) fn matches(output: &str, answer: &str) -> bool {
    let lines = |text| -> Vec<&str> { strip(text).split('\n').map(strip).collect() };
    let (found, expected) = (lines(output), lines(answer));
    found.len() == expected.len()
        && found
            .iter()
            .zip(&expected)
            .all(|(found, expected)| found == expected || same_numbers(found, expected))
}

fn same_numbers(found: &str, expected: &str) -> bool {
    let numbers = |line| split(line).map(number).collect::<Option<Vec<_>>>();
    match (numbers(found), numbers(expected)) {
        (Some(found), Some(expected)) => {
            let not_a_number = |number: &Number| matches!(number, Number::Nan);
            found == expected && !found.iter().any(not_a_number)
        }
        _ => false,
    }
}

#[derive(Debug, PartialEq)]
enum Number {
    Nan,
    Infinite { negative: bool },
    Finite(Decimal),
}

/// `decimal.Decimal`, for text in ASCII. It drops underscores wherever they stand.
fn number(token: &str) -> Option<Number> {
    let text = strip(token).replace('_', "").to_ascii_lowercase();
    let (negative, bare) = match text.strip_prefix('-') {
        Some(bare) => (true, bare),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let after_nan = bare.strip_prefix('s').unwrap_or(bare).strip_prefix("nan");
    match bare {
        "inf" | "infinity" => Some(Number::Infinite { negative }),
        _ if after_nan.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit())) => {
            Some(Number::Nan)
        }
        _ => Decimal::parse(&text, &['e']).map(Number::Finite),
    }
}
