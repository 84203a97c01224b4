//! How a value of a type looks when a program prints it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Values inside values are followed this deep; what lies deeper is shown as it is written.
const MAX_DEPTH: usize = 64;

/// The texts that stand for a JSON value on standard output, the most usual first: a text is itself;
/// other values are taken as Python's `str` or JSON writes them, lists also with their items on one line or one a line.
/// Numbers keep all their digits.
pub(crate) fn printed(value: &RawValue) -> Vec<String> {
    let text = value.get().trim();
    let mut forms = match Kind::of(text) {
        Kind::Text(text) => return vec![text],
        Kind::Items(items) => {
            let parts: Vec<String> = items.iter().map(|item| shown(item)).collect();
            vec![python(value, 0), parts.join(" "), parts.join("\n")]
        }
        _ => vec![python(value, 0)],
    };
    if !forms.iter().any(|form| form == text) {
        forms.insert(1, text.to_string());
    }
    forms
}

/// What `print` shows: the text itself, or Python's `repr` of anything else.
pub(crate) fn shown(value: &RawValue) -> String {
    match Kind::of(value.get()) {
        Kind::Text(text) => text,
        _ => python(value, 0),
    }
}

/// A value as Python's `repr` writes it.
fn python(value: &RawValue, depth: usize) -> String {
    if depth > MAX_DEPTH {
        return value.get().to_string();
    }
    let inner = |item| python(item, depth + 1);
    match Kind::of(value.get()) {
        Kind::Items(items) => {
            let items: Vec<String> = items.into_iter().map(inner).collect();
            format!("[{}]", items.join(", "))
        }
        Kind::Fields(fields) => {
            let fields = fields
                .into_iter()
                .map(|(key, item)| format!("{}: {}", quoted(&key), inner(item)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Kind::Text(text) => quoted(&text),
        Kind::Other("true") => "True".to_string(),
        Kind::Other("false") => "False".to_string(),
        Kind::Other("null") => "None".to_string(),
        Kind::Other(number) => number.to_string(),
    }
}

fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut quoted = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c == quote => quoted.extend(['\\', c]),
            c => quoted.push(c),
        }
    }
    quoted.push(quote);
    quoted
}

/// A JSON text, opened by one level.
enum Kind<'a> {
    Text(String),
    Items(Vec<&'a RawValue>),
    Fields(Vec<(String, &'a RawValue)>),
    /// A number, `true`, `false` or `null`, as it is written.
    Other(&'a str),
}

impl<'a> Kind<'a> {
    fn of(text: &'a str) -> Kind<'a> {
        let text = text.trim();
        let kind = match text.as_bytes().first() {
            Some(b'"') => serde_json::from_str(text).map(Kind::Text).ok(),
            Some(b'[') => serde_json::from_str(text).map(Kind::Items).ok(),
            Some(b'{') => serde_json::from_str(text)
                .map(|Fields(fields)| Kind::Fields(fields))
                .ok(),
            _ => None,
        };
        // A raw value was parsed before, so that only a number or a word is left.
        kind.unwrap_or(Kind::Other(text))
    }
}

/// The fields of an object in their order.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
