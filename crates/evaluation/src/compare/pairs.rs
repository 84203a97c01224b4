use std::collections::BTreeMap;

use domain::Program;

use crate::{Ending, ProblemResult};

/// A run as it is compared: what became of each problem.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// What it is called.
    pub name: String,
    /// By id.
    pub problems: BTreeMap<String, SideProblem>,
}

/// What became of one problem, in one run or in several with other seeds.
#[derive(Debug, Clone, PartialEq)]
pub struct SideProblem {
    /// Runs in which it was solved or failed.
    pub n_decided: usize,
    /// Runs in which it was solved.
    pub n_solved: usize,
    /// How it ended in the first of them, in words.
    pub ending: String,
    /// The program of the first of them, if there is one.
    pub program: Option<Program>,
}

impl Side {
    /// A side from the results of one run, or of several that differ in their seeds.
    pub fn new<'a>(
        name: impl Into<String>,
        results: impl IntoIterator<Item = &'a ProblemResult>,
    ) -> Side {
        let mut problems: BTreeMap<String, SideProblem> = BTreeMap::new();
        for result in results {
            let problem = problems
                .entry(result.id.clone())
                .or_insert_with(|| SideProblem {
                    n_decided: 0,
                    n_solved: 0,
                    ending: ending(result),
                    program: result
                        .outcome
                        .best
                        .as_ref()
                        .map(|best| best.program.clone()),
                });
            problem.n_decided += usize::from(result.ending.is_decided());
            problem.n_solved += usize::from(result.ending == Ending::Solved);
        }
        Side {
            name: name.into(),
            problems,
        }
    }
}

fn ending(result: &ProblemResult) -> String {
    match &result.scoring {
        Some(scoring) if result.ending == Ending::Failed => {
            format!("{}: {}", result.ending, scoring.verdict)
        }
        None if result.ending == Ending::Failed && result.outcome.n_samples > 0 => {
            format!("{}: {}", result.ending, result.outcome.status.title())
        }
        _ => result.ending.to_string(),
    }
}
