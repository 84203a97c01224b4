//! Whether an output is a right one.

use domain::Checker;

/// Compares what a program wrote with an accepted output, byte by byte where the checker does not say otherwise.
pub(crate) fn matches(checker: &Checker, actual: &[u8], expected: &[u8]) -> bool {
    match checker {
        Checker::Lines => lines(actual).eq(lines(expected)),
        Checker::Tokens => tokens(actual).eq(tokens(expected)),
        &Checker::Float { tolerance } => {
            let (mut actual, mut expected) = (tokens(actual), tokens(expected));
            loop {
                match (actual.next(), expected.next()) {
                    (None, None) => return true,
                    (Some(actual), Some(expected)) if close(actual, expected, tolerance) => {}
                    _ => return false,
                }
            }
        }
        Checker::Testlib { .. } | Checker::Compat { .. } | Checker::Custom { .. } => false,
    }
}

/// Lines without white space at their ends and without empty lines at the end of the text.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.trim_ascii_end()
        .split(|&byte| byte == b'\n')
        .map(<[u8]>::trim_ascii_end)
}

fn tokens(text: &[u8]) -> impl Iterator<Item = &[u8]> {
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
            difference <= tolerance || difference <= tolerance * expected.abs()
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
