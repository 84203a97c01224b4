//! Two runs on the same problems: does one really solve more?

mod pairs;
mod show;

use serde::Serialize;

pub use pairs::{Side, SideProblem};
pub use show::{render_comparisons, side_by_side};

use crate::stats::{
    Interval, bootstrap_mean, holm, mcnemar_exact, pass_at_k, permutation, smallest_difference,
};

/// The schema of [`comparison_line`].
pub const COMPARISON_SCHEMA: &str = "mapcoder.compare/1";

/// The level of significance.
pub const LEVEL: f64 = 0.05;

/// How a run stands to another on the problems that both decided.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The one that is compared with.
    pub first: String,
    /// The one that is compared.
    pub second: String,
    /// Programs drawn for each problem in pass@k; 1 for the share of programs that are right.
    pub k: usize,
    /// Problems that both decided.
    pub n: usize,
    /// Problems that only one of them has, or that one of them did not decide; they take no part.
    pub n_left_out: usize,
    /// pass@k of the first, over these problems.
    pub first_rate: f64,
    /// pass@k of the second.
    pub second_rate: f64,
    /// The second's less the first's.
    pub difference: f64,
    /// Its bootstrap interval at 95 %, over problems; absent without problems.
    pub interval: Option<Interval>,
    /// Problems on which the second is better.
    pub n_won: usize,
    /// Problems on which the second is worse.
    pub n_lost: usize,
    /// How the p-value was found.
    pub test: PairedTest,
    /// Two-sided.
    pub p_value: f64,
    /// The same, adjusted for several comparisons by Holm.
    pub p_adjusted: f64,
    /// The smallest difference that this many problems would show in four cases of five, when the two differ on as many
    /// problems as here; absent where none would be.
    pub smallest_difference: Option<f64>,
    /// The problems on which they differ, losses first.
    pub flips: Vec<Flip>,
}

/// A test of paired results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PairedTest {
    /// McNemar's, exactly: for one program a problem.
    McNemar,
    /// The sign-flip permutation test: for several.
    Permutation,
}

/// A problem on which two runs differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flip {
    /// The problem.
    pub id: String,
    /// pass@k of the first.
    pub first: f64,
    /// pass@k of the second.
    pub second: f64,
    /// How it ended there, in words.
    pub first_ending: String,
    /// How it ended here.
    pub second_ending: String,
}

impl Comparison {
    /// True when the two differ at the 5 % level.
    pub fn is_significant(&self) -> bool {
        self.p_adjusted < LEVEL
    }

    /// True when the second is worse at the 5 % level.
    pub fn is_loss(&self) -> bool {
        self.is_significant() && self.difference < 0.0
    }
}

/// Compares runs with a first one, on the problems that each pair decided with at least `k` programs.
pub fn compare(first: &Side, others: &[Side], k: usize) -> Vec<Comparison> {
    let mut comparisons: Vec<Comparison> = others
        .iter()
        .map(|second| compare_two(first, second, k))
        .collect();
    let p_values: Vec<f64> = comparisons.iter().map(|one| one.p_value).collect();
    for (comparison, adjusted) in comparisons.iter_mut().zip(holm(&p_values)) {
        comparison.p_adjusted = adjusted;
    }
    comparisons
}

fn compare_two(first: &Side, second: &Side, k: usize) -> Comparison {
    let is_enough = |problem: &&SideProblem| problem.n_decided >= k;
    let pairs: Vec<(&str, &SideProblem, &SideProblem)> = first
        .problems
        .iter()
        .filter_map(|(id, one)| {
            let other = second.problems.get(id).filter(is_enough)?;
            is_enough(&one).then_some((id.as_str(), one, other))
        })
        .collect();
    let n = pairs.len();
    let n_all = first
        .problems
        .keys()
        .chain(second.problems.keys())
        .collect::<std::collections::BTreeSet<_>>()
        .len();
    let rate = |problem: &SideProblem| pass_at_k(problem.n_decided, problem.n_solved, k);
    let differences: Vec<f64> = pairs
        .iter()
        .map(|(_, one, other)| rate(other) - rate(one))
        .collect();
    let mean = |sum: f64| if n == 0 { 0.0 } else { sum / n as f64 };
    let n_won = differences.iter().filter(|one| **one > 0.0).count();
    let n_lost = differences.iter().filter(|one| **one < 0.0).count();
    let is_single = pairs
        .iter()
        .all(|(_, one, other)| one.n_decided == 1 && other.n_decided == 1);
    let (test, p_value) = if is_single {
        (PairedTest::McNemar, mcnemar_exact(n_lost, n_won))
    } else {
        (PairedTest::Permutation, permutation(&differences))
    };
    let mut flips: Vec<(f64, Flip)> = pairs
        .iter()
        .zip(&differences)
        .filter(|(_, difference)| **difference != 0.0)
        .map(|((id, one, other), difference)| {
            let flip = Flip {
                id: id.to_string(),
                first: rate(one),
                second: rate(other),
                first_ending: one.ending.clone(),
                second_ending: other.ending.clone(),
            };
            (*difference, flip)
        })
        .collect();
    flips.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    Comparison {
        first: first.name.clone(),
        second: second.name.clone(),
        k,
        n,
        n_left_out: n_all - n,
        first_rate: mean(pairs.iter().map(|(_, one, _)| rate(one)).sum()),
        second_rate: mean(pairs.iter().map(|(_, _, other)| rate(other)).sum()),
        difference: mean(differences.iter().sum()),
        interval: bootstrap_mean(&differences),
        n_won,
        n_lost,
        test,
        p_value,
        p_adjusted: p_value,
        smallest_difference: smallest_difference(n, mean((n_won + n_lost) as f64)),
        flips: flips.into_iter().map(|(_, flip)| flip).collect(),
    }
}

/// A comparison as one line of JSON without a line end: `schema`, then the fields of [`Comparison`].
///
/// # Panics
/// Never: it has a JSON form.
pub fn comparison_line(comparison: &Comparison) -> String {
    crate::json::line(COMPARISON_SCHEMA, comparison)
}

#[cfg(test)]
mod tests;
