use serde::{Deserialize, Serialize};

mod reading;
#[cfg(test)]
mod tests;

pub use reading::Place;

/// The form of a reply: what is fixed, and where the model writes freely.
///
/// An engine that keeps shapes writes the fixed text itself and lets the model write the bodies, so that every reply
/// [reads](Shape::accepts) as its shape says. An endpoint that doesn't keep them ignores them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// What every reply begins with.
    pub opening: String,
    /// What follows, in order; the reply is complete behind the last one.
    pub parts: Vec<Part>,
}

/// Something that the model writes, and the fixed text behind it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Part {
    /// What the model writes.
    pub body: Body,
    /// What ends the body: its first occurrence in a text or a number; in code, where a line begins with it.
    /// No proper beginning of it may be an end of it too.
    pub end: String,
    /// What follows the end, up to the next body.
    pub then: String,
}

/// What the model writes in one place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// Free text with at least one visible character.
    Text {
        /// Words that it must not hold, beside its end.
        without: Vec<String>,
    },
    /// Lines of code in a fenced block, at least one of them not blank.
    ///
    /// A line that begins with three of the fence's characters, indented or not, ends the block. Elsewhere
    /// three of them may stand behind a quotation mark only, and never at the end of a line.
    Code {
        /// Words that it must not hold.
        without: Vec<String>,
    },
    /// A whole number from 0 to `most`, in decimal digits.
    Number {
        /// The largest.
        most: u8,
    },
}

/// What begins and ends a fenced block of code.
pub const FENCE: &str = "```";

impl Part {
    /// The fixed text: the end with what follows it.
    pub fn closing(&self) -> String {
        format!("{}{}", self.end, self.then)
    }
}
