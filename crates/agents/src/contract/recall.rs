use domain::Shape;

use super::tags::{self, Element};
use super::{Parsed, fence};

/// A similar problem with the plan that solves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The problem, in a few sentences.
    pub description: String,
    /// How it is solved, without code.
    pub plan: String,
}

/// What the retrieval agent recalled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recall {
    /// Similar problems, at most as many as were asked for.
    pub examples: Vec<Example>,
    /// The algorithm, named and explained; empty when a broken reply held none.
    pub algorithm: String,
}

/// Reads a reply that owes [`super::Contract::Recall`] with `k` examples.
pub fn recall(reply: &str, k: usize) -> Parsed<Recall> {
    Parsed::read(
        reply,
        |text| strict_recall(text, k),
        |text| tolerant_recall(text, k),
    )
}

/// Reads a reply that owes [`super::Contract::Plan`].
pub fn plan(reply: &str) -> Parsed<String> {
    Parsed::read(reply, strict_plan, tolerant_plan)
}

/// What [`recall`] reads strictly.
pub(super) fn recall_shape(k: usize) -> Shape {
    shape_before(k, &[], "")
}

/// The same before the text `then`; `without` are words that would end something behind it.
pub(super) fn shape_before(k: usize, without: &[&str], then: &str) -> Shape {
    const EXAMPLE: &str = "<example>\n<description>";
    const ALGORITHM: &str = "<algorithm>";
    let in_example = [&["</example>"], without].concat();
    let examples = (1..=k).flat_map(|number| {
        let next = if number < k { EXAMPLE } else { ALGORITHM };
        [
            tags::part("description", &in_example, "\n<plan>"),
            tags::part("plan", &in_example, &format!("\n</example>\n{next}")),
        ]
    });
    let opening = if k > 0 { EXAMPLE } else { ALGORITHM };
    Shape {
        opening: opening.to_string(),
        parts: examples
            .chain([tags::part("algorithm", without, then)])
            .collect(),
    }
}

/// What [`plan`] reads strictly.
pub(super) fn plan_shape() -> Shape {
    Shape {
        opening: "<plan>".to_string(),
        parts: vec![tags::part("plan", &[], "")],
    }
}

fn strict_recall(reply: &str, k: usize) -> Option<Recall> {
    let (recall, rest) = strict_beginning(reply, k)?;
    rest.trim().is_empty().then_some(recall)
}

/// What a reply begins with, and the rest of it.
pub(super) fn strict_beginning(reply: &str, k: usize) -> Option<(Recall, &str)> {
    let mut rest = reply;
    let mut examples = Vec::new();
    for _ in 0..k {
        let example = tags::expect(rest, "example")?;
        let description = tags::expect(example.inner, "description")?;
        let plan = tags::expect(description.rest, "plan")?;
        ends(&plan)?;
        examples.push(Example {
            description: description.inner.to_string(),
            plan: plan.inner.to_string(),
        });
        rest = example.rest;
    }
    let algorithm = tags::expect(rest, "algorithm")?;
    let recall = Recall {
        examples,
        algorithm: algorithm.inner.to_string(),
    };
    Some((recall, algorithm.rest))
}

fn strict_plan(reply: &str) -> Option<String> {
    let plan = tags::expect(reply, "plan")?;
    ends(&plan)?;
    Some(plan.inner.to_string())
}

/// Nothing but white space follows the element.
fn ends(element: &Element) -> Option<()> {
    element.rest.trim().is_empty().then_some(())
}

fn tolerant_plan(text: &str) -> Option<String> {
    // Free text is a plan too: the original MapCoder asks for nothing else.
    let plan = tags::find(text, &["plan", "planning"], &["confidence", "response"])
        .map_or(tags::without_cdata(text), |element| element.inner);
    let plan = fence::unwrap(plan).trim();
    (!plan.is_empty()).then(|| plan.to_string())
}

fn tolerant_recall(text: &str, k: usize) -> Option<Recall> {
    const EXAMPLE: [&str; 3] = ["example", "exemplar", "problem"];
    const PLAN: [&str; 2] = ["plan", "planning"];
    const ALGORITHM: [&str; 3] = ["algorithm", "tutorial", "knowledge_base"];
    let mut examples = Vec::new();
    let mut rest = text;
    while examples.len() < k {
        let stops = [&EXAMPLE[..], &["algorithm", "response", "root"]].concat();
        let Some(example) = tags::find(rest, &EXAMPLE, &stops) else {
            break;
        };
        rest = example.rest;
        let Some(plan) = tags::find(example.inner, &PLAN, &[]) else {
            continue;
        };
        let description =
            match tags::find(example.inner, &["description", "statement", "name"], &PLAN) {
                Some(element) => element.inner,
                None => "",
            };
        if !plan.inner.trim().is_empty() {
            examples.push(Example {
                description: description.to_string(),
                plan: plan.inner.to_string(),
            });
        }
    }
    let algorithm = tags::find(text, &ALGORITHM, &["exemplars", "response", "root"])
        .map_or(String::new(), |element| element.inner.to_string());
    let is_something = !examples.is_empty() || !algorithm.is_empty();
    is_something.then_some(Recall {
        examples,
        algorithm,
    })
}
