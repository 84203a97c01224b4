use proptest::prelude::*;

use super::{Sampler, SamplerSettings};

const PLAIN: SamplerSettings = SamplerSettings {
    temperature: 1.0,
    top_k: 0,
    top_p: 1.0,
    min_p: 0.0,
    seed: 1,
};

fn draws(settings: SamplerSettings, logits: &[f32], n: usize) -> Vec<u32> {
    let mut sampler = Sampler::new(settings);
    (0..n).map(|_| sampler.sample(logits)).collect()
}

/// The tokens that come up in many draws.
fn support(settings: SamplerSettings, logits: &[f32]) -> Vec<u32> {
    let mut tokens = draws(settings, logits, 4_000);
    tokens.sort_unstable();
    tokens.dedup();
    tokens
}

/// Logits of the probabilities 0.5, 0.25, 0.15, 0.1, spread over the vocabulary.
fn four() -> Vec<f32> {
    let mut logits = vec![-1e9; 1000];
    for (token, p) in [(900, 0.5f32), (3, 0.25), (77, 0.15), (500, 0.1)] {
        logits[token] = p.ln();
    }
    logits
}

#[test]
fn greedy_takes_the_largest_and_the_first_of_equals() {
    let greedy = SamplerSettings {
        temperature: 0.0,
        ..PLAIN
    };
    assert_eq!(draws(greedy, &four(), 3), [900; 3]);
    assert_eq!(draws(greedy, &[1.0, 2.0, 2.0], 1), [1]);
    assert_eq!(draws(greedy, &[f32::NAN, 0.0, 1.0, f32::NAN], 1), [2]);
}

#[test]
fn frequencies_follow_probabilities() {
    let drawn = draws(PLAIN, &four(), 20_000);
    for (token, p) in [(900, 0.5), (3, 0.25), (77, 0.15), (500, 0.1)] {
        let share = drawn.iter().filter(|&&t| t == token).count() as f64 / 20_000.0;
        assert!((share - p).abs() < 0.02, "{token}: {share}");
    }
}

#[test]
fn each_limit_keeps_what_it_should() {
    let all = [3, 77, 500, 900];
    assert_eq!(support(PLAIN, &four()), all);
    assert_eq!(
        support(SamplerSettings { top_k: 2, ..PLAIN }, &four()),
        [3, 900]
    );
    assert_eq!(
        support(
            SamplerSettings {
                top_p: 0.5,
                ..PLAIN
            },
            &four()
        ),
        [900]
    );
    assert_eq!(
        support(
            SamplerSettings {
                top_p: 0.76,
                ..PLAIN
            },
            &four()
        ),
        [3, 77, 900]
    );
    assert_eq!(
        support(
            SamplerSettings {
                min_p: 0.45,
                ..PLAIN
            },
            &four()
        ),
        [3, 900]
    );
    assert_eq!(
        support(
            SamplerSettings {
                min_p: 1.0,
                ..PLAIN
            },
            &four()
        ),
        [900]
    );
    // At a high temperature the four are nearly equal, so that two of them reach less than 0.76.
    let hot = SamplerSettings {
        temperature: 100.0,
        top_k: 4,
        top_p: 0.76,
        ..PLAIN
    };
    assert_eq!(support(hot, &four()), all);
}

#[test]
fn a_seed_fixes_the_draws() {
    assert_eq!(draws(PLAIN, &four(), 50), draws(PLAIN, &four(), 50));
    assert_ne!(
        draws(PLAIN, &four(), 50),
        draws(SamplerSettings { seed: 2, ..PLAIN }, &four(), 50)
    );
}

proptest! {
    /// The k most probable, found without sorting the vocabulary, are those that sorting finds.
    #[test]
    fn top_k_is_exact(
        logits in proptest::collection::vec(-5i8..5, 1..300),
        k in 1usize..40,
        seed in any::<u64>(),
    ) {
        let logits: Vec<f32> = logits.into_iter().map(f32::from).collect();
        let mut ranked: Vec<usize> = (0..logits.len()).collect();
        ranked.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
        ranked.truncate(k);
        let settings = SamplerSettings { temperature: 50.0, top_k: k, seed, ..PLAIN };
        for token in draws(settings, &logits, 20) {
            prop_assert!(ranked.contains(&(token as usize)));
        }
    }

    #[test]
    fn any_logits_give_a_token(
        logits in proptest::collection::vec(any::<f32>(), 1..50),
        temperature in any::<f32>(),
        top_p in any::<f32>(),
        min_p in any::<f32>(),
        top_k in 0usize..60,
    ) {
        let settings = SamplerSettings { temperature, top_k, top_p, min_p, seed: 3 };
        prop_assert!((draws(settings, &logits, 1)[0] as usize) < logits.len());
    }
}
