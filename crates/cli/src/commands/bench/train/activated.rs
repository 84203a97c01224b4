use model::Config;
use trainer::Document;

use super::{Bench, Bounds, Figure, Peer, Row, made_up, rates};
use crate::commands::bench::quiet::Samples;

/// Examples that share a prompt.
const N_SHARED: usize = 4;

/// Epochs of a run unless its settings say otherwise.
const N_EPOCHS: f64 = 3.0;

/// Activated adapters beside ordinary ones on the same examples.
///
/// # Errors
/// When a sample cannot be taken.
pub(super) fn rows(bench: &mut Bench<'_, '_>, config: &Config) -> anyhow::Result<Vec<Row>> {
    let (n_examples, length) = (bench.plan.n_examples, bench.plan.length);
    let n_prompt = length - length / 4;
    // No round sees the prompts of another, since they would be remembered.
    let documents = |round: usize, n_prefix: usize, n_shared: usize| -> Vec<Document> {
        let example = |i: usize| {
            let mut tokens = made_up(config.n_vocab, round * n_examples + i / n_shared, length);
            let own = made_up(config.n_vocab, round * n_examples + i, length);
            tokens[n_prompt..].copy_from_slice(&own[n_prompt..]);
            Document {
                tokens,
                trained: (0..=length).map(|j| j > n_prompt).collect(),
                n_prefix,
            }
        };
        (0..n_examples).map(example).collect()
    };
    let [mut ordinary, mut first, mut later, mut shared] =
        std::array::from_fn(|_| Samples::default());
    (bench.step)(&documents(0, 0, 1));
    for round in 0..bench.plan.n_rounds {
        let own = documents(2 * round, n_prompt, 1);
        bench.time(&mut ordinary, &documents(2 * round, 0, 1))?;
        bench.time(&mut first, &own)?;
        bench.time(&mut later, &own)?;
        bench.time(&mut shared, &documents(2 * round + 1, n_prompt, N_SHARED))?;
    }
    let n_tokens = n_examples * length;
    let figures = [
        (
            "first epoch, own prompts",
            rates(n_tokens, &first, Some(&ordinary)),
        ),
        (
            "first epoch, 4 examples a prompt",
            rates(n_tokens, &shared, Some(&ordinary)),
        ),
        ("later epochs", rates(n_tokens, &later, Some(&ordinary))),
        (
            "run of 3 epochs, own prompts",
            run(n_tokens, &ordinary, &first, &later),
        ),
    ];
    let row = |(name, figure): (&str, _)| Row {
        name: format!("activated, {name}"),
        figure,
        unit: "tokens/s",
        bounds: Bounds::AtLeast(2.0, 3.0),
    };
    Ok(figures.into_iter().map(row).collect())
}

/// The rate over a whole run, whose first epoch alone reads prompts.
fn run(
    n_tokens: usize,
    ordinary: &Samples,
    first: &Samples,
    later: &Samples,
) -> Result<Figure, String> {
    let [ordinary, first_ms, later] = [ordinary, first, later].map(Samples::median);
    let (Some(ordinary), Some(first_ms), Some(later)) = (ordinary, first_ms, later) else {
        return Err("no round was measured".to_string());
    };
    let rate = |ms: f64| n_tokens as f64 / ms * 1e3;
    let ours = rate((first_ms + (N_EPOCHS - 1.0) * later) / N_EPOCHS);
    let median = rate(ordinary);
    Ok(Figure {
        peer: Some(Peer {
            median,
            ratio: ours / median,
        }),
        ..super::super::figure(first, ours)
    })
}
