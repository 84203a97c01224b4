//! What Python does with text.

/// Bytes as text, without those that are no UTF-8.
pub(super) fn decoded(bytes: &[u8]) -> String {
    bytes.utf8_chunks().map(|chunk| chunk.valid()).collect()
}

pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// `str.strip`.
pub(super) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `str.split` without arguments.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}

/// `str.splitlines`.
pub(super) fn split_lines(text: &str) -> Vec<&str> {
    let is_end = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'
                ..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = match rest.find(is_end) {
            None => (rest, ""),
            Some(at) => {
                let end = &rest[at..];
                let n_bytes = if end.starts_with("\r\n") {
                    2
                } else {
                    end.chars().next().map_or(0, char::len_utf8)
                };
                (&rest[..at], &end[n_bytes..])
            }
        };
        lines.push(line);
        rest = after;
    }
    lines
}

/// `float`, for text in ASCII.
pub(super) fn float(text: &str) -> Option<f64> {
    let text = without_separators(strip(text))?;
    let bare = text.trim_start_matches(['+', '-']);
    let is_name = ["inf", "infinity", "nan"]
        .iter()
        .any(|name| bare.eq_ignore_ascii_case(name));
    let is_number = bare.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    (is_name || is_number).then(|| text.parse().ok()).flatten()
}

/// A number without the underscores between its digits; `None` when one stands elsewhere.
pub(super) fn without_separators(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_digit = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at))
            .is_some_and(u8::is_ascii_digit)
    };
    let misplaced = bytes.iter().enumerate().any(|(at, &byte)| {
        byte == b'_' && !(is_digit(at.checked_sub(1)) && is_digit(Some(at + 1)))
    });
    (!misplaced).then(|| text.replace('_', ""))
}
