//! Reply contracts: what each question wants back, and how a reply is read.
//!
//! The strict parser decides whether a reply is a *format failure*; the tolerant parser may still recover a value.
//! Both look at the same text, and neither can fail or panic: a reply that holds nothing is `None`.

use domain::{Agent, Form, Language, Shape};
use serde::{Deserialize, Serialize};

use crate::Format;

mod confidence;
mod fence;
mod program;
mod recall;
mod reflection;
mod review;
#[cfg(test)]
mod shapes;
mod tags;
#[cfg(test)]
mod tests;
mod thought;

pub use confidence::{Confidence, confidence};
pub use fence::{Block, blocks};
pub(crate) use program::defines;
pub use program::{analogy, code, reasoned, repair};
pub use recall::{Example, Recall, plan, recall};
pub use reflection::{Simulation, reflection, simulation};
pub use review::{Review, blame_number, review, review_shape};

/// What a question wants back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Contract {
    /// `<example>` with `<description>` and `<plan>`, k times, then `<algorithm>`.
    Recall,
    /// One `<plan>`.
    Plan,
    /// `<explanation>`, then `<confidence>`: an integer from 0 to 100.
    Confidence,
    /// `<simulation>`, then `<holds>`: 1 or 0.
    Simulation,
    /// Exactly one fenced block.
    Code,
    /// `<reasoning>`, then exactly one fenced block.
    Reasoned,
    /// What [`Contract::Recall`] wants, then exactly one fenced block.
    Analogy,
    /// One `<plan>`, then exactly one fenced block.
    Repair,
    /// One `<reflection>`.
    Reflection,
}

impl Contract {
    /// All contracts, in the order in which a run meets them.
    pub const ALL: [Contract; 9] = [
        Contract::Recall,
        Contract::Plan,
        Contract::Confidence,
        Contract::Simulation,
        Contract::Code,
        Contract::Reasoned,
        Contract::Analogy,
        Contract::Repair,
        Contract::Reflection,
    ];

    /// The agent that owes it.
    pub fn agent(self) -> Agent {
        match self {
            Contract::Recall => Agent::Retrieval,
            Contract::Plan | Contract::Confidence | Contract::Simulation => Agent::Planning,
            Contract::Code | Contract::Reasoned | Contract::Analogy => Agent::Coding,
            Contract::Repair | Contract::Reflection => Agent::Debugging,
        }
    }

    /// The form of a reply that the strict parser takes, for engines that hold replies to a form: `k` examples
    /// where the contract wants some, a program in this language where it wants one.
    pub fn shape(self, k: usize, language: Language) -> Shape {
        match self {
            Contract::Recall => recall::recall_shape(k),
            Contract::Plan => recall::plan_shape(),
            Contract::Confidence => confidence::shape(),
            Contract::Simulation => reflection::simulation_shape(),
            Contract::Code => program::code_shape(language),
            Contract::Reasoned => program::reasoned_shape(language),
            Contract::Analogy => program::analogy_shape(k, language),
            Contract::Repair => program::repair_shape(language),
            Contract::Reflection => reflection::shape(),
        }
    }

    /// How a reply kept the contract, which wants `k` examples where it wants some.
    pub fn format(self, reply: &str, k: usize, wanted: Wanted<'_>) -> Format {
        match self {
            Contract::Recall => recall(reply, k).format,
            Contract::Plan => plan(reply).format,
            Contract::Confidence => confidence(reply).format,
            Contract::Simulation => simulation(reply).format,
            Contract::Code => code(reply, wanted).format,
            Contract::Reasoned => reasoned(reply, wanted).format,
            Contract::Analogy => analogy(reply, k, wanted).format,
            Contract::Repair => repair(reply, wanted).format,
            Contract::Reflection => reflection(reply).format,
        }
    }

    /// The name used in records and reports.
    pub fn name(self) -> &'static str {
        match self {
            Contract::Recall => "recall",
            Contract::Plan => "plan",
            Contract::Confidence => "confidence",
            Contract::Simulation => "simulation",
            Contract::Code => "code",
            Contract::Reasoned => "reasoned",
            Contract::Analogy => "analogy",
            Contract::Repair => "repair",
            Contract::Reflection => "reflection",
        }
    }
}

/// What a reply held.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed<T> {
    /// What was asked for, when it is there.
    pub value: Option<T>,
    /// How the reply kept its contract.
    pub format: Format,
}

impl<T> Parsed<T> {
    /// Strict if the strict parser finds it, recovered if only the tolerant one does.
    /// Both read the reply without the model's thinking aloud, which no contract speaks of.
    fn read(
        reply: &str,
        strict: impl FnOnce(&str) -> Option<T>,
        tolerant: impl FnOnce(&str) -> Option<T>,
    ) -> Parsed<T> {
        let said = thought::without_thought(reply);
        let value = strict(&said);
        if value.is_some() {
            return Parsed {
                value,
                format: Format::Strict,
            };
        }
        let value = tolerant(&said);
        let format = if value.is_some() {
            Format::Recovered
        } else {
            Format::Failed
        };
        Parsed { value, format }
    }
}

/// What kind of program a reply should hold.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Its language.
    pub language: Language,
    /// A whole program, or a function.
    pub form: &'a Form,
}
