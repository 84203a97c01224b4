use domain::{Body, Part, Shape};

use super::{Parsed, fence, tags};

/// Reads a reply that owes [`super::Contract::Reflection`].
pub fn reflection(reply: &str) -> Parsed<String> {
    let strict = |text: &str| {
        let reflection = tags::expect(text, "reflection")?;
        let ends = reflection.rest.trim().is_empty();
        ends.then(|| reflection.inner.to_string())
    };
    // Free text is a reflection too.
    let tolerant = |text: &str| {
        let inner = tags::find(text, &["reflection"], &["response"])
            .map_or(tags::without_cdata(text), |element| element.inner);
        let inner = fence::unwrap(inner).trim();
        (!inner.is_empty()).then(|| inner.to_string())
    };
    Parsed::read(reply, strict, tolerant)
}

/// What [`reflection`] reads strictly.
pub(super) fn shape() -> Shape {
    Shape {
        opening: "<reflection>".to_string(),
        parts: vec![tags::part("reflection", &[], "")],
    }
}

/// A plan that was followed by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulation {
    /// The steps with their values.
    pub steps: String,
    /// Whether the plan holds.
    pub holds: bool,
}

/// Reads a reply that owes [`super::Contract::Simulation`].
pub fn simulation(reply: &str) -> Parsed<Simulation> {
    Parsed::read(reply, strict_simulation, tolerant_simulation)
}

/// What [`simulation`] reads strictly.
pub(super) fn simulation_shape() -> Shape {
    let holds = Part {
        body: Body::Number { most: 1 },
        end: "</holds>".to_string(),
        then: String::new(),
    };
    Shape {
        opening: "<simulation>".to_string(),
        parts: vec![tags::part("simulation", &[], "\n<holds>"), holds],
    }
}

fn strict_simulation(text: &str) -> Option<Simulation> {
    let steps = tags::expect(text, "simulation")?;
    let holds = tags::expect(steps.rest, "holds")?;
    let holds_value = match holds.inner {
        "0" => false,
        "1" => true,
        _ => return None,
    };
    let ends = holds.rest.trim().is_empty();
    ends.then(|| Simulation {
        steps: steps.inner.to_string(),
        holds: holds_value,
    })
}

/// Also what the paper asks for: words that say whether the plan needs a modification.
fn tolerant_simulation(text: &str) -> Option<Simulation> {
    let lower = text.to_lowercase();
    let word = tags::find(text, &["holds"], &["response"])
        .map(|element| element.inner.trim().to_lowercase());
    let holds = match word.as_deref() {
        Some(word) if word.starts_with(['1', 'y', 't']) => true,
        Some(word) if word.starts_with(['0', 'n', 'f']) => false,
        _ if lower.contains("no need to modify") => true,
        _ if lower.contains("modification needed") || lower.contains("must be changed") => false,
        _ => return None,
    };
    let steps = tags::find(text, &["simulation"], &["holds", "response"])
        .map_or(text.trim(), |element| element.inner);
    Some(Simulation {
        steps: steps.to_string(),
        holds,
    })
}
