//! Programs that pass, broken on purpose in one place, for lessons in repairing.

use domain::Digest;

/// A piece of a program and what it is replaced with.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edit {
    start: usize,
    end: usize,
    text: String,
}

/// Copies of a Python program with one slip each, of the kinds that people make: a comparison, an operator, a constant,
/// a connective or a built-in function is another. At most `most` of them, in an order that follows from the program.
/// Texts and comments are left alone. Whether a copy fails is for the judge to say.
pub(super) fn broken(source: &str, most: usize) -> Vec<String> {
    let mut edits = edits(source);
    edits.sort_by_cached_key(|edit| {
        Digest::of_json(&("bug/1", source, edit.start, edit.text.as_str()))
    });
    let copies = edits.iter().take(most);
    copies
        .map(|edit| {
            format!(
                "{}{}{}",
                &source[..edit.start],
                edit.text,
                &source[edit.end..]
            )
        })
        .collect()
}

/// Words and signs with what stands in their place.
const SLIPS: [(&str, &str); 24] = [
    ("<", "<="),
    ("<=", "<"),
    (">", ">="),
    (">=", ">"),
    ("==", "!="),
    ("!=", "=="),
    ("+", "-"),
    ("-", "+"),
    ("*", "+"),
    ("//", "/"),
    ("%", "//"),
    ("+=", "="),
    ("-=", "+="),
    ("*=", "+="),
    ("and", "or"),
    ("or", "and"),
    ("True", "False"),
    ("False", "True"),
    ("min", "max"),
    ("max", "min"),
    ("lower", "upper"),
    ("upper", "lower"),
    ("sorted", "list"),
    ("append", "extend"),
];

fn edits(source: &str) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (start, end) in tokens(source) {
        let token = &source[start..end];
        let mut add = |text: String| edits.push(Edit { start, end, text });
        if let Some((_, slip)) = SLIPS.iter().find(|(word, _)| *word == token) {
            add(slip.to_string());
        } else if let Ok(number) = token.parse::<u32>()
            && number < 1000
        {
            add((number + 1).to_string());
            if number > 0 {
                add((number - 1).to_string());
            }
        }
    }
    edits
}

/// Where the words, numbers and operators of a program are, outside of texts and comments, and outside of the heads of
/// functions and imports.
fn tokens(source: &str) -> Vec<(usize, usize)> {
    const OPERATORS: &[u8] = b"+-*/%<>=!&|^~@:";
    let bytes = source.as_bytes();
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b'#' => at += length_to(bytes, at, b"\n"),
            quote @ (b'"' | b'\'') => {
                let triple = [quote; 3];
                at += if bytes[at..].starts_with(&triple) {
                    3 + text_length(bytes, at + 3, &triple)
                } else {
                    1 + text_length(bytes, at + 1, &[quote])
                };
            }
            byte if is_word(byte) => {
                while at < bytes.len() && is_word(bytes[at]) {
                    at += 1;
                }
                if matches!(&source[start..at], "def" | "import" | "from" | "class") {
                    at += length_to(bytes, at, b"\n");
                } else {
                    found.push((start, at));
                }
            }
            byte if OPERATORS.contains(&byte) => {
                while at < bytes.len() && OPERATORS.contains(&bytes[at]) {
                    at += 1;
                }
                found.push((start, at));
            }
            _ => at += 1,
        }
    }
    found
}

/// Bytes up to a mark, or to the end.
fn length_to(bytes: &[u8], from: usize, mark: &[u8]) -> usize {
    let rest = &bytes[from.min(bytes.len())..];
    let found = rest.windows(mark.len()).position(|window| window == mark);
    found.unwrap_or(rest.len())
}

/// Bytes of a text up to its end and with it; a backslash takes the next byte along.
fn text_length(bytes: &[u8], from: usize, end: &[u8]) -> usize {
    let rest = &bytes[from.min(bytes.len())..];
    let mut at = 0;
    while at < rest.len() {
        if rest[at] == b'\\' {
            at += 2;
        } else if rest[at..].starts_with(end) {
            return at + end.len();
        } else {
            at += 1;
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_slip_each_and_none_in_texts() {
        let source = "def f(a=1):\n    \"\"\"a < 2\"\"\"\n    # 5 + 5\n    return a < 2 and 'x + 1\\'' or None\n";
        let mut copies = broken(source, 99);
        copies.sort();
        let of = |condition: &str| source.replace("a < 2 and 'x + 1\\'' or", condition);
        let mut expect = [
            of("a <= 2 and 'x + 1\\'' or"),
            of("a < 1 and 'x + 1\\'' or"),
            of("a < 3 and 'x + 1\\'' or"),
            of("a < 2 or 'x + 1\\'' or"),
            of("a < 2 and 'x + 1\\'' and"),
        ];
        expect.sort();
        assert_eq!(copies, expect);
        assert_eq!(broken(source, 2), broken(source, 3)[..2]);
    }

    proptest! {
        #[test]
        fn no_source_panics(source in "[a-z0-9 \\n\"'\\\\#<+=éß]{0,60}") {
            for copy in broken(&source, 9) {
                prop_assert_ne!(copy, source.clone());
            }
        }
    }
}
