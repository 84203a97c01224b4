use domain::Rung;

use crate::checkers;

/// Why a submission could not be judged. None of these says anything about the program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JudgeError {
    /// No sandbox of the required strength can be built here.
    #[error("no sandbox of rung `{required}` or stronger works here: {reason}")]
    NoSandbox {
        /// The weakest rung that the settings accept.
        required: Rung,
        /// What each rung failed at.
        reason: String,
    },
    /// This combination of program and tests makes no sense.
    #[error("unsupported submission: {0}")]
    Unsupported(&'static str),
    /// A name that is none of testlib's standard checkers.
    #[error("unknown checker `{0}`: expected one of {names}", names = checkers::standard_names())]
    UnknownChecker(String),
    /// A checker could not work with the test, or broke; says nothing about the program.
    #[error("the checker failed: {0}")]
    Checker(String),
    /// A cell broke twice in a row.
    #[error("the sandbox failed twice: {0}")]
    Fault(String),
    /// The judge is shutting down.
    #[error("the judge is shutting down")]
    Closed,
}

/// Why a job was not done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A cell broke; another may do it.
    Cell(String),
    /// The checker cannot work with the test; it will not the second time either.
    Checker(String),
}

impl From<String> for Failure {
    fn from(error: String) -> Failure {
        Failure::Cell(error)
    }
}
