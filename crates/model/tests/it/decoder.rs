use model::{Batch, Decoder, Gguf, KvCache, Layout, LoadOptions, PAGE_TOKENS, Row, Tokenizer};
use proptest::prelude::*;
use serde::Deserialize;

use crate::support::{default_model, json, open, reference, tiny_bytes};

fn load(gguf: &Gguf, layout: Layout) -> Decoder {
    let options = LoadOptions {
        n_threads: 2,
        layout,
    };
    Decoder::load(gguf, &options).unwrap()
}

/// Logits after each of the last `n_wanted` tokens, computed in chunks.
pub(crate) fn run(
    decoder: &mut Decoder,
    tokens: &[u32],
    n_wanted: usize,
    chunk: usize,
) -> Vec<Vec<f32>> {
    let pages: Vec<u32> = (0..tokens.len().div_ceil(PAGE_TOKENS) as u32)
        .rev()
        .collect();
    let mut cache = KvCache::new(decoder.config(), pages.len());
    let rows: Vec<Row> = tokens
        .iter()
        .enumerate()
        .map(|(position, &token)| Row {
            token,
            sequence: 0,
            adapter: None,
            position,
            wants_logits: position + n_wanted >= tokens.len(),
        })
        .collect();
    let mut logits = Vec::new();
    for rows in rows.chunks(chunk) {
        let batch = Batch {
            rows,
            pages: &[&pages],
            adapters: &[],
        };
        logits.extend(
            decoder
                .forward(&mut cache, batch)
                .rows()
                .map(<[f32]>::to_vec),
        );
    }
    logits
}

pub(crate) fn best(logits: &[f32]) -> u32 {
    (0u32..)
        .zip(logits)
        .max_by(|a, b| a.1.total_cmp(b.1))
        .unwrap()
        .0
}

#[derive(Deserialize)]
struct Tiny {
    tokens: Vec<u32>,
    logits: Vec<Vec<f32>>,
}

/// Biases, the other way to turn, a head of its own and five more formats.
#[test]
fn a_qwen2_model_agrees_with_the_reference() {
    let gguf = open(&tiny_bytes()).unwrap();
    let tiny: Tiny = json("tiny.json");
    for (layout, tolerance) in [(Layout::Float, 5e-3), (Layout::Packed, 0.15)] {
        let mut decoder = load(&gguf, layout);
        let logits = run(&mut decoder, &tiny.tokens, tiny.tokens.len(), 7);
        let mut worst = 0.0f32;
        for (position, expected) in [0, 7, 39].into_iter().zip(&tiny.logits) {
            for (value, expected) in logits[position].iter().step_by(37).zip(expected) {
                worst = worst.max((value - expected).abs());
            }
        }
        println!("{layout:?}: largest error {worst}");
        assert!(worst < tolerance, "{layout:?}: {worst}");
    }
}

#[derive(Deserialize)]
struct Reference {
    cases: Vec<Case>,
    text_tokens: usize,
    text_loss: f64,
}

#[derive(Deserialize)]
struct Case {
    tokens: Vec<u32>,
    top: Vec<(usize, f32)>,
    probes: Vec<(usize, f32)>,
    greedy: Vec<u32>,
    gaps: Vec<f32>,
}

/// Root mean square over ten prompts of what remains when a shift of all logits, which means nothing, is removed.
fn logit_error(decoder: &mut Decoder, cases: &[Case]) -> f32 {
    let mut squares = 0.0;
    let mut n = 0;
    for case in cases {
        let logits = run(decoder, &case.tokens, 1, 64).remove(0);
        let errors: Vec<f32> = case
            .top
            .iter()
            .chain(&case.probes)
            .map(|&(token, expected)| logits[token] - expected)
            .collect();
        let shift = errors.iter().sum::<f32>() / errors.len() as f32;
        squares += errors.iter().map(|x| (x - shift).powi(2)).sum::<f32>();
        n += errors.len();
    }
    (squares / n as f32).sqrt()
}

#[test]
fn logits_agree_with_the_reference() {
    let Some(gguf) = default_model() else { return };
    let reference: Reference = json("logits.json");
    assert_eq!(reference.cases.len(), 10);
    for (layout, tolerance) in [(Layout::Float, 5e-3), (Layout::Packed, 0.25)] {
        let error = logit_error(&mut load(&gguf, layout), &reference.cases);
        println!("{layout:?}: error of logits {error}");
        assert!(error < tolerance, "{layout:?}: {error}");
    }
}

/// Greedy replies are those of the reference as long as the reference itself is sure.
#[test]
fn greedy_replies_agree_with_the_reference() {
    let Some(gguf) = default_model() else { return };
    let reference: Reference = json("logits.json");
    let mut decoder = load(&gguf, Layout::Packed);
    let mut n_compared = 0;
    for case in &reference.cases {
        let mut tokens = case.tokens.clone();
        for (&expected, &gap) in case.greedy.iter().zip(&case.gaps) {
            if gap < 0.5 {
                break;
            }
            let token = best(&run(&mut decoder, &tokens, 1, 64)[0]);
            assert_eq!(token, expected, "after {tokens:?}");
            tokens.push(token);
            n_compared += 1;
        }
    }
    println!("{n_compared} tokens compared");
    assert!(n_compared >= 30);
}

