//! Tests that may be run together, on one process of the program.

use domain::{Isolation, Submission, Test};

/// How many tests one process takes at most: if one of them fails, all are run again.
const MOST: usize = 16;

/// Neighbouring tests of a submission.
pub(crate) struct Group<'a> {
    tests: &'a [Test],
    is_joint: bool,
}

/// The tests of a submission, in their order, so that each of so many cells has something to do.
pub(crate) fn of(submission: &Submission, n_cells: usize) -> Vec<Group<'_>> {
    let tests = &submission.tests;
    let is_joint = submission.isolation == Isolation::Pooled
        && tests
            .iter()
            .all(|test| matches!(test, Test::Python { code } if !code.contains('\0')));
    let n_cells = if submission.stop_on_first_failure {
        1
    } else {
        n_cells
    };
    let n_together = if is_joint {
        tests.len().div_ceil(n_cells.max(1)).clamp(1, MOST)
    } else {
        1
    };
    let groups = tests.chunks(n_together);
    groups.map(|tests| Group { tests, is_joint }).collect()
}

impl Group<'_> {
    pub(crate) fn tests(&self) -> &[Test] {
        self.tests
    }

    /// All tests as one, if they may be and there are several.
    pub(crate) fn joint(&self) -> Option<Test> {
        if !self.is_joint || self.tests.len() < 2 {
            return None;
        }
        let codes = self.tests.iter().filter_map(|test| match test {
            Test::Python { code } => Some(code.as_str()),
            _ => None,
        });
        Some(Test::Python {
            code: codes.collect::<Vec<_>>().join("\0"),
        })
    }
}
