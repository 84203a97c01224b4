//! Just enough of Python's grammar to find calls and literal values in text.
//!
//! Every function is total: any text gives an answer, none panics, and nesting is bounded.

/// Brackets inside brackets are followed this deep.
const MAX_DEPTH: usize = 100;

/// The text after the literal that `text` begins with: a number, a string, `True`, `False`, `None`,
/// or a list, tuple, set or dictionary of literals.
/// A value in parentheses without a comma is no literal: in prose it may mean the value or a tuple of one.
pub(crate) fn after_literal(text: &str) -> Option<&str> {
    literal(text, 0)
}

/// True when all of `text` is one literal.
pub(crate) fn is_literal(text: &str) -> bool {
    after_literal(text.trim()).is_some_and(str::is_empty)
}

fn literal(text: &str, depth: usize) -> Option<&str> {
    if depth > MAX_DEPTH {
        return None;
    }
    for word in ["True", "False", "None"] {
        if let Some(rest) = text.strip_prefix(word) {
            return (!rest.starts_with(is_word)).then_some(rest);
        }
    }
    match text.chars().next()? {
        '[' => items(&text[1..], ']', depth).map(|(rest, _)| rest),
        '{' => items(&text[1..], '}', depth).map(|(rest, _)| rest),
        '(' => {
            let (rest, shape) = items(&text[1..], ')', depth)?;
            (shape.n_items == 0 || shape.comma).then_some(rest)
        }
        '0'..='9' | '-' | '+' | '.' => number(text),
        _ => after_string(text),
    }
}

struct Shape {
    n_items: usize,
    comma: bool,
}

/// Items up to and including `close`; in braces, `key: value` counts as one item.
fn items(mut text: &str, close: char, depth: usize) -> Option<(&str, Shape)> {
    let mut shape = Shape {
        n_items: 0,
        comma: false,
    };
    loop {
        text = text.trim_start();
        if let Some(rest) = text.strip_prefix(close) {
            return Some((rest, shape));
        }
        text = literal(text, depth + 1)?.trim_start();
        if close == '}'
            && let Some(rest) = text.strip_prefix(':')
        {
            text = literal(rest.trim_start(), depth + 1)?.trim_start();
        }
        shape.n_items += 1;
        match text.strip_prefix(',') {
            Some(rest) => {
                shape.comma = true;
                text = rest;
            }
            None => return Some((text.strip_prefix(close)?, shape)),
        }
    }
}

/// A point counts only before a digit, so that the full stop of a sentence is left alone.
fn number(text: &str) -> Option<&str> {
    let digits = |text: &str| {
        text.len()
            - text
                .trim_start_matches(|c: char| c.is_ascii_digit() || c == '_')
                .len()
    };
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let whole = digits(rest);
    rest = &rest[whole..];
    let mut fraction = 0;
    if let Some(tail) = rest.strip_prefix('.') {
        fraction = digits(tail);
        if fraction > 0 {
            rest = &tail[fraction..];
        }
    }
    if whole + fraction == 0 {
        return None;
    }
    if let Some(tail) = rest.strip_prefix(['e', 'E']) {
        let tail = tail.strip_prefix(['-', '+']).unwrap_or(tail);
        let exponent = digits(tail);
        if exponent > 0 {
            rest = &tail[exponent..];
        }
    }
    (!rest.starts_with(is_word)).then_some(rest)
}

