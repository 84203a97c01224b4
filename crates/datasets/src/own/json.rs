use super::{Fault, OwnProblem};

/// One problem, or a list of problems.
pub(super) fn problems(text: &str) -> Result<Vec<OwnProblem>, Fault> {
    let text = text.trim_start_matches('\u{feff}');
    let parsed = if text.trim_start().starts_with('[') {
        serde_json::from_str(text)
    } else {
        serde_json::from_str(text).map(|problem| vec![problem])
    };
    parsed.map_err(|error| {
        let message = error.to_string();
        let what = message
            .rsplit_once(" at line ")
            .map_or(message.as_str(), |(what, _)| what);
        Fault::at(error.line().max(1), what)
    })
}
