//! Elements written as `<name>…</name>` in free text. Not XML: the text between tags is taken as it is.

use domain::{Body, Part};

use super::thought::MARKS;

/// The part of a shape that [`expect`] reads as an element named `name`, behind its opening tag.
/// `without` are words that would end something around it; `then` is what follows it.
pub(super) fn part(name: &str, without: &[&str], then: &str) -> Part {
    Part {
        body: Body::Text {
            without: [&MARKS, without]
                .concat()
                .into_iter()
                .map(String::from)
                .collect(),
        },
        end: format!("</{name}>"),
        then: then.to_string(),
    }
}

/// An element found in a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Element<'a> {
    /// The text between the tags.
    pub(super) inner: &'a str,
    /// What follows the element.
    pub(super) rest: &'a str,
}

/// The strict form: `text` begins with `<name>` (white space before it is skipped) and the element is closed.
pub(super) fn expect<'a>(text: &'a str, name: &str) -> Option<Element<'a>> {
    let after = text
        .trim_start()
        .strip_prefix('<')?
        .strip_prefix(name)?
        .strip_prefix('>')?;
    let (inner, rest) = after.split_once(&format!("</{name}>"))?;
    (!inner.trim().is_empty()).then_some(Element {
        inner: inner.trim(),
        rest,
    })
}

/// The tolerant form: the first element with one of the names, anywhere in `text`, in any case, with or without
/// attributes. One that is never closed ends where any of the `stops` begins, or with the text.
pub(super) fn find<'a>(text: &'a str, names: &[&str], stops: &[&str]) -> Option<Element<'a>> {
    let (name, _, open_end) = names
        .iter()
        .filter_map(|name| opening(text, name).map(|(start, end)| (*name, start, end)))
        .min_by_key(|(_, start, _)| *start)?;
    let after = &text[open_end..];
    let (inner, rest) = match closing(after, name) {
        Some((start, end)) => (&after[..start], &after[end..]),
        None => {
            let stop = stops
                .iter()
                .filter_map(|stop| {
                    [opening(after, stop), closing(after, stop)]
                        .into_iter()
                        .flatten()
                        .map(|(start, _)| start)
                        .min()
                })
                .min()
                .unwrap_or(after.len());
            after.split_at(stop)
        }
    };
    Some(Element {
        inner: without_cdata(inner),
        rest,
    })
}

/// Where `<name …>` is: start and end. Names compare without regard to case.
fn opening(text: &str, name: &str) -> Option<(usize, usize)> {
    text.match_indices('<').find_map(|(start, _)| {
        let after = text.get(start + 1..start + 1 + name.len())?;
        if !after.eq_ignore_ascii_case(name) {
            return None;
        }
        let tail = &text[start + 1 + name.len()..];
        let is_name_end = tail.starts_with('>') || tail.starts_with(char::is_whitespace);
        // An attribute list is short; a `>` far away belongs to something else.
        let end = tail.bytes().take(80).position(|byte| byte == b'>')?;
        is_name_end.then_some((start, start + 1 + name.len() + end + 1))
    })
}

/// Where `</name>` is: start and end.
fn closing(text: &str, name: &str) -> Option<(usize, usize)> {
    text.match_indices("</").find_map(|(start, _)| {
        let after = text[start + 2..].trim_start();
        let written = after.get(..name.len())?;
        if !written.eq_ignore_ascii_case(name) {
            return None;
        }
        let rest = after[name.len()..].trim_start().strip_prefix('>')?;
        Some((start, text.len() - rest.len()))
    })
}

/// The text without a CDATA wrapper, closed or not.
pub(super) fn without_cdata(text: &str) -> &str {
    let text = text.trim();
    let Some(inner) = text.strip_prefix("<![CDATA[") else {
        return text;
    };
    inner
        .strip_suffix("]]>")
        .unwrap_or(inner)
        .trim_matches('\n')
}
