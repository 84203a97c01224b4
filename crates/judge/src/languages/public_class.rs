//! The name of the public class in a Java source, after which its file must be named.

/// The name of the public type at the top level of a Java source, if there is one.
/// Comments and texts are skipped; what is no valid Java gives anything or nothing, for the compiler to refuse.
pub(crate) fn public_class(source: &str) -> Option<String> {
    let mut depth = 0usize;
    let mut is_public = false;
    let mut is_type = false;
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = skipped(rest) {
            rest = after;
            continue;
        }
        if !is_name(first) {
            match first {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if matches!(first, '{' | '}' | ';') {
                (is_public, is_type) = (false, false);
            }
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let end = rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        if depth > 0 {
            continue;
        }
        match word {
            "public" => is_public = true,
            "class" | "interface" | "enum" | "record" if is_public => is_type = true,
            name if is_type && !name.starts_with(|first: char| first.is_ascii_digit()) => {
                return Some(name.to_string());
            }
            _ => {}
        }
    }
    None
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$'
}

/// What follows a comment, a text or a letter in quotes, if one begins here.
fn skipped(text: &str) -> Option<&str> {
    let after = |begin: &str, end: &str| {
        let inside = text.strip_prefix(begin)?;
        Some(inside.split_once(end).map_or("", |(_, after)| after))
    };
    after("//", "\n")
        .or_else(|| after("/*", "*/"))
        .or_else(|| quoted(text, "\"\"\""))
        .or_else(|| quoted(text, "\""))
        .or_else(|| quoted(text, "'"))
}

/// What follows a text between quotes, in which a backslash takes the next letter's meaning.
fn quoted<'a>(text: &'a str, quote: &str) -> Option<&'a str> {
    let mut rest = text.strip_prefix(quote)?;
    loop {
        if let Some(after) = rest.strip_prefix(quote) {
            return Some(after);
        }
        let mut letters = rest.chars();
        if letters.next()? == '\\' {
            letters.next();
        }
        rest = letters.as_str();
    }
}
