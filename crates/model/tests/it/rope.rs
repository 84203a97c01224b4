//! How GGUF files say that positions are stretched.

use model::{Decoder, Gguf, Layout, LoadOptions, ModelError, Source as _, rope_frequencies};

use crate::decoder::run;
use crate::support::{Entry, tiny_with};

const KIND: &str = "qwen2.rope.scaling.type";
const FACTOR: &str = "qwen2.rope.scaling.factor";
const FREQUENCIES: &str = "rope_freqs.weight";

fn load(gguf: &Gguf) -> Result<Decoder, ModelError> {
    let options = LoadOptions {
        n_threads: 1,
        layout: Layout::Float,
    };
    Decoder::load(gguf, &options)
}

fn scaled(kind: &str, factor: f32) -> Gguf {
    let entries = [(KIND, Entry::Text(kind)), (FACTOR, Entry::Real(factor))];
    tiny_with(&entries, None)
}

fn with_factors(factors: &[f32]) -> Gguf {
    tiny_with(&[], Some((FREQUENCIES, factors)))
}

fn frequencies(gguf: &Gguf) -> Vec<f64> {
    rope_frequencies(gguf, &gguf.config().unwrap()).unwrap()
}

fn logits(gguf: &Gguf) -> Vec<Vec<f32>> {
    let tokens: Vec<u32> = (40..80).collect();
    run(&mut load(gguf).unwrap(), &tokens, 1, 64)
}

/// Linear scaling divides all frequencies; the vector of the file divides each by its own factor.
#[test]
fn frequencies_are_divided_as_the_file_says() {
    let plain = frequencies(&tiny_with(&[], None));
    assert_eq!(plain.len(), 8);
    let quarter: Vec<f64> = plain.iter().map(|x| x / 4.0).collect();
    assert_eq!(frequencies(&scaled("linear", 4.0)), quarter);
    assert_eq!(frequencies(&scaled("none", 4.0)), plain);
    let old_key = [("qwen2.rope.scale_linear", Entry::Real(4.0))];
    assert_eq!(frequencies(&tiny_with(&old_key, None)), quarter);
    let factors = [1.0, 1.0, 1.5, 2.0, 3.0, 4.0, 8.0, 8.0];
    let divided = plain
        .iter()
        .zip(factors)
        .map(|(x, factor)| x / f64::from(factor));
    assert_eq!(
        frequencies(&with_factors(&factors)),
        divided.collect::<Vec<f64>>()
    );
}

#[test]
fn what_is_stretched_is_what_the_decoder_turns_by() {
    let plain = logits(&tiny_with(&[], None));
    let linear = logits(&scaled("linear", 4.0));
    assert_ne!(linear, plain);
    assert_eq!(logits(&with_factors(&[4.0; 8])), linear);
    assert_eq!(logits(&with_factors(&[1.0; 8])), plain);
    // Frequencies of the long waves alone.
    let long = logits(&with_factors(&[1.0, 1.0, 1.0, 1.0, 4.0, 4.0, 4.0, 4.0]));
    assert!(long != plain && long != linear);
}

#[test]
fn what_cannot_be_stretched_is_refused() {
    let error = |gguf: &Gguf| load(gguf).err().unwrap().to_string();
    for kind in ["yarn", "longrope"] {
        assert_eq!(
            error(&scaled(kind, 4.0)),
            format!("load the model: rope scaling `{kind}` is not supported")
        );
    }
    for factor in [0.0, -2.0] {
        assert_eq!(
            error(&scaled("linear", factor)),
            "load the model: rope base, rope scaling or norm epsilon below zero is not supported"
        );
        let mut factors = [1.0; 8];
        factors[3] = factor;
        assert_eq!(
            error(&with_factors(&factors)),
            "load the model: tensor `rope_freqs.weight` is unusable: a factor is not above zero"
        );
    }
    for factor in [f32::NAN, f32::INFINITY] {
        assert_eq!(
            error(&scaled("linear", factor)),
            "read the model: `qwen2.rope.scaling.factor` is not a finite real number"
        );
        assert_eq!(
            error(&with_factors(&[factor; 8])),
            "load the model: tensor `rope_freqs.weight` is unusable: a number is infinite or undefined"
        );
    }
    assert_eq!(
        error(&with_factors(&[1.0; 7])),
        "load the model: tensor `rope_freqs.weight` has shape (1, 7) instead of (1, 8)"
    );
}
