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

#[test]
fn a_permutation_test_of_ones_is_mcnemar_s() {
    for (first, second) in [(0, 0), (1, 0), (6, 0), (3, 2), (9, 1), (10, 10)] {
        let mut differences = vec![0.0; 40];
        differences.extend(vec![1.0; first]);
        differences.extend(vec![-1.0; second]);
        let exact = mcnemar_exact(first, second);
        let p = permutation(&differences);
        assert!((p - exact).abs() < 1e-12, "{first}, {second}: {p}, {exact}");
    }
}

#[test]
fn a_permutation_test_beyond_twenty_differences_is_close_to_the_exact_one() {
    for (first, second) in [(20, 10), (15, 15), (30, 12)] {
        let mut differences = vec![1.0; first];
        differences.extend(vec![-1.0; second]);
        let exact = mcnemar_exact(first, second);
        // Four standard errors of 100,000 draws.
        let bound = 4.0 * (exact * (1.0 - exact) / 1e5).sqrt() + 2e-5;
        assert!((permutation(&differences) - exact).abs() < bound);
    }
}

#[test]
fn the_permutation_test_of_darwin_s_plants() {
    // Fisher (1935) tries all 32,768 signs of these fifteen differences in eighths of an inch, and counts 863 sums
    // that are as large as the observed one, on each side.
    let plants = [
        49.0, -67.0, 8.0, 16.0, 6.0, 23.0, 28.0, 41.0, 14.0, 29.0, 56.0, 24.0, 75.0, 60.0, -48.0,
    ];
    assert_eq!(permutation(&plants), 2.0 * 863.0 / 32_768.0);
}

#[test]
fn holm_adjusts_as_r_does() {
    // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
    let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
    for (found, expect) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
        assert!((found - expect).abs() < 1e-12, "{adjusted:?}");
    }
    assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
    assert_eq!(holm(&[]), [0.0; 0]);
}

#[test]
fn the_smallest_difference_is_found_in_four_cases_of_five() {
    use crate::stats::random::Random;
    let (n, discordant) = (400, 0.2);
    let difference = smallest_difference(n, discordant).unwrap();
    let share_first = f64::midpoint(discordant, difference);
    let mut random = Random::new(7);
    let mut n_found = 0;
    const RUNS: usize = 4000;
    for _ in 0..RUNS {
        let (mut first, mut second) = (0, 0);
        for _ in 0..n {
            let draw = random.below(1_000_000) as f64 / 1e6;
            if draw < share_first {
                first += 1;
            } else if draw < discordant {
                second += 1;
            }
        }
        n_found += usize::from(mcnemar_exact(first, second) < 0.05);
    }
    let power = n_found as f64 / RUNS as f64;
    // The exact test is a little more careful than the approximation.
    assert!((0.72..0.83).contains(&power), "{power}");
    assert_eq!(smallest_difference(5, 0.2), None);
    assert_eq!(smallest_difference(100, 0.0), None);
    assert!(smallest_difference(10_000, 0.2) < smallest_difference(400, 0.2));
}

#[test]
fn the_bootstrap_covers_the_mean_as_often_as_it_says() {
    use crate::stats::random::Random;
    let mut random = Random::new(11);
    const RUNS: usize = 600;
    let mut n_covered = 0;
    for run in 0..RUNS {
        // Shares of five samples each, whose mean is 0.5: five coins for each of eighty problems.
        let values: Vec<f64> = (0..80)
            .map(|_| (random.bits() & 31).count_ones() as f64 / 5.0)
            .collect();
        let interval = bootstrap::bootstrap_with(&values, 400, run as u64).unwrap();
        n_covered += usize::from(interval.low <= 0.5 && 0.5 <= interval.high);
    }
    let coverage = n_covered as f64 / RUNS as f64;
    assert!((0.91..0.98).contains(&coverage), "{coverage}");
    assert_eq!(bootstrap_mean(&[]), None);
    let certain = bootstrap_mean(&[1.0; 9]).unwrap();
    assert_eq!((certain.low, certain.high), (1.0, 1.0));
}
