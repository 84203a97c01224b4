use std::fmt;

use domain::Harness;
use serde::Serialize;

use super::Rejudged;

/// Why our word on an answer differs from what was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// The recording judge could not use the problem's tests.
    Erratum {
        /// What is wrong with them.
        what: &'static str,
    },
    /// It is as recorded on top of the other answers of its file: the recording harness ran them in one namespace.
    OneNamespace,
    /// It is as recorded where `sum` is not Python's but a function of an answer to MBPP's problem 126, which asks for
    /// one of that name: the recording harness had run those in its namespace before.
    ForeignSum,
    /// It is as recorded by the rules of a published harness, whose comparison accepts other outputs than ours.
    Comparison {
        /// Which one.
        harness: Harness,
    },
    /// None that is known here: what the judge says.
    Unexplained {
        /// The verdict and its message.
        said: String,
    },
}

impl Reason {
    /// The same without what the judge says of the one answer, so that equal reasons can be counted.
    pub fn kind(&self) -> String {
        match self {
            Reason::Unexplained { .. } => "not explained: the judge's own words".to_string(),
            known => known.to_string(),
        }
    }

    /// The reason for a difference; `leaked` says whether the answer is right in one namespace with the others,
    /// and `without_sum` whether it is where `sum` is another function than Python's.
    pub(super) fn of(
        rejudged: &Rejudged,
        leaked: Option<bool>,
        without_sum: Option<bool>,
    ) -> Reason {
        if let [what, ..] = rejudged.errata[..]
            && rejudged.recorded == Some(false)
        {
            return Reason::Erratum { what };
        }
        if leaked.is_some_and(|accepted| !rejudged.contradicts(accepted)) {
            return Reason::OneNamespace;
        }
        if without_sum.is_some_and(|accepted| !rejudged.contradicts(accepted)) {
            return Reason::ForeignSum;
        }
        let as_recorded = rejudged
            .compat
            .iter()
            .find(|(_, said)| !rejudged.contradicts(said.is_accepted()));
        if let Some((harness, _)) = as_recorded {
            return Reason::Comparison { harness: *harness };
        }
        let strict = &rejudged.strict;
        Reason::Unexplained {
            said: format!("{}: {}", strict.verdict, strict.message)
                .trim_end_matches([':', ' '])
                .to_string(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Erratum { what } => f.write_str(what),
            Reason::OneNamespace => f.write_str(
                "as recorded in one namespace with the other answers of its file, which the recording harness used",
            ),
            Reason::ForeignSum => f.write_str(
                "as recorded where `sum` is the function that MBPP's problem 126 asks for, left in the recording \
                 harness's namespace",
            ),
            Reason::Comparison { harness } => {
                write!(f, "as recorded by the rules of {}", harness.name())
            }
            Reason::Unexplained { said } => write!(f, "judged here: {said}"),
        }
    }
}
