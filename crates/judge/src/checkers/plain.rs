//! The judge's own ways of comparing: byte by byte where the checker does not say otherwise.

use super::{Opinion, quoted};

/// Line by line; white space at line ends and empty lines at the end are ignored.
pub(super) fn lines(output: &[u8], answer: &[u8]) -> Opinion {
    pairwise("line", text_lines(output), text_lines(answer), |a, b| {
        a == b
    })
}

/// Token by token.
pub(super) fn tokens(output: &[u8], answer: &[u8]) -> Opinion {
    pairwise("token", words(output), words(answer), |a, b| a == b)
}

/// Token by token, with numbers that may differ.
pub(super) fn float(output: &[u8], answer: &[u8], tolerance: f64) -> Opinion {
    pairwise("token", words(output), words(answer), |a, b| {
        close(a, b, tolerance)
    })
}

fn pairwise<'a>(
    unit: &str,
    mut output: impl Iterator<Item = &'a [u8]>,
    mut answer: impl Iterator<Item = &'a [u8]>,
    same: impl Fn(&[u8], &[u8]) -> bool,
) -> Opinion {
    for number in 1usize.. {
        return Opinion::Wrong(match (output.next(), answer.next()) {
            (None, None) => return Opinion::Right,
            (Some(found), Some(expected)) if same(found, expected) => continue,
            (Some(found), Some(expected)) => format!(
                "{unit} {number}: expected {}, found {}",
                quoted(expected),
                quoted(found)
            ),
            (None, Some(expected)) => {
                format!(
                    "{unit} {number}: expected {}, found the end",
                    quoted(expected)
                )
            }
            (Some(found), None) => {
                format!("{unit} {number}: expected the end, found {}", quoted(found))
            }
        });
    }
    Opinion::Right
}

/// Lines without white space at their ends and without empty lines at the end of the text.
fn text_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.trim_ascii_end()
        .split(|&byte| byte == b'\n')
        .map(<[u8]>::trim_ascii_end)
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace)
        .filter(|token| !token.is_empty())
}

/// Numbers within the tolerance; two integers exactly, since a double cannot tell large ones apart; the rest byte by byte.
fn close(actual: &[u8], expected: &[u8], tolerance: f64) -> bool {
    if is_nan(actual) || is_nan(expected) {
        return false;
    }
    if let (Some(actual), Some(expected)) = (integer(actual), integer(expected)) {
        return actual == expected;
    }
    match (number(actual), number(expected)) {
        (Some(actual), Some(expected)) => {
            let difference = (actual - expected).abs();
            // Two decimal texts that differ by exactly the tolerance may differ by a little more as doubles.
            let rounding = 4.0 * f64::EPSILON * actual.abs().max(expected.abs());
            let slack = if tolerance > 0.0 { rounding } else { 0.0 };
            difference <= tolerance.max(tolerance * expected.abs()) + slack
        }
        _ => actual == expected,
    }
}

fn is_nan(token: &[u8]) -> bool {
    let bare = match token {
        [b'-' | b'+', bare @ ..] => bare,
        bare => bare,
    };
    bare.eq_ignore_ascii_case(b"nan")
}

/// Sign and digits without leading zeros.
fn integer(token: &[u8]) -> Option<(bool, &[u8])> {
    let (negative, digits) = match token {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let first = digits.iter().position(|&digit| digit != b'0');
    let digits = first.map_or(&digits[..0], |first| &digits[first..]);
    Some((negative && !digits.is_empty(), digits))
}

/// A finite decimal number in the usual notation: no hexadecimal, no separators, no names.
fn number(token: &[u8]) -> Option<f64> {
    let plain = token
        .iter()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte));
    let value: f64 = std::str::from_utf8(token)
        .ok()
        .filter(|_| plain)?
        .parse()
        .ok()?;
    value.is_finite().then_some(value)
}
