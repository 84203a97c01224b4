//! Statistics of solved and unsolved problems. Values in, values out.

mod bootstrap;
mod paired;
pub(crate) mod random;

pub use bootstrap::bootstrap_mean;
pub use paired::{holm, permutation, smallest_difference};

/// The z value of a two-sided 95 % interval.
const Z_95: f64 = 1.959_963_984_540_054;

/// An interval of a share.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Interval {
    /// Lower end, from 0 to 1.
    pub low: f64,
    /// Upper end, from 0 to 1.
    pub high: f64,
}

/// The Wilson score interval (Wilson, 1927) at 95 % for `k` successes in `n` trials; 0 to 1 without trials.
///
/// # Panics
/// When `k` exceeds `n`.
pub fn wilson(k: usize, n: usize) -> Interval {
    assert!(k <= n, "{k} successes in {n} trials");
    if n == 0 {
        return Interval {
            low: 0.0,
            high: 1.0,
        };
    }
    let (k, n) = (k as f64, n as f64);
    let share = k / n;
    let z2 = Z_95 * Z_95;
    let centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z_95 / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    Interval {
        low: if k == 0.0 {
            0.0
        } else {
            (centre - half).max(0.0)
        },
        high: if k == n {
            1.0
        } else {
            (centre + half).min(1.0)
        },
    }
}

/// The unbiased estimate of pass@k (Chen et al., 2021) from `n` programs of which `c` are right.
///
/// # Panics
/// When `c` or `k` exceeds `n`.
pub fn pass_at_k(n: usize, c: usize, k: usize) -> f64 {
    assert!(c <= n && k <= n, "{c} right of {n}, {k} drawn");
    if n - c < k {
        return 1.0;
    }
    1.0 - (n - c + 1..=n)
        .map(|i| 1.0 - k as f64 / i as f64)
        .product::<f64>()
}

/// The two-sided p-value of the exact McNemar test: `only_first` problems were solved by the first alone,
/// `only_second` by the second alone. It is the binomial test of a fair coin on these, doubled and at most 1.
pub fn mcnemar_exact(only_first: usize, only_second: usize) -> f64 {
    let n = only_first + only_second;
    let fewer = only_first.min(only_second);
    // Sums of logarithms, since the binomial coefficients overflow from about a thousand on.
    let mut log_choose = 0.0_f64;
    let mut tail = 0.0_f64;
    for i in 0..=fewer {
        if i > 0 {
            log_choose += ((n - i + 1) as f64).ln() - (i as f64).ln();
        }
        tail += (log_choose - n as f64 * std::f64::consts::LN_2).exp();
    }
    (2.0 * tail).min(1.0)
}

/// The value below which the share `q` of the values lies, interpolated between neighbours
/// (type 7 of Hyndman and Fan, 1996, as in NumPy); absent without values.
///
/// # Panics
/// When `q` does not lie between 0 and 1.
pub fn percentile(values: &[f64], q: f64) -> Option<f64> {
    assert!((0.0..=1.0).contains(&q), "a share of {q}");
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let position = q * last as f64;
    let below = sorted[position.floor() as usize];
    let above = sorted[position.ceil() as usize];
    Some(below + (above - below) * position.fract())
}

#[cfg(test)]
mod tests;
