//! Whether an output is a right one, and where it is not, in one line.

mod compat;
mod custom;
mod plain;
mod testlib;

use domain::{Checker, Harness};

use crate::JudgeError;
pub(crate) use custom::{Program, assembled, limits as program_limits, name as program_name};
use testlib::Standard;

/// What a checker says of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Opinion {
    /// It is right.
    Right,
    /// It is not, for this reason.
    Wrong(String),
}

/// What a checker says, or why it cannot work with this test, which says nothing about the program.
pub(crate) type Decision = Result<Opinion, String>;

/// A checker that is ready.
#[derive(Clone)]
pub(crate) enum Check {
    Rule(Rule),
    Program(Program),
}

/// A way of comparing that is known to exist.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule {
    Lines,
    Tokens,
    Float { tolerance: f64 },
    Standard(Standard),
    Compat(Harness),
}

/// What a checker is made of.
pub(crate) enum Kind<'a> {
    Rule(Rule),
    /// A program of its own.
    Source(&'a str),
}

impl Kind<'_> {
    /// # Errors
    /// [`JudgeError::UnknownChecker`] for a name that testlib does not have.
    pub(crate) fn of(checker: &Checker) -> Result<Kind<'_>, JudgeError> {
        Ok(Kind::Rule(match checker {
            Checker::Lines => Rule::Lines,
            Checker::Tokens => Rule::Tokens,
            &Checker::Float { tolerance } => Rule::Float { tolerance },
            Checker::Testlib { name } => Rule::Standard(
                Standard::named(name).ok_or_else(|| JudgeError::UnknownChecker(name.clone()))?,
            ),
            &Checker::Compat { harness } => Rule::Compat(harness),
            Checker::Custom { source } => return Ok(Kind::Source(source)),
        }))
    }
}

/// The published harnesses that do not say of an output whether it `is_right`.
pub(crate) fn otherwise(output: &[u8], expected: &[String], is_right: bool) -> Vec<Harness> {
    if is_right && is_copy(output, expected) {
        return Vec::new();
    }
    let accepts = |harness| {
        let mut answers = expected.iter();
        answers.any(|answer| compat::matches(harness, output, answer.as_bytes()))
    };
    let differs = |harness: &Harness| accepts(*harness) != is_right;
    Harness::ALL.into_iter().filter(differs).collect()
}

/// True for plain text that is an accepted answer, up to a line end: no harness refuses it, and none needs to copy it.
fn is_copy(output: &[u8], expected: &[String]) -> bool {
    fn body(text: &[u8]) -> &[u8] {
        text.strip_suffix(b"\n").unwrap_or(text)
    }
    let is_plain = |&byte: &u8| matches!(byte, b'\n' | b'\t' | b' '..=b'~');
    let mut answers = expected.iter();
    answers.any(|answer| body(answer.as_bytes()) == body(output)) && output.iter().all(is_plain)
}

impl Rule {
    /// Looks at an output. Any one of the accepted ones suffices; the reason is that of the first.
    pub(crate) fn decide(self, output: &[u8], expected: &[String]) -> Decision {
        first_right(expected, |answer| self.compare(output, answer.as_bytes()))
    }

    fn compare(self, output: &[u8], answer: &[u8]) -> Decision {
        Ok(match self {
            Rule::Lines => plain::lines(output, answer),
            Rule::Tokens => plain::tokens(output, answer),
            Rule::Float { tolerance } => plain::float(output, answer, tolerance),
            Rule::Standard(standard) => return standard.compare(output, answer),
            Rule::Compat(harness) => {
                if compat::matches(harness, output, answer) {
                    Opinion::Right
                } else {
                    // The published rules give no reason; ours says where to look.
                    match plain::tokens(output, answer) {
                        Opinion::Right => Opinion::Wrong("the layout differs".into()),
                        reason => reason,
                    }
                }
            }
        })
    }
}

/// How the values that a function returns are compared with those that are accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CallRule {
    /// By their types and values, floats within a tolerance if there is one.
    Typed { tolerance: Option<f64> },
    /// As a published harness does it.
    Compat(Harness),
}

/// What is said where values come for a checker that compares texts.
pub(crate) const TEXTS_ONLY: JudgeError =
    JudgeError::Unsupported("a checker that compares texts only, with tests that call functions");

impl CallRule {
    /// The rule for values that goes with a rule for texts.
    ///
    /// # Errors
    /// [`JudgeError::Unsupported`] where only texts can be compared.
    pub(crate) fn of(rule: Rule) -> Result<CallRule, JudgeError> {
        match rule {
            Rule::Lines | Rule::Tokens => Ok(CallRule::Typed { tolerance: None }),
            Rule::Float { tolerance } => Ok(CallRule::Typed {
                tolerance: Some(tolerance),
            }),
            Rule::Compat(harness @ (Harness::Apps | Harness::LiveCodeBench)) => {
                Ok(CallRule::Compat(harness))
            }
            Rule::Compat(_) | Rule::Standard(_) => Err(TEXTS_ONLY),
        }
    }

    /// What the interpreter that makes the call must know.
    pub(crate) fn describe(self, function: &str, arguments: &str, expected: &[String]) -> String {
        let (tolerance, harness) = match self {
            CallRule::Typed { tolerance } => (tolerance, None),
            CallRule::Compat(harness) => (None, Some(harness.name())),
        };
        serde_json::json!({
            "function": function,
            "arguments": arguments,
            "expected": expected,
            "tolerance": tolerance,
            "harness": harness,
        })
        .to_string()
    }
}

/// The decision over several accepted answers: right when one of them says so, else that of the first.
pub(crate) fn first_right(
    expected: &[String],
    mut compare: impl FnMut(&String) -> Decision,
) -> Decision {
    let mut first = None;
    for answer in expected {
        match compare(answer) {
            Ok(Opinion::Right) => return Ok(Opinion::Right),
            other => {
                first.get_or_insert(other);
            }
        }
    }
    first.unwrap_or_else(|| Ok(Opinion::Wrong("the test accepts no output".into())))
}

/// The names of testlib's standard checkers that can be asked for.
pub(crate) fn standard_names() -> String {
    let names: Vec<_> = Standard::ALL.map(Standard::name).to_vec();
    names.join(", ")
}

/// A piece of some text as it may stand in a message: in one line, and cut.
fn quoted(bytes: &[u8]) -> String {
    const KEPT: usize = 60;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * KEPT)]);
    let escaped: String = text
        .chars()
        .take(KEPT)
        .flat_map(char::escape_debug)
        .collect();
    let is_cut = bytes.len() > 4 * KEPT || text.chars().count() > KEPT;
    format!("`{escaped}{}`", if is_cut { "..." } else { "" })
}

#[cfg(test)]
mod tests;
