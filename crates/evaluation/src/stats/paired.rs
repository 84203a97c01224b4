use super::Z_95;
use crate::stats::random::Random;

/// Up to this many differences that are not 0, every assignment of signs is tried.
const EXACT: usize = 20;
/// Beyond, this many random ones.
const FLIPS: usize = 100_000;
/// The z value of a power of 80 %.
const Z_POWER: f64 = 0.841_621_233_572_914;

/// The two-sided p-value of the sign-flip permutation test (Fisher, 1935) on paired differences, such as those of two
/// strategies' pass@k on the same problems: how often the sum is at least as far from 0 when each difference could as
/// well have the other sign. It is exact up to twenty differences that are not 0, else it is estimated from
/// 100,000 draws, always by the same random numbers, and never 0.
pub fn permutation(differences: &[f64]) -> f64 {
    let sizes: Vec<f64> = differences
        .iter()
        .map(|difference| difference.abs())
        .filter(|size| *size > 0.0)
        .collect();
    // Sums of the same numbers in another order may differ in their last digits.
    let least = differences.iter().sum::<f64>().abs() - 1e-9;
    if sizes.len() <= EXACT {
        let n_all = 1_u64 << sizes.len();
        let is_far = |signs: &u64| {
            let sum: f64 = sizes
                .iter()
                .enumerate()
                .map(|(at, size)| if signs >> at & 1 == 1 { *size } else { -size })
                .sum();
            sum.abs() >= least
        };
        return (0..n_all).filter(is_far).count() as f64 / n_all as f64;
    }
    let mut random = Random::new(0);
    let mut n_far = 0;
    for _ in 0..FLIPS {
        let mut bits = 0;
        let mut sum = 0.0;
        for (at, size) in sizes.iter().enumerate() {
            if at % 64 == 0 {
                bits = random.bits();
            }
            sum += if bits & 1 == 1 { *size } else { -size };
            bits >>= 1;
        }
        n_far += usize::from(sum.abs() >= least);
    }
    (n_far + 1) as f64 / (FLIPS + 1) as f64
}

/// The p-values of several tests, adjusted so that the chance of any false alarm among them stays as it is for one
/// (Holm, 1979), in the order in which they came.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let n = p_values.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut adjusted = vec![0.0; n];
    let mut highest = 0.0_f64;
    for (rank, at) in order.into_iter().enumerate() {
        highest = highest.max(p_values[at] * (n - rank) as f64).min(1.0);
        adjusted[at] = highest;
    }
    adjusted
}

/// The smallest difference of two solve rates that McNemar's test on `n` problems finds at the 5 % level in four cases of
/// five, when the share `discordant` of the problems is solved by one side alone (Connor, 1987: the normal approximation
/// of the test's power). Absent when not even the largest difference that this share allows is found that often.
pub fn smallest_difference(n: usize, discordant: f64) -> Option<f64> {
    let power = |difference: f64| {
        let spread = (discordant - difference * difference).max(0.0).sqrt();
        difference * (n as f64).sqrt() - Z_95 * discordant.sqrt() - Z_POWER * spread
    };
    if n == 0 || discordant <= 0.0 || power(discordant) < 0.0 {
        return None;
    }
    let (mut low, mut high) = (0.0, discordant);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if power(middle) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(high)
}