/// Mean loss over a text in windows, in nats per token.
fn text_loss(decoder: &mut Decoder, tokens: &[u32]) -> f64 {
    let mut losses = Vec::new();
    for window in tokens.chunks(512) {
        let logits = run(decoder, window, window.len(), 128);
        for (logits, &next) in logits.iter().zip(&window[1..]) {
            let largest = logits.iter().fold(f32::MIN, |a, &b| a.max(b));
            let sum: f64 = logits.iter().map(|&x| f64::from(x - largest).exp()).sum();
            losses.push(sum.ln() + f64::from(largest - logits[next as usize]));
        }
    }
    losses.iter().sum::<f64>() / losses.len() as f64
}

#[test]
fn packing_costs_less_than_half_a_percent_of_perplexity() {
    let Some(gguf) = default_model() else { return };
    let expected: Reference = json("logits.json");
    let text = std::fs::read_to_string(reference("text.txt")).unwrap();
    let tokens = Tokenizer::load(&gguf).unwrap().encode(&text).unwrap();
    assert_eq!(tokens.len(), expected.text_tokens);
    let loss = text_loss(&mut load(&gguf, Layout::Packed), &tokens);
    let ratio = (loss - expected.text_loss).exp();
    println!("perplexity {:.4}, {ratio:.5} of the reference", loss.exp());
    assert!((ratio - 1.0).abs() < 0.005, "{ratio}");
}

/// For each GGUF file of a folder, such as `llama-quantize` writes: packed weights beside the same file decoded to floats.
#[expect(
    clippy::disallowed_methods,
    reason = "tests find the files by the environment"
)]
#[test]
fn packing_any_format_costs_less_than_half_a_percent_of_perplexity() {
    let Some(folder) = std::env::var_os("MAPCODER_TEST_FORMATS") else {
        println!("skipped: MAPCODER_TEST_FORMATS names no folder of GGUF files");
        return;
    };
    let text = std::fs::read_to_string(reference("text.txt")).unwrap();
    let mut n_files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "gguf") {
            continue;
        }
        let gguf = Gguf::open(&path).unwrap();
        let tokens = Tokenizer::load(&gguf).unwrap().encode(&text).unwrap();
        let loss = |layout| text_loss(&mut load(&gguf, layout), &tokens);
        let (packed, float) = (loss(Layout::Packed), loss(Layout::Float));
        let ratio = (packed - float).exp();
        println!(
            "{}: perplexity {:.4}, {ratio:.5} of floats",
            path.display(),
            packed.exp()
        );
        assert!((ratio - 1.0).abs() < 0.005, "{}: {ratio}", path.display());
        n_files += 1;
    }
    assert!(n_files > 0, "the folder holds no GGUF file");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    /// A sequence's logits are the same bits alone or among others, however prompts are cut into chunks.
    #[test]
    fn a_sequence_does_not_feel_its_neighbours(
        lengths in proptest::collection::vec(1usize..90, 1..7),
        chunks in proptest::collection::vec(1usize..40, 12),
        seed in any::<u32>(),
    ) {
        let gguf = open(&tiny_bytes()).unwrap();
        let mut decoder = load(&gguf, Layout::Packed);
        let sequences: Vec<Vec<u32>> = lengths
            .iter()
            .enumerate()
            .map(|(s, &n)| (0..n as u32).map(|i| (seed ^ (s as u32 * 31 + i * 17)) % 600).collect())
            .collect();
        let alone: Vec<Vec<Vec<f32>>> = sequences
            .iter()
            .map(|tokens| run(&mut decoder, tokens, tokens.len(), tokens.len()))
            .collect();

        let mut cache = KvCache::new(decoder.config(), 3 * sequences.len());
        let tables: Vec<Vec<u32>> = (0..sequences.len() as u32).map(|s| vec![3 * s + 1, 3 * s, 3 * s + 2]).collect();
        let tables: Vec<&[u32]> = tables.iter().map(Vec::as_slice).collect();
        let mut done = vec![0; sequences.len()];
        let mut step = 0;
        while done.iter().zip(&sequences).any(|(&n, tokens)| n < tokens.len()) {
            let mut rows = Vec::new();
            for (sequence, tokens) in sequences.iter().enumerate() {
                let n = chunks[(step + sequence) % chunks.len()].min(tokens.len() - done[sequence]);
                let next = tokens.iter().enumerate().skip(done[sequence]).take(n);
                rows.extend(next.map(|(position, &token)| Row {
                    token,
                    sequence,
                    adapter: None,
                    position,
                    wants_logits: true,
                }));
                done[sequence] += n;
            }
            let logits = decoder.forward(&mut cache, Batch { rows: &rows, pages: &tables, adapters: &[] });
            for (row, logits) in rows.iter().zip(logits.rows()) {
                prop_assert!(logits == alone[row.sequence][row.position]);
            }
            step += 1;
        }
    }
}
