//! Texts as words and sentences, the same on every machine.

use std::collections::BTreeSet;

/// The words of a text in lower case: runs of letters and digits.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// All runs of `n` words, as one text each; of a shorter text, the whole of it.
pub(crate) fn runs(words: &[String], n: usize) -> BTreeSet<String> {
    if words.is_empty() {
        return BTreeSet::new();
    }
    let n = n.min(words.len()).max(1);
    words.windows(n).map(|run| run.join(" ")).collect()
}

/// The tokens of a program: names, numbers and texts as they are, every other sign by itself. White space, and comments
/// that begin with `#` outside of a text, play no part.
pub(crate) fn code_tokens(source: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut chars = source.chars().peekable();
    while let Some(first) = chars.next() {
        if first.is_whitespace() {
            continue;
        }
        if first == '#' {
            while chars.next_if(|c| *c != '\n').is_some() {}
            continue;
        }
        let mut token = first.to_string();
        if first == '"' || first == '\'' {
            while let Some(next) = chars.next_if(|c| *c != '\n') {
                token.push(next);
                if next == first {
                    break;
                }
                if next == '\\' {
                    token.extend(chars.next());
                }
            }
        } else if first.is_alphanumeric() || first == '_' {
            while let Some(next) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
                token.push(next);
            }
        }
        tokens.push(token);
    }
    tokens
}

/// The sentences of a text, each with its mark. A line's end without a mark ends one too.
pub(crate) fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        let is_mark = matches!(byte, b'.' | b'!' | b'?')
            && bytes.get(at + 1).is_none_or(u8::is_ascii_whitespace)
            // "e.g. " and "1. " end no sentence.
            && !is_short(&text[start..at]);
        if is_mark || *byte == b'\n' {
            let sentence = text[start..=at].trim();
            if !sentence.is_empty() {
                found.push(sentence);
            }
            start = at + 1;
        }
    }
    let rest = text[start..].trim();
    if !rest.is_empty() {
        found.push(rest);
    }
    found
}

/// The last word before a point is one or two letters, a number, or an abbreviation.
fn is_short(before: &str) -> bool {
    let last = before
        .rsplit(|c: char| c.is_whitespace() || c == '(')
        .next()
        .unwrap_or(before);
    let is_number = !last.is_empty() && last.chars().all(|c| c.is_ascii_digit());
    is_number && last.len() <= 2 && before.trim().len() == last.len()
        || matches!(last, "e.g" | "i.e" | "etc" | "vs")
}

/// Whole sentences from the beginning of a text, at least one, as many as fit into `most` characters.
pub(crate) fn beginning(text: &str, most: usize) -> String {
    let mut kept = String::new();
    for sentence in sentences(text) {
        let length = kept.chars().count() + 1 + sentence.chars().count();
        if !kept.is_empty() && length > most {
            break;
        }
        if !kept.is_empty() {
            kept.push(' ');
        }
        kept.push_str(sentence);
    }
    kept
}

#[cfg(test)]
mod tests;
