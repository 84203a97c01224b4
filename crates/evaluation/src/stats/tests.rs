use proptest::prelude::*;

use super::*;

fn near(actual: f64, expected: f64) {
    assert!(
        (actual - expected).abs() < 5e-5,
        "{actual} is not {expected}"
    );
}

/// The first four rows are Newcombe's (1998, table I, method 3), the others are the formula worked out apart.
#[test]
fn wilson_intervals_as_published() {
    for (k, n, low, high) in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
        (5, 164, 0.0131, 0.0694),
    ] {
        let interval = wilson(k, n);
        near(interval.low, low);
        near(interval.high, high);
    }
    assert_eq!(
        wilson(0, 0),
        Interval {
            low: 0.0,
            high: 1.0
        }
    );
}

#[test]
fn pass_at_k_in_closed_form() {
    near(pass_at_k(1, 1, 1), 1.0);
    near(pass_at_k(10, 3, 1), 0.3);
    near(pass_at_k(10, 0, 10), 0.0);
    // 1 - C(7, 5) / C(10, 5)
    near(pass_at_k(10, 3, 5), 1.0 - 21.0 / 252.0);
    // 1 - C(195, 100) / C(200, 100), from `math.comb`.
    near(pass_at_k(200, 5, 100), 0.970_308);
    near(pass_at_k(5, 3, 3), 1.0);
}

#[test]
fn mcnemar_in_closed_form() {
    near(mcnemar_exact(0, 0), 1.0);
    near(mcnemar_exact(5, 5), 1.0);
    // 2 · 0.5⁶
    near(mcnemar_exact(0, 6), 0.03125);
    // 2 · (1 + 10 + 45) / 1024
    near(mcnemar_exact(2, 8), 112.0 / 1024.0);
    // The sum of C(40, 0) to C(40, 12), doubled, over 2⁴⁰
    near(mcnemar_exact(12, 28), 0.016_589);
    let large = mcnemar_exact(4900, 5100);
    assert!((0.04..0.05).contains(&large), "{large}");
}

#[test]
fn percentiles_as_in_numpy() {
    assert_eq!(percentile(&[], 0.5), None);
    assert_eq!(percentile(&[7.0], 0.95), Some(7.0));
    assert_eq!(percentile(&[4.0, 1.0, 3.0, 2.0], 0.5), Some(2.5));
    near(percentile(&[1.0, 2.0, 3.0, 4.0], 0.95).unwrap(), 3.85);
}

proptest! {
    #[test]
    fn a_wilson_interval_holds_the_share_and_narrows(k in 0..500usize, more in 0..500usize) {
        let n = k + more;
        let interval = wilson(k, n);
        prop_assert!(0.0 <= interval.low && interval.high <= 1.0);
        if n > 0 {
            let share = k as f64 / n as f64;
            prop_assert!(interval.low <= share && share <= interval.high);
            let mirrored = wilson(n - k, n);
            prop_assert!((mirrored.low - (1.0 - interval.high)).abs() < 1e-12);
            let finer = wilson(4 * k, 4 * n);
            prop_assert!(finer.high - finer.low <= interval.high - interval.low);
        }
    }

    #[test]
    fn pass_at_k_is_the_share_of_draws_that_hit(n in 1..9usize, c in 0..9usize, k in 1..9usize) {
        prop_assume!(c <= n && k <= n);
        let draws: Vec<u32> = (0..1u32 << n).filter(|draw| draw.count_ones() as usize == k).collect();
        let hits = draws.iter().filter(|draw| *draw & ((1 << c) - 1) != 0).count();
        prop_assert!((pass_at_k(n, c, k) - hits as f64 / draws.len() as f64).abs() < 1e-12);
    }

    #[test]
    fn mcnemar_is_symmetric_and_a_probability(a in 0..300usize, b in 0..300usize) {
        let p = mcnemar_exact(a, b);
        prop_assert!((0.0..=1.0).contains(&p));
        prop_assert_eq!(p, mcnemar_exact(b, a));
        prop_assert!(mcnemar_exact(a, a + b + 1) >= mcnemar_exact(a, a + b + 2));
    }

    #[test]
    fn percentiles_grow_and_stay_inside(values in proptest::collection::vec(-1e6..1e6f64, 1..30), q in 0.0..=1.0f64) {
        let at = |q| percentile(&values, q).unwrap();
        prop_assert!(at(0.0) <= at(q) && at(q) <= at(1.0));
        prop_assert_eq!(at(0.0), values.iter().copied().fold(f64::INFINITY, f64::min));
    }
}
