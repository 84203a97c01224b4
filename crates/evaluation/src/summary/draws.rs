use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::stats::{Interval, bootstrap_mean, pass_at_k};
use crate::{Ending, ProblemResult};

/// The numbers of draws for which pass@k is reported, as far as there are as many.
const KS: [usize; 9] = [1, 2, 3, 5, 10, 20, 50, 100, 200];

/// The share of problems that `k` draws solve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PassAtK {
    /// Draws.
    pub k: usize,
    /// Problems with at least as many decided results; the others take no part.
    pub n_problems: usize,
    /// The mean of the unbiased estimates.
    pub share: f64,
    /// Its bootstrap interval at 95 %, over problems.
    pub interval: Interval,
}

/// pass@k of problems with several results each; empty where every problem has one.
pub(super) fn pass_at(results: &[ProblemResult]) -> Vec<PassAtK> {
    let mut problems: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for result in results.iter().filter(|result| result.ending.is_decided()) {
        let (n, n_solved) = problems.entry(&result.id).or_default();
        *n += 1;
        *n_solved += usize::from(result.ending == Ending::Solved);
    }
    let most = problems.values().map(|(n, _)| *n).max().unwrap_or(0);
    if most < 2 {
        return Vec::new();
    }
    let mut ks: Vec<usize> = KS.into_iter().filter(|k| *k < most).collect();
    ks.push(most);
    let at = |k: usize| {
        let shares: Vec<f64> = problems
            .values()
            .filter(|(n, _)| *n >= k)
            .map(|(n, n_solved)| pass_at_k(*n, *n_solved, k))
            .collect();
        let interval = bootstrap_mean(&shares)?;
        Some(PassAtK {
            k,
            n_problems: shares.len(),
            share: shares.iter().sum::<f64>() / shares.len() as f64,
            interval,
        })
    };
    ks.into_iter().filter_map(at).collect()
}
