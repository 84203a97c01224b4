use domain::{Agent, Body, Part, Shape};

use super::{Parsed, tags};

/// What a supervisor found in a run that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Why it failed.
    pub reason: String,
    /// Whose part is to be done again; absent when nobody is at fault.
    pub blame: Option<Agent>,
    /// What the blamed agent is to do differently.
    pub feedback: String,
}

/// The number by which a supervisor names an agent; 0 is nobody.
pub fn blame_number(agent: Agent) -> u8 {
    let at = Agent::ALL.iter().position(|other| *other == agent);
    at.map_or(0, |at| at as u8 + 1)
}

/// Reads a supervisor's reply: `<reason>`, then `<agent>` with a number from 0 to 4, then `<feedback>`.
pub fn review(reply: &str) -> Parsed<Review> {
    Parsed::read(reply, strict, tolerant)
}

/// The form of a reply that [`review`] reads strictly, for engines that hold replies to a form.
pub fn review_shape() -> Shape {
    let number = Part {
        body: Body::Number {
            most: Agent::ALL.len() as u8,
        },
        end: "</agent>".to_string(),
        then: "\n<feedback>".to_string(),
    };
    Shape {
        opening: "<reason>".to_string(),
        parts: vec![
            tags::part("reason", &[], "\n<agent>"),
            number,
            tags::part("feedback", &[], ""),
        ],
    }
}

fn strict(text: &str) -> Option<Review> {
    let reason = tags::expect(text, "reason")?;
    let agent = tags::expect(reason.rest, "agent")?;
    let feedback = tags::expect(agent.rest, "feedback")?;
    let is_number = agent.inner.bytes().all(|byte| byte.is_ascii_digit());
    let ends = feedback.rest.trim().is_empty();
    let blame = numbered(agent.inner.parse().ok()?)?;
    (is_number && ends).then(|| Review {
        reason: reason.inner.to_string(),
        blame,
        feedback: feedback.inner.to_string(),
    })
}

/// Also an agent's name in place of its number, and parts in any order; the reason may be missing.
fn tolerant(text: &str) -> Option<Review> {
    const PARTS: [&str; 4] = ["reason", "agent", "blame", "feedback"];
    let part = |names: &[&str]| {
        let stops: Vec<&str> = PARTS
            .into_iter()
            .filter(|part| !names.contains(part))
            .collect();
        tags::find(text, names, &stops).map(|element| element.inner)
    };
    let feedback = part(&["feedback"]).filter(|feedback| !feedback.is_empty())?;
    let blame = named(part(&["agent", "blame"])?)?;
    Some(Review {
        reason: part(&["reason"]).unwrap_or_default().to_string(),
        blame,
        feedback: feedback.to_string(),
    })
}

/// Whom a number means; absent when it means nobody that there is.
fn numbered(number: usize) -> Option<Option<Agent>> {
    match number {
        0 => Some(None),
        number => Agent::ALL.get(number - 1).map(|agent| Some(*agent)),
    }
}

/// The one agent that a few words name, by its number or its name.
fn named(words: &str) -> Option<Option<Agent>> {
    // Beginnings of words: coding and coder, debugging and debugger.
    const NAMES: [(&str, Option<Agent>); 6] = [
        ("retri", Some(Agent::Retrieval)),
        ("plan", Some(Agent::Planning)),
        ("cod", Some(Agent::Coding)),
        ("debug", Some(Agent::Debugging)),
        ("nobody", None),
        ("none", None),
    ];
    if let Ok(number) = words.trim().trim_end_matches('.').parse() {
        return numbered(number);
    }
    let lower = words.to_lowercase();
    let found: Vec<Option<Agent>> = NAMES
        .into_iter()
        .filter(|(name, _)| lower.contains(name))
        .map(|(_, agent)| agent)
        .collect();
    match found.as_slice() {
        [only] => Some(*only),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
