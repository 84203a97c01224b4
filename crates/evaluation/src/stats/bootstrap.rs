use super::{Interval, percentile};
use crate::stats::random::Random;

/// Resamples of an interval.
const RESAMPLES: usize = 10_000;

/// The percentile bootstrap interval (Efron, 1979) at 95 % of the mean of values that are one for each problem: problems
/// are drawn with replacement, 10,000 times, always by the same random numbers. Absent without values.
pub fn bootstrap_mean(values: &[f64]) -> Option<Interval> {
    bootstrap_with(values, RESAMPLES, 0)
}

pub(super) fn bootstrap_with(values: &[f64], resamples: usize, seed: u64) -> Option<Interval> {
    if values.is_empty() {
        return None;
    }
    let mut random = Random::new(seed);
    let n = values.len();
    let means: Vec<f64> = (0..resamples)
        .map(|_| (0..n).map(|_| values[random.below(n)]).sum::<f64>() / n as f64)
        .collect();
    Some(Interval {
        low: percentile(&means, 0.025)?,
        high: percentile(&means, 0.975)?,
    })
}
