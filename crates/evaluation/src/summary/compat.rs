use domain::Harness;
use serde::{Deserialize, Serialize};

use crate::stats::{Interval, wilson};
use crate::{Ending, ProblemResult};

/// The score that a published harness would give to the same outputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompatScore {
    /// Whose rule for comparing outputs it is.
    pub harness: Harness,
    /// Decided results that count as solved by it.
    pub n_solved: usize,
    /// Wilson's interval of their share at 95 %.
    pub interval: Interval,
    /// Of these, results that count as failed by our rules.
    pub n_only_there: usize,
    /// Results that count as solved by our rules alone.
    pub n_only_here: usize,
}

/// The scores by harnesses that decide otherwise on some result.
pub(super) fn scores(results: &[ProblemResult]) -> Vec<CompatScore> {
    let decided: Vec<&ProblemResult> = results
        .iter()
        .filter(|result| result.ending.is_decided())
        .collect();
    let n_solved = count(&decided, |result| result.ending == Ending::Solved);
    let score = |harness| {
        let of = |ending| {
            count(&decided, |result| {
                let scoring = result.scoring.as_ref();
                result.ending == ending
                    && scoring.is_some_and(|scoring| scoring.otherwise.contains(&harness))
            })
        };
        let (n_only_there, n_only_here) = (of(Ending::Failed), of(Ending::Solved));
        let n_solved = n_solved + n_only_there - n_only_here;
        (n_only_there + n_only_here > 0).then(|| CompatScore {
            harness,
            n_solved,
            interval: wilson(n_solved, decided.len()),
            n_only_there,
            n_only_here,
        })
    };
    Harness::ALL.into_iter().filter_map(score).collect()
}

fn count(results: &[&ProblemResult], wanted: impl Fn(&ProblemResult) -> bool) -> usize {
    results.iter().filter(|result| wanted(result)).count()
}
