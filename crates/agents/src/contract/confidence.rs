use domain::{Body, Part, Shape};

use super::{Parsed, tags};

/// How sure the planning agent is of a plan: 0 to 100.
pub type Confidence = u8;

/// Reads a reply that owes [`super::Contract::Confidence`].
pub fn confidence(reply: &str) -> Parsed<Confidence> {
    Parsed::read(reply, strict, tolerant)
}

/// What [`confidence`] reads strictly.
pub(super) fn shape() -> Shape {
    let number = Part {
        body: Body::Number { most: 100 },
        end: "</confidence>".to_string(),
        then: String::new(),
    };
    Shape {
        opening: "<explanation>".to_string(),
        parts: vec![tags::part("explanation", &[], "\n<confidence>"), number],
    }
}

fn strict(reply: &str) -> Option<Confidence> {
    let explanation = tags::expect(reply, "explanation")?;
    let confidence = tags::expect(explanation.rest, "confidence")?;
    let is_whole = confidence.rest.trim().is_empty()
        && confidence.inner.bytes().all(|byte| byte.is_ascii_digit());
    let value = confidence
        .inner
        .parse()
        .ok()
        .filter(|value| *value <= 100)?;
    is_whole.then_some(value)
}

fn tolerant(text: &str) -> Option<Confidence> {
    if let Some(element) = tags::find(text, &["confidence"], &["explanation", "response", "root"]) {
        return first_number(element.inner);
    }
    let lower = text.to_lowercase();
    let after = lower.rfind("confidence")? + "confidence".len();
    // The number stands right behind the word; one further off means something else.
    let near: String = lower[after..].chars().take(40).collect();
    first_number(&near)
}

/// The first number of a text as a share of 100: `90`, `90%`, `90/100`, `9/10`, `90.5`; `0.9` is 90.
fn first_number(text: &str) -> Option<Confidence> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let (value, rest) = number(&text[start..])?;
    if text[..start].ends_with('-') {
        return None;
    }
    let scale = rest
        .trim_start()
        .strip_prefix('/')
        .or_else(|| rest.trim_start().strip_prefix("out of"))
        .and_then(|rest| number(rest.trim_start()))
        .map_or(100.0, |(scale, _)| scale);
    let is_fraction =
        scale == 100.0 && value <= 1.0 && text[start..].contains('.') && !rest.starts_with('%');
    let share = if is_fraction {
        value * 100.0
    } else {
        value * 100.0 / scale
    };
    (0.0..=100.0)
        .contains(&share)
        .then(|| share.round() as Confidence)
}

fn number(text: &str) -> Option<(f64, &str)> {
    let mut end = text
        .bytes()
        .take_while(|byte| byte.is_ascii_digit() || *byte == b'.')
        .count();
    if text[..end].ends_with('.') {
        end -= 1;
    }
    Some((text[..end].parse().ok()?, &text[end..]))
}
