use serde::Serialize;

use crate::{ProblemResult, Summary};

/// The schema of [`problem_line`].
pub const PROBLEM_SCHEMA: &str = "mapcoder.eval.problem/1";

/// The schema of [`summary_line`].
pub const SUMMARY_SCHEMA: &str = "mapcoder.eval.summary/1";

/// One problem as one line of JSON without a line end: `schema`, then the fields of [`ProblemResult`].
///
/// # Panics
/// Never: results have a JSON form.
pub fn problem_line(result: &ProblemResult) -> String {
    line(PROBLEM_SCHEMA, result)
}

/// The measures of a run as one line of JSON without a line end: `schema`, then the fields of [`Summary`].
///
/// # Panics
/// Never: summaries have a JSON form.
pub fn summary_line(summary: &Summary) -> String {
    line(SUMMARY_SCHEMA, summary)
}

/// A struct as one line of JSON that begins with its schema.
pub(crate) fn line(schema: &str, value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).expect("plain data has a JSON form");
    let fields = json.strip_prefix('{').expect("a struct is an object");
    format!("{{\"schema\":\"{schema}\",{fields}")
}

#[cfg(test)]
mod tests;
