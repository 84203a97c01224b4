use std::path::Path;

use candle_core::{Device, Tensor};

use super::{Decoder, Turns};
use crate::decoder::{Batch, Row};
use crate::gguf::Gguf;
use crate::kernel::{Isa, rotate};

/// Heads of 16 numbers, of which so many pairs are turned, as the processor's kernel does.
#[test]
fn pairs_are_turned_as_on_the_processor() {
    let (n_rows, n_heads, head_dim) = (3, 2, 16);
    let numbers: Vec<f32> = (0..n_rows * n_heads * head_dim)
        .map(|i| (i as f32 * 0.37).sin())
        .collect();
    for (n_pairs, interleaved) in [(8, true), (8, false), (5, true), (5, false), (0, true)] {
        let turns: Vec<[f32; 2]> = (0..n_rows * n_pairs)
            .map(|i| [(i as f32).cos(), (i as f32).sin()])
            .collect();
        let mut expected = numbers.clone();
        for (row, head) in expected.chunks_exact_mut(n_heads * head_dim).enumerate() {
            let turns = &turns[row * n_pairs..][..n_pairs];
            rotate(Isa::detect(), head, head_dim, turns, interleaved);
        }
        let side = |side: usize| {
            let numbers: Vec<f32> = turns.iter().map(|turn| turn[side]).collect();
            Tensor::from_vec(numbers, (n_rows, 1, n_pairs), &Device::Cpu).unwrap()
        };
        let turns = Turns {
            cos: side(0),
            sin: side(1),
            head_dim,
            interleaved,
        };
        let x = Tensor::from_slice(&numbers, (n_rows, n_heads * head_dim), &Device::Cpu).unwrap();
        let turned = turns.rotate(&x, n_heads).unwrap();
        let turned: Vec<f32> = turned.flatten_all().unwrap().to_vec1().unwrap();
        for (turned, expected) in turned.iter().zip(&expected) {
            assert!((turned - expected).abs() < 1e-6, "{n_pairs}, {interleaved}");
        }
    }
}

/// GPUs keep weights in 16 bits, which the tests of whole models do not.
#[test]
fn weights_of_16_bits_are_rounded_and_no_more() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/tiny-qwen2.gguf");
    let gguf = Gguf::open(&path).unwrap();
    let rows: Vec<Row> = (0..40)
        .map(|position| Row {
            token: 7 * position as u32,
            sequence: 0,
            adapter: None,
            position,
            wants_logits: true,
        })
        .collect();
    let run = |n_bytes: usize| {
        let mut decoder = Decoder::load(&gguf, crate::Device::Candle, n_bytes, 2).unwrap();
        let batch = Batch {
            rows: &rows,
            pages: &[&[1, 0]],
            adapters: &[],
        };
        let logits = decoder.forward(batch).unwrap();
        let logits: Vec<f32> = logits.rows().flatten().copied().collect();
        (logits, decoder.n_bytes())
    };
    let ((long, n_long), (short, n_short)) = (run(4), run(2));
    assert_eq!(n_long, 2 * n_short);
    let squares: f32 = long.iter().zip(&short).map(|(a, b)| (a - b).powi(2)).sum();
    let error = (squares / long.len() as f32).sqrt();
    println!("root mean square of what rounding does to logits: {error}");
    assert!(error > 0.0 && error < 0.1, "{error}");
}