/// The text after the string literal that `text` begins with.
fn after_string(text: &str) -> Option<&str> {
    let text = text
        .strip_prefix(['r', 'b', 'u'])
        .filter(|rest| rest.starts_with(['"', '\'']))
        .unwrap_or(text);
    for quote in ["\"\"\"", "'''", "\"", "'"] {
        let Some(body) = text.strip_prefix(quote) else {
            continue;
        };
        let mut escaped = false;
        for (at, c) in body.char_indices() {
            if escaped {
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else if body[at..].starts_with(quote) {
                return Some(&body[at + quote.len()..]);
            } else if c == '\n' && quote.len() == 1 {
                return None;
            }
        }
        return None;
    }
    None
}

/// The text after the bracket that closes the one `text` begins with; strings and comments are passed over.
pub(crate) fn after_brackets(text: &str) -> Option<&str> {
    let mut open = Vec::new();
    let mut rest = text;
    loop {
        let c = rest.chars().next()?;
        match c {
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' if open.pop() != Some(c) => return None,
            '"' | '\'' => {
                rest = after_string(rest)?;
                continue;
            }
            '#' => {
                rest = rest.split_once('\n')?.1;
                continue;
            }
            _ => {}
        }
        rest = &rest[c.len_utf8()..];
        if open.is_empty() {
            return Some(rest);
        }
    }
}

/// True when every bracket and string of `code` is closed.
pub(crate) fn is_balanced(code: &str) -> bool {
    after_brackets(&format!("({code}\n)")).is_some_and(str::is_empty)
}

/// Where the calls of `name` begin and end in `text`, as byte offsets; calls inside calls are found too.
pub(crate) fn calls<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
    text.match_indices(name).filter_map(move |(start, _)| {
        let rest = text[start + name.len()..].trim_start_matches(' ');
        let is_whole = !name.is_empty() && !text[..start].ends_with(|c| is_word(c) || c == '.');
        if !is_whole || !rest.starts_with('(') {
            return None;
        }
        let after = after_brackets(rest)?;
        Some((start, text.len() - after.len()))
    })
}

/// The call that `text` begins with, such as `f(1)` or `round(f(1), 2)`, and the text after it.
pub(crate) fn leading_call(text: &str) -> Option<(&str, &str)> {
    let name = identifier(text)?;
    let rest = &text[name.len()..];
    if !rest.starts_with('(') {
        return None;
    }
    let after = after_brackets(rest)?;
    Some((&text[..text.len() - after.len()], after))
}

/// The identifier that `text` begins with.
pub(crate) fn identifier(text: &str) -> Option<&str> {
    let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
    (end > 0 && !text.starts_with(|c: char| c.is_ascii_digit())).then(|| &text[..end])
}

/// A letter, digit or underscore.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The head of a function (`def name(…) -> …:` without the colon) and the source after it.
pub(crate) fn head<'a>(source: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    source.match_indices("def ").find_map(|(at, _)| {
        let text = &source[at..];
        let rest = text[4..].trim_start().strip_prefix(name)?.trim_start();
        if !rest.starts_with('(') {
            return None;
        }
        let after = after_brackets(rest)?;
        let colon = after.find(':')?;
        let end = text.len() - after.len() + colon;
        Some((&text[..end], &text[end + 1..]))
    })
}

/// The names of the parameters in a head that [`head`] gave.
pub(crate) fn parameters(head: &str) -> Vec<&str> {
    let Some(open) = head.find('(') else {
        return Vec::new();
    };
    let inner = head[open + 1..]
        .rsplit_once(')')
        .map_or("", |(inner, _)| inner);
    let mut names = Vec::new();
    let mut rest = inner;
    while let Some(name) = identifier(rest.trim_start()) {
        names.push(name);
        rest = &rest.trim_start()[name.len()..];
        loop {
            match rest.chars().next() {
                None => return names,
                Some(',') => break,
                Some('(' | '[' | '{') => match after_brackets(rest) {
                    Some(after) => rest = after,
                    None => return names,
                },
                Some(c) => rest = &rest[c.len_utf8()..],
            }
        }
        rest = &rest[1..];
    }
    names
}

/// The documentation string of a function, as its source spells it; HumanEval has one that stands after an import.
pub(crate) fn docstring<'a>(source: &'a str, name: &str) -> Option<&'a str> {
    let body = head(source, name)?.1;
    let start = body
        .find("\"\"\"")
        .into_iter()
        .chain(body.find("'''"))
        .min()?;
    let (quote, text) = body[start..].split_at(3);
    Some(&text[..text.find(quote).unwrap_or(text.len())])
}

/// The name of the last function that is defined at the left margin.
pub(crate) fn last_function(source: &str) -> Option<&str> {
    source
        .lines()
        .rev()
        .find_map(|line| identifier(line.strip_prefix("def ")?.trim_start()))
}

#[cfg(test)]
mod tests;
