use super::*;
use crate::fixtures::{header, results};

#[test]
fn lines_are_tagged_and_read_back_as_what_they_were() {
    let results = results();
    for result in &results {
        let line = problem_line(result);
        assert!(
            line.starts_with(r#"{"schema":"mapcoder.eval.problem/1","id":"#),
            "{line}"
        );
        assert!(!line.contains('\n'));
        assert_eq!(
            &serde_json::from_str::<ProblemResult>(&line).unwrap(),
            result
        );
    }
    let summary = Summary::new(header(), &results);
    let line = summary_line(&summary);
    assert!(
        line.starts_with(r#"{"schema":"mapcoder.eval.summary/1","header":"#),
        "{line}"
    );
    assert_eq!(serde_json::from_str::<Summary>(&line).unwrap(), summary);
}
